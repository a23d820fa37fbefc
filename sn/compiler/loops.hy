"Loops: by condition, by number, over the parts of matrices."

(import sn.cells [Cons items])
(import sn.symbols [Symbol])
(import sn.primitives.idx-arithmetic [gloop-form])
(import sn.compiler.unit [Loop refuse bind wanted in-scope keep fresh emit aside arm indented
                          constant? fail count-arguments])
(import sn.compiler.types [declarations number? integer? matrix? wider convert idx])
(import sn.compiler.forms [FORMS value effect condition arguments changed number-of])
(eval-when-compile (require sn.compiler.forms [defform]))

(defn looping [u form header first last inside]
  "Emit a loop: its header, then the body, checks that hold for all rounds before it."
  (setv before [])
  (.append u.loops (Loop before first last (changed u form)))
  (try
    (setv [block _] (aside u inside))
    (finally (.pop u.loops)))
  (.extend u.block before)
  (emit u header)
  (.extend u.block (indented block))
  #("None" "void"))

(defn endless [u form inside]
  (setv [block _] (arm u inside))
  (emit u "while True:")
  (.extend u.block (indented block))
  #("None" "void"))

(defn leave-unless [u test]
  (emit u f"if not {test}:")
  (emit u "    break"))

(defform ["while"] [u form]
  (count-arguments u form 1)
  (endless u form
    (fn [u]
      (leave-unless u (condition u form.cdr.car))
      (effect u form.cdr.cdr))))

(defform ["do-while"] [u form]
  (count-arguments u form 1)
  (endless u form
    (fn [u]
      (effect u form.cdr.cdr)
      (leave-unless u (condition u form.cdr.car)))))

(defform ["repeat"] [u form]
  (count-arguments u form 1)
  (setv [text type] (number-of u form form.cdr.car))
  (setv last (keep u (.format "{} - 1" (convert u form text type "long"))))
  (setv name (fresh u))
  (looping u form f"for {name} in range({last} + 1):" "0" last
           (fn [u] (effect u form.cdr.cdr))))

;; ---------------------------------------------------------------- for

(defform ["for"] [u form]
  (count-arguments u form 1)
  (setv header form.cdr.car)
  (when (not (and (isinstance header Cons) (isinstance header.car Symbol)
                  (<= 3 (len (items header)) 4)))
    (refuse u form "bad 'for' syntax"))
  (setv symbol header.car changing (changed u form))
  (setv [declared forms] (declarations u form.cdr.cdr))
  (setv found (arguments u header.cdr))
  (when (= (len found) 2) (.append found #("1" "long")))
  (when (not (all (gfor [_ type] found (number? type)))) (refuse u form "not a number"))
  (setv [[first kind] [last end] [step by]] found)
  (setv want (.get declared symbol (wanted u symbol)))
  (setv whole (and (integer? kind) (integer? by) (constant? step) (!= step "0")))
  (setv type (if (and whole (not-in symbol changing) (in want #(None "int")))
                 "long"
                 (or want "double")))
  (defn inside [u counter known]
    (in-scope u declared
      (fn [u]
        (setv new (bind u symbol type))
        (when (and whole (= type "long")) (setv (. (get u.loops -1) variable) new))
        (emit u (.format "{} = {}" new.python (convert u form counter known type)))
        (effect u forms))))
  (if whole
      (counted u form inside [first last step] end)
      (measured u form inside found)))

(defn counted [u form inside texts end]
  "A loop over integers, whose number of rounds is known before."
  (setv [first last step] texts)
  (setv up (> (int step) 0) first (keep u first))
  (when (not (integer? end)) (setv last (.format "{}({})" (if up "_floor" "_ceil") last)))
  (setv last (keep u last) counter (fresh u "k"))
  (when (not-in step #("1" "-1"))
    (setv last (keep u f"{first} + ({last} - {first}) // {step} * {step}")))
  (setv stop (.format "{} {} 1" last (if up "+" "-")))
  (looping u form f"for {counter} in range({first}, {stop}, {step}):"
           #* (if up [first last] [last first])
           (fn [u] (inside u counter "long"))))

(defn measured [u form inside found]
  "A loop that adds a step again and again, as the interpreter does."
  (setv [[first kind] [last _] [step by]] found)
  (setv type (wider kind by) counter (fresh u "k"))
  (emit u (.format "{} = {}" counter (convert u form first kind type)))
  (setv last (keep u last) step (keep u step))
  (endless u form
    (fn [u]
      (leave-unless u (.format "({} <= {} if {} >= 0 else {} >= {})"
                               counter last step counter last))
      (inside u counter type)
      (emit u (.format "{} = {}" counter
                       (convert u form f"{counter} + {step}" (wider type by) type))))))

;; ---------------------------------------------------------------- parts of matrices

(defn part [text place rank last]
  "A view of one place of the first or last dimension; rank 0 is a vector of one element."
  (cond (= rank 0) f"{text}[{place}:{place} + 1]"
        last f"{text}[..., {place}]"
        True f"{text}[{place}, ...]"))

(defn slices [last]
  (fn [u form]
    (count-arguments u form 1)
    (setv names [] given [])
    (for [pair (items form.cdr.car)]
      (when (not (and (isinstance pair Cons) (isinstance pair.cdr Cons)))
        (refuse u form "bad declaration of a variable"))
      (.append names pair.car)
      (.append given pair.cdr.car))
    (when (not names) (refuse u form "a matrix was expected"))
    (setv found (lfor [text type] (arguments u (u.interpreter.make-list given))
                      #((keep u text) type)))
    (for [[_ type] found]
      (when (not (and (matrix? type) (> (get type 1) 0)))
        (refuse u form "a matrix was expected")))
    (setv [declared forms] (declarations u form.cdr.cdr))
    (setv sizes (lfor [text type] found
                      (.format "{}.shape[{}]" text (if last (- (get type 1) 1) 0))))
    (setv n (keep u (get sizes 0)) counter (fresh u "k") end (fresh u))
    (for [size (cut sizes 1 None)]
      (fail u f"{size} != {n}" "matrices of different dimensions" form))
    (emit u f"{end} = {n} - 1")
    (defn inside [u]
      (in-scope u declared
        (fn [u]
          (for [[symbol [text type]] (zip names found)]
            (setv new (bind u symbol (idx (- (get type 1) 1) (get type 2))))
            (emit u (.format "{} = {}" new.python
                             (part text counter (- (get type 1) 1) last))))
          (effect u forms))))
    (looping u form f"for {counter} in range({n}):" "0" end inside)))

(setv (get FORMS "idx-bloop") (slices False)
      (get FORMS "idx-eloop") (slices True))

(defform ["idx-gloop"] [u form]
  (count-arguments u form 2)
  (value u (gloop-form u.interpreter form.cdr.car form.cdr.cdr)))
