"Conditions, sequences, binding and assignment."

(import sn.cells [Cons items])
(import sn.symbols [Symbol T])
(import sn.compiler.unit [refuse bind lookup wanted in-scope keep emit count-arguments])
(import sn.compiler.types [declarations number? integer? convert])
(import sn.compiler.forms [FORMS value body condition branch arguments changed])
(import sn.compiler.numbers [arithmetic])
(import sn.compiler.objects [assign-slot stored])
(eval-when-compile (require sn.compiler.forms [defform]))

(defform ["if"] [u form]
  (count-arguments u form 2)
  (branch u form (condition u form.cdr.car)
          [value form.cdr.cdr.car] [body form.cdr.cdr.cdr]))

(defform ["when"] [u form]
  (count-arguments u form 1)
  (branch u form (condition u form.cdr.car) [body form.cdr.cdr] [body None]))

(defn clauses [u form cells]
  (when (is cells None) (return #("None" "nil")))
  (setv clause cells.car)
  (when (not (and (isinstance clause Cons) (isinstance clause.cdr Cons)))
    (refuse u form "a clause needs a condition and forms"))
  (branch u form (condition u clause.car)
          [body clause.cdr] [clauses form cells.cdr]))

(defform ["cond"] [u form] (clauses u form form.cdr))

(defn choices [u form key kind cells]
  (when (is cells None) (return #("None" "nil")))
  (setv clause cells.car)
  (when (not (isinstance clause Cons)) (refuse u form "bad clause"))
  (when (is clause.car T) (return (body u clause.cdr)))
  (setv listed (if (isinstance clause.car Cons) (items clause.car) [clause.car]))
  (when (not (all (gfor k listed (isinstance k #(float int str)))))
    (refuse u form "bad clause"))
  (setv keys (lfor k listed (value u k)))
  (when (not (all (gfor [_ type] keys (= (= type "string") (= kind "string")))))
    (refuse u form "keys of another type"))
  (branch u form (.join " or " (lfor [text _] keys f"{key} == {text}"))
          [body clause.cdr] [choices form key kind cells.cdr]))

(defform ["selectq"] [u form]
  (count-arguments u form 1)
  (setv [text type] (value u form.cdr.car))
  (when (not (or (number? type) (= type "string"))) (refuse u form "not a number or string"))
  (choices u form (keep u text) type form.cdr.cdr))

(defform ["progn"] [u form] (body u form.cdr))

(defform ["prog1"] [u form]
  (count-arguments u form 1)
  (setv [text type] (value u form.cdr.car))
  (setv text (keep u text))
  (body u form.cdr.cdr)
  #(text type))

(defn chain [u form cells all]
  (when (is cells None) (return #((if all "True" "False") "bool")))
  (setv test (condition u cells.car))
  (cond (is cells.cdr None) #(test "bool")
        all (branch u form test [chain form cells.cdr all] [constantly "False"])
        True (branch u form test [constantly "True"] [chain form cells.cdr all])))

(defn constantly [u text] #(text "bool"))

(defform ["and"] [u form] (chain u form form.cdr True))
(defform ["or"] [u form] (chain u form form.cdr False))
(defform ["not" "null"] [u form]
  (count-arguments u form 1 1)
  (setv test (condition u form.cdr.car))
  #((.get {"True" "False" "False" "True"} test f"(not {test})") "bool"))

;; ---------------------------------------------------------------- variables

(defn binding-type [symbol type declared changing]
  "What a variable is that begins with a value of some type."
  (cond (is-not declared None) declared
        (and (integer? type) (not-in symbol changing)) type
        (number? type) "double"
        True type))

(defn let-form [sequential]
  (fn [u form]
    (count-arguments u form 2)
    (setv [declared forms] (declarations u form.cdr.cdr))
    (setv changing (changed u form) pairs [])
    (for [pair (items form.cdr.car)]
      (when (not (and (isinstance pair Cons) (isinstance pair.cdr Cons)
                      (is pair.cdr.cdr None)))
        (refuse u form "bad declaration of a variable"))
      (.append pairs #(pair.car pair.cdr.car)))
    (defn store [u symbol text type form]
      (setv want (.get declared symbol (wanted u symbol)))
      (when (or (in type #("void" "mixed")) (and (= type "nil") (!= want "bool")))
        (refuse u form "it has no value here"))
      (setv kind (binding-type symbol type want changing))
      (setv converted (convert u form text type kind))
      (setv new (bind u symbol kind))
      (emit u (.format "{} = {}" new.python converted)))
    (defn inside [u]
      (when sequential
        (for [[symbol given] pairs] (store u symbol #* (value u given) given)))
      (when (not sequential)
        (setv found (arguments u (u.interpreter.make-list (lfor [_ v] pairs v))))
        (for [[[symbol given] [text type]] (list (zip pairs found))]
          (store u symbol text type given)))
      (body u forms))
    (in-scope u declared inside)))

(setv (get FORMS "let") (let-form False)
      (get FORMS "let*") (let-form True))

(defn assign [u form target text type]
  "Store a value in a variable or slot; return what it holds then."
  (when (isinstance target Cons) (return (assign-slot u form target text type)))
  (when (not (isinstance target Symbol)) (refuse u form "only variables can be set"))
  (setv binding (lookup u target))
  (when (is binding None) (refuse u form f"{target.name} is no variable of this function"))
  (store-in u form target binding text type))

(defn store-in [u form target binding text type]
  (when (is binding.python None)
    (refuse u form f"the slot {target.name} cannot be set here: only numbers can"))
  (setv text (convert u form text type binding.type))
  (emit u (.format "{} = {}" binding.python
                   (if binding.shared (stored text binding.type) text)))
  #(binding.read binding.type))

(defform ["setq"] [u form]
  (setv parts (items form.cdr))
  (when (or (not parts) (% (len parts) 2)) (refuse u form "two arguments were expected"))
  (setv found (arguments u (u.interpreter.make-list (cut parts 1 None 2))))
  (when (> (len found) 1) (setv found (lfor [text type] found #((keep u text) type))))
  (for [[target [text type]] (zip (cut parts 0 None 2) found)]
    (setv result (assign u form target text type)))
  result)

(defform ["incr"] [u form]
  (count-arguments u form 1 2)
  ;; The amount first: it may set the variable.
  (setv amount (if (is form.cdr.cdr None) #("1" "long") (value u form.cdr.cdr.car)))
  (setv [text type] (arithmetic u form "+" [(value u form.cdr.car) amount]))
  (assign u form form.cdr.car text type))
