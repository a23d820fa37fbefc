"Numbers: arithmetic, comparison, functions, random numbers."

(import sn.compiler.unit [refuse keep fresh emit count-arguments fail])
(import sn.compiler.types [number? integer? wider convert])
(import sn.compiler.forms [FORMS value arguments number-of])
(eval-when-compile (require sn.compiler.forms [defform defforms]))

(defn arithmetic [u form operator found]
  "Apply an operator to translated arguments, from the left."
  (for [[_ type] found] (when (not (number? type)) (refuse u form "not a number")))
  (setv [text type] (get found 0))
  (for [[other kind] (cut found 1 None)]
    (setv common (wider type kind))
    (if (= operator "/")
        (do (setv common (if (= common "long") "double" common))
            (setv text (.format "_over({}, {})" (convert u form text type common)
                                (convert u form other kind common))))
        (setv text (.format "({} {} {})" (convert u form text type common) operator
                            (convert u form other kind common))))
    (setv type common))
  #(text type))

(defforms [["+" "+" "0"] ["*" "*" "1"] ["-" "-" None] ["/" "/" None]]
  [u form operator nothing]
  (count-arguments u form (if nothing 0 1))
  (setv found (arguments u form.cdr))
  (cond
    (not found) #(nothing "long")
    (and (= (len found) 1) (= operator "-"))
      (do (when (not (number? (get found 0 1))) (refuse u form "not a number"))
          #((.format "(-{})" (get found 0 0))
            (if (integer? (get found 0 1)) "long" (get found 0 1))))
    (and (= (len found) 1) (= operator "/"))
      (arithmetic u form "/" [#("1" "long") #* found])
    True (arithmetic u form operator found)))

(defforms [["1+" "+" "1"] ["1-" "-" "1"] ["2*" "*" "2"] ["2/" "/" "2"]]
  [u form operator amount]
  (count-arguments u form 1 1)
  (arithmetic u form operator [(value u form.cdr.car) #(amount "long")]))

(defforms [["<" "<"] [">" ">"] ["<=" "<="] [">=" ">="] ["=" "=="] ["<>" "!="]]
  [u form operator]
  (count-arguments u form 2 2)
  (setv [[a kind] [b other]] (arguments u form.cdr))
  (when (= "string" kind other) (return #(f"({a} {operator} {b})" "bool")))
  (when (not (and (number? kind) (number? other))) (refuse u form "not a number"))
  ;; a comparison of float and double is one of doubles, as in C
  (setv common (wider kind other))
  #((.format "({} {} {})" (convert u form a kind common) operator
             (convert u form b other common)) "bool"))

(defforms [["0=" "=="] ["0<>" "!="]] [u form operator]
  (count-arguments u form 1 1)
  #((.format "({} {} 0)" (get (number-of u form form.cdr.car) 0) operator) "bool"))

;; ---------------------------------------------------------------- functions

(defforms (lfor name ["sqrt" "exp" "log" "log10" "sin" "cos" "tan" "asin" "acos" "atan" "sinh"
                      "cosh" "tanh" "asinh" "acosh" "atanh" "erf" "erfc" "log1+" "exp-1"]
            [name (.get {"log1+" "log1p"  "exp-1" "expm1"} name name)])
  [u form python]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #((.format "_{}({})" python (convert u form text type "double")) "double"))

(defforms (lfor name ["qtanh" "qdtanh" "qstdsigmoid" "qdstdsigmoid" "qexpmx" "qdexpmx"]
            [name name])
  [u form python]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #((.format "_{}({})" python (convert u form text type "double")) "double"))

(defforms [["int" "floor"] ["floor" "floor"] ["ceil" "ceil"]] [u form python]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  (if (integer? type)
      #(text type)
      #((.format "float(np.{}({}))" python text) "double")))

(defform ["abs"] [u form]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #(f"abs({text})" (if (integer? type) "long" type)))

(defform ["sgn"] [u form]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #(f"(1 if {text} >= 0 else -1)" "long"))

(defforms [["max" ">"] ["min" "<"]] [u form operator]
  (count-arguments u form 1)
  (setv found (arguments u form.cdr) type "never")
  (for [[_ kind] found]
    (when (not (number? kind)) (refuse u form "not a number"))
    (setv type (wider type kind)))
  (setv [best #* others] (lfor [text kind] found (keep u (convert u form text kind type))))
  (setv name (fresh u "best"))
  (emit u f"{name} = {best}")
  (for [other others]
    (emit u f"if {other} {operator} {name}:")
    (emit u f"    {name} = {other}"))
  #(name type))

(defform ["**"] [u form]
  (count-arguments u form 2 2)
  (setv found (lfor [text type] (arguments u form.cdr) (convert u form text type "double")))
  #((.format "_pow({}, {})" #* found) "double"))

(defforms [["div" "_quotient"] ["mod" "_remainder"] ["bitand" "_bitand"] ["bitor" "_bitor"]
           ["bitxor" "_bitxor"] ["bitshl" "_bitshl"] ["bitshr" "_bitshr"]]
  [u form python]
  (count-arguments u form 2 2)
  (setv found (lfor [text type] (arguments u form.cdr)
                    (keep u (convert u form text type "int"))))
  (when (in python #("_quotient" "_remainder"))
    (fail u (.format "{} == 0" (get found 1)) "division by zero" form))
  #((.format "{}({}, {})" python #* found) "long"))

(defforms [["to-int" "int"] ["to-float" "float"] ["to-number" "double"]] [u form type]
  (count-arguments u form 1 1)
  (setv [text kind] (number-of u form form.cdr.car))
  #((convert u form text kind type) type))

;; ---------------------------------------------------------------- random numbers

(defn draw [u text]
  "Draw from the interpreter's stream, whose state the function takes as an argument."
  (setv u.own.uses-random True name (fresh u))
  (emit u f"{name} = {text}")
  name)

(defn doubles [u form most]
  (count-arguments u form 0 most)
  (lfor [text type] (arguments u form.cdr) (keep u (convert u form text type "double"))))

(defform ["rand"] [u form]
  (setv found (doubles u form 2))
  (setv drawn (draw u "float(_uniform(random))"))
  (cond (not found) #(drawn "double")
        (= (len found) 1)
          (do (setv [a] found) #(f"(({a} + {a}) * {drawn} - {a})" "double"))
        True (do (setv [a b] found) #(f"(({b} - {a}) * {drawn} + {a})" "double"))))

(defform ["gauss"] [u form]
  (setv found (doubles u form 2))
  (setv drawn (draw u "float(_normal(random))"))
  (cond (not found) #(drawn "double")
        (= (len found) 1) #((.format "({} * {})" (get found 0) drawn) "double")
        True #((.format "({} + {} * {})" #* found drawn) "double")))

(defform ["seed"] [u form]
  (count-arguments u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  (setv text (keep u text) u.own.uses-random True)
  (emit u (.format "_seed(random, {})" (convert u form text type "double")))
  #(text type))
