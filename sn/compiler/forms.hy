"The walk over forms: each construct is found in one table, what is not there is refused."

(import sn.cells [Cons items])
(import sn.functions [Macro])
(import sn.primitives.registry [Special])
(import sn.symbols [Symbol T])
(import sn.compiler.unit [refuse lookup aside arm emit indented fresh keep constant?])
(import sn.compiler.types [declarations joined convert number? matrix? object?])

;; Word -> translation. Four entries have names no word can have: what an operator can be
;; that is not in the table.
(setv FORMS {})
(setv ELEMENT "an element" CALL "a call" STRING "a string")
(setv C-CODE #("c-code" "cinline" "cheader" "ccall"))

(defmacro defform [names parameters #* body]
  "Define a translation and enter it in the table under each of the names."
  (setv f (hy.gensym "translate"))
  `(do
     (defn ~f ~parameters ~@body)
     (for [name ~names] (setv (get FORMS name) ~f))))

(defmacro defforms [names parameters #* body]
  "Define a translation for each of several rows of names and what differs between them."
  `(for [row ~names]
     (setv (get FORMS (get row 0))
       ((fn ~(cut parameters 2 None) (fn ~(cut parameters 0 2) ~@body))
        #* (cut row 1 None)))))

;; ---------------------------------------------------------------- the walk

(defn value [u form]
  "Translate a form; return text and type."
  (cond
    (isinstance form Symbol)
      (do (setv binding (lookup u form))
          (cond (is-not binding None) (variable u form binding)
                (is form T) #("True" "bool")
                (= form.name "nil") #("None" "nil")
                True (refuse u form "no variable of this function")))
    (is form None) #("None" "nil")
    (isinstance form #(float int))
      (cond (and (= form (int form)) (< (abs form) 2147483648)) #((str (int form)) "long")
            (= form form) #((repr (float form)) "double"))
    (isinstance form str) #((ascii (str form)) "string")
    (isinstance form Cons) (compound u form)
    True (refuse u form "this object cannot be compiled")))

(defn variable [u form binding]
  (when (is binding.type None)
    (refuse u form "this slot is not declared"))
  #(binding.read binding.type))

(defn compound [u form]
  (setv operator form.car outer u.pos)
  (when (is-not (getattr form "pos" None) None) (setv u.pos form.pos))
  (try
    (cond
      (isinstance operator Cons)
        (do (setv [text type] (value u operator))
            (when (not (matrix? type)) (refuse u form "not a function call"))
            ((get FORMS ELEMENT) u form (keep u text) type))
      (not (isinstance operator Symbol)) (refuse u form "not a function call")
      (is-not (lookup u operator) None)
        (do (setv [text type] (variable u form (lookup u operator)))
            (if (matrix? type)
                ((get FORMS ELEMENT) u form text type)
                (refuse u form "not declared as a matrix")))
      (u.program.callable? operator) ((get FORMS CALL) u form)
      (isinstance operator.value Macro) (value u (expansion u form))
      True
        (do (setv name (operator-name operator))
            (cond (in name FORMS) ((get FORMS name) u form)
                  (in name C-CODE) (refuse u form "C code cannot be compiled, write it in SN")
                  True (refuse u form "not in the compiled language"))))
    (finally (setv u.pos outer))))

(defn operator-name [symbol]
  "The name under which an operator stands in the table: aliases are resolved."
  (setv value symbol.value)
  (if (isinstance value Special)
      value.name
      (getattr (getattr value "sn" None) "name" symbol.name)))

(defn expansion [u form]
  "The expansion of a macro call, the same one whenever it is asked for."
  (when (not-in (id form) u.expansions)
    (setv (get u.expansions (id form)) #(form (u.interpreter.expansion form.car.value form))))
  (get u.expansions (id form) 1))

(defn changed [u form]
  "The symbols that setq or incr set somewhere in a form."
  (setv found (set) stack [form])
  (while stack
    (setv item (.pop stack))
    (when (isinstance item Cons)
      (when (and (isinstance item.car Symbol) (isinstance item.car.value Macro)
                 (is (lookup u item.car) None))
        (.append stack (expansion u item)))
      (when (and (isinstance item.car Symbol) (in (operator-name item.car) ["setq" "incr"]))
        (for [part (items item.cdr)] (when (isinstance part Symbol) (.add found part))))
      (while (isinstance item Cons)
        (.append stack item.car)
        (setv item item.cdr))))
  found)

;; ---------------------------------------------------------------- several forms

(defn arguments [u forms]
  "Translate arguments in order."
  (setv found [])
  (for [form (items forms)]
    (setv [block [text type]] (aside u value form))
    (when block
      (setv found (lfor [a k] found #((keep u a) k)))
      (.extend u.block block))
    (.append found #(text type)))
  found)

(defn body [u forms]
  "Translate forms in order; the value is the last one's."
  (setv [declared forms] (declarations u forms))
  (when declared (refuse u forms "declarations stand at the head of a function, let or for"))
  (setv result #("None" "nil"))
  (while (isinstance forms Cons)
    (setv result (value u forms.car))
    (setv forms forms.cdr))
  result)

(defn effect [u forms]
  "Translate forms for effect only."
  (body u forms)
  None)

(defn condition [u form]
  "Translate a test; what cannot be () is always true."
  (setv [text type] (value u form))
  (cond (in type #("bool" "never")) text
        (= type "nil") "False"
        (or (matrix? type) (object? type) (= type "string")) "True"
        True (refuse u form "not a truth value: all numbers are true")))

(defn merge [u form arms]
  "Give branches one result; return the blocks and the text and type of the result."
  (setv type "never")
  (for [[_ [_ kind]] arms] (setv type (joined type kind)))
  (if (in type #("void" "nil" "mixed"))
      [(lfor [block _] arms block) #("None" type)]
      (do (setv name (fresh u))
          [(lfor [block [text kind]] arms
             (+ block [(.format "{} = {}" name (convert u form text kind type))]))
           #(name type)])))

(defn branch [u form test yes no]
  "An if with two translations."
  (when (in test #("True" "False"))
    (setv [translate #* given] (if (= test "True") yes no))
    (return (translate u #* given)))
  (setv [[a b] result] (merge u form [(arm u #* yes) (arm u #* no)]))
  (emit u f"if {test}:")
  (.extend u.block (indented a))
  (when b
    (emit u "else:")
    (.extend u.block (indented b)))
  result)

;; ---------------------------------------------------------------- arguments of one kind

(defn number-of [u form cell]
  (setv [text type] (value u cell))
  (when (not (number? type)) (refuse u form "not a number"))
  #(text type))

(defn matrix-of [u form cell]
  (setv [text type] (value u cell))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  #(text type))

(defn as-type [u form found to]
  "Python text of an argument that must have a type, named once."
  (keep u (convert u form (get found 0) (get found 1) to)))
