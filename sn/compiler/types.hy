"Static types, their conversions, and the declarations that name them.

A type is a string: bool byte ubyte short int float double string, long for integers under way,
nil for (), void for what has no value, mixed for values of several types, never for what does
not return. Or it is a tuple:

    (\"idx\", dimensions, letter)     a matrix; without dimensions it is a vector of one element
    (\"obj\", class, slot types)      an object; None for a slot that is not declared

As in C, float with float stays float; a quotient of integers is a double, as interpreted."

(import re)
(import sn.cells [Cons items])
(import sn.objects [SnClass])
(import sn.symbols [Symbol])
(import sn.compiler.unit [refuse constant?])

(setv INTEGERS {"byte" 8  "ubyte" 8  "short" 16  "int" 32  "long" 64})
(setv LETTERS {"double" "d"  "float" "f"  "int" "i"  "short" "s"  "byte" "b"  "ubyte" "u"})
(setv ELEMENTS (dfor [k v] (.items LETTERS) v k))
(setv DTYPES {"d" "float64"  "f" "float32"  "i" "int32"  "s" "int16"  "b" "int8"  "u" "uint8"})
(setv SCALARS #("double" "float" "int" "short" "byte" "ubyte" "bool"))

(setv MIXED "its value may have several types")

(defn number? [type] (in type #("float" "double" "never" #* INTEGERS)))
(defn integer? [type] (in type INTEGERS))
(defn matrix? [type] (and (isinstance type tuple) (= (get type 0) "idx")))
(defn object? [type] (and (isinstance type tuple) (= (get type 0) "obj")))
(defn idx [rank letter] #("idx" rank letter))

(defn wider [a b]
  "The type of a sum, as in C."
  (cond (= a "never") b
        (= b "never") a
        (in "double" #(a b)) "double"
        (in "float" #(a b)) "float"
        True "long"))

(defn joined [a b]
  "The type of a value that comes from either of two branches."
  (cond (= a b) a
        (= a "never") b
        (= b "never") a
        (and (number? a) (number? b)) (wider a b)
        (and (in a #("nil" "bool")) (in b #("nil" "bool"))) "bool"
        (in "mixed" #(a b)) "mixed"
        (or (in a #("nil" "void")) (in b #("nil" "void"))) "void"
        True "mixed"))

(defn describe [type]
  (cond (matrix? type) (.format "a {} matrix of {} dimensions" (get ELEMENTS (get type 2))
                                (get type 1))
        (object? type) (.format "an object of class {}" (. (get type 1) name name))
        (= type "bool") "a truth value"
        (= type "string") "a string"
        (number? type) "a number"
        (= type "nil") "()"
        True type))

(defn convert [u form text type to]
  "Python text that gives a value of one type as another."
  (cond
    (or (= type to) (= "never" type) (= "never" to)) text
    (and (number? type) (number? to))
      (cond
        (= to "double") (if (constant? text) (repr (float text)) f"float({text})")
        (= to "float") f"np.float32({text})"
        (and (constant? text) (integer? type) (!= to "ubyte")
             (<= (abs (int text)) 127)) text
        (not (integer? type))
          (if (in to #("int" "long")) f"_int({text})"
              (convert u form f"_int({text})" "int" to))
        (or (= to "long") (and (< (get INTEGERS type) (get INTEGERS to)) (!= to "ubyte")))
          text
        True (.format "_{}({})" (if (= to "int") "int32" to) text))
    (in type #("void" "mixed"))
      (refuse u form (if (= type "void") "it has no value here" MIXED))
    (and (= type "nil") (= to "bool")) "False"
    True (refuse u form (.format "{} where {} was expected" (describe type) (describe to)))))

;; ---------------------------------------------------------------- declarations

(defn declared-type [u form [path #()]]
  "The type a declaration such as (-int-) or (-idx2- (-float-)) names."
  (setv name (when (and (isinstance form Cons) (isinstance form.car Symbol))
               (cut form.car.name 1 -1)))
  (cond
    (is name None) (refuse u form "not a type")
    (and (in name SCALARS) (is form.cdr None)) name
    (= name "flt") "float"
    (and (in name #("str" "string")) (is form.cdr None)) "string"
    (and (re.fullmatch "idx[0-7]" name) (isinstance form.cdr Cons))
      (do (setv element (declared-type u form.cdr.car))
          (when (not-in element LETTERS) (refuse u form "not a type"))
          (idx (int (cut name 3 None)) (get LETTERS element)))
    (and (= name "obj") (isinstance form.cdr Cons) (isinstance form.cdr.car Cons))
      (do (setv kind (. form cdr car car value))
          (when (not (isinstance kind SnClass)) (refuse u form "not a class"))
          (class-type u kind path))
    True (refuse u form "this type cannot be compiled")))

(defn class-type [u kind [path #()]]
  "The type of an object all of whose slots hold what they are declared to hold."
  (when (< (len (set kind.slots)) (len kind.slots))
    (refuse u kind "a class with two slots of one name cannot be compiled"))
  (when (in kind path) (return "nil"))  ; an object of the class comes to an end somewhere
  #("obj" kind (tuple (gfor slot kind.slots
                            (when (in slot kind.types)
                              (declared-type u (get kind.types slot) #(#* path kind)))))))

(defn declaration? [form]
  (and (isinstance form Cons) (isinstance form.car Cons) (isinstance form.car.car Symbol)
       (.startswith form.car.car.name "-") (.endswith form.car.car.name "-")
       (> (len form.car.car.name) 2)))

(defn declarations [u forms]
  "Read the declarations a body begins with; return types by symbol, and the forms after."
  (setv found {})
  (while (and (isinstance forms Cons) (declaration? forms.car))
    (setv type (declared-type u forms.car.car))
    (for [symbol (items forms.car.cdr)]
      (when (not (isinstance symbol Symbol)) (refuse u forms.car "not a symbol"))
      (setv (get found symbol) type))
    (setv forms forms.cdr))
  [found forms])
