"Matrices: elements, sizes, new ones and views.

Every subscript is checked. When a subscript is the variable of the loop around it, or does not
change there, and the element is used in every round, the check is made once before the loop."

(import re)
(import sn.cells [Cons items])
(import sn.symbols [Symbol])
(import sn.compiler.unit [Binding refuse fail leaving lookup emit fresh keep constant? steady-in
                          count-arguments])
(import sn.compiler.types [LETTERS ELEMENTS DTYPES number? integer? matrix? convert idx])
(import sn.compiler.forms [FORMS ELEMENT arguments matrix-of value as-type])
(eval-when-compile (require sn.compiler.forms [defform defforms]))

(setv RANGE "subscript out of range")

;; ---------------------------------------------------------------- elements

(defn check [u form matrix axis text given]
  "Have a subscript checked: before the loop if it can be told there, else here."
  (setv size f"{matrix}.shape[{axis}]")
  (setv loop (when u.loops (get u.loops -1)))
  (setv own (when (isinstance given Symbol) (lookup u given)))
  (setv name form.car)
  (setv binding (when (isinstance name Symbol) (lookup u name)))
  (setv test None)
  (when (and (is-not loop None) (is-not binding None) (steady-in u loop name binding))
    (cond
      (and (is-not own None) (is own loop.variable) (not-in given loop.changed))
        (setv test (.format "({} < 0 or {} >= {})" loop.first loop.last size))
      (or (constant? text) (and (is-not own None) (steady-in u loop given own)
                                (integer? own.type)))
        (setv test f"not 0 <= {text} < {size}")))
  (if (is test None)
      (fail u f"not 0 <= {text} < {size}" RANGE form)
      (do (setv line (.format "if {} <= {} and {}:" loop.first loop.last test))
          (when (not-in line loop.before)
            (.append loop.before line)
            (.append loop.before (leaving u form RANGE))))))

(defn element [u form matrix type]
  "Read an element of a matrix, or write it."
  (setv [_ rank letter] type given (items form.cdr) kind (get ELEMENTS letter))
  (when (not (<= rank (len given) (+ rank 1)))
    (refuse u form (.format "{} subscripts were expected" rank)))
  (setv found (arguments u form.cdr) places [])
  (for [[axis [text type]] (enumerate (cut found 0 rank))]
    (when (not (number? type)) (refuse u form "a subscript must be a number"))
    (setv text (convert u form text type "long"))
    ;; Python text that computes is named, so that check and use see one value.
    (when (not (re.fullmatch r"\w+" text)) (setv text (keep u text)))
    (check u form matrix axis text (get given axis))
    (.append places f"_place({text})"))
  (setv target (.format "{}[{}]" matrix (.join ", " (or places ["0"]))))
  (when (= (len given) rank)
    (return #((if (integer? kind) f"_read({target})" target) kind)))
  (setv [text other] (get found -1))
  (emit u (.format "{} = {}" target (convert u form text other kind)))
  #(matrix (idx rank letter)))

(setv (get FORMS ELEMENT) element)

;; ---------------------------------------------------------------- sizes

(defn dimension [base less]
  (fn [u form]
    (count-arguments u form 2 2)
    (setv [[text type] [k kind]] (arguments u form.cdr))
    (when (not (matrix? type)) (refuse u form "a matrix was expected"))
    (when (not (constant? k)) (refuse u form "the number of the dimension must be constant"))
    (setv k (int k))
    (cond (and (= base 1) (= k 0)) #((str (get type 1)) "long")
          (<= base k (+ (get type 1) base -1))
            #((.format "({}.shape[{}] - {})" text (- k base) less) "long")
          True (refuse u form "illegal dimension number"))))

(setv (get FORMS "bound") (dimension 1 1)
      (get FORMS "idx-dim") (dimension 0 0))

(defform ["idx-ndim"] [u form]
  (count-arguments u form 1 1)
  #((str (get (matrix-of u form form.cdr.car) 1 1)) "long"))

(defform ["idx-nelements"] [u form]
  (count-arguments u form 1 1)
  #((.format "{}.size" (get (matrix-of u form form.cdr.car) 0)) "long"))

;; ---------------------------------------------------------------- new matrices

(defn made [u letter shape]
  "A new matrix; shape is Python text of a tuple."
  (setv name (fresh u "m"))
  (emit u (.format "{} = np.zeros({}, np.{})" name shape (get DTYPES letter)))
  name)

(defn tuple-text [texts] (.format "({})" (.join "" (lfor t texts f"{t}, "))))

(defforms (lfor [kind letter] (.items LETTERS) [(+ kind "-matrix") letter]) [u form letter]
  (count-arguments u form 0 7)
  (setv sizes (lfor found (arguments u form.cdr) (as-type u form found "int")))
  (for [size sizes] (fail u f"{size} < 0" "illegal dimension" form))
  #((made u letter (tuple-text (or sizes ["1"]))) (idx (len sizes) letter)))

(defforms [["copy-matrix" None] ["clone-matrix" "f"]] [u form letter]
  (count-arguments u form 1 (if letter 1 2))
  (when (and (not letter) (is-not form.cdr.cdr None))
    (return ((get FORMS "idx-copy") u form)))
  (setv [text [_ rank own]] (matrix-of u form form.cdr.car))
  (setv new (made u (or letter own) f"{text}.shape"))
  (when (not letter) (emit u f"{new}[...] = {text}"))
  #(new (idx rank (or letter own))))

;; ---------------------------------------------------------------- views

(defn view [u text type rank]
  "Name a view, so that it is made once."
  #((keep u text) (idx rank (get type 2))))

(defn fixed [u form found axis]
  "The number of a dimension, which must stand in the program."
  (setv [text _] found)
  (when (not (and (re.fullmatch r"\d+" text) (< (int text) axis)))
    (refuse u form "the number of the dimension must be constant"))
  (int text))

(defn strided [text shape strides]
  (.format "np.lib.stride_tricks.as_strided({}, {}, {})" text (tuple-text shape)
           (tuple-text strides)))

(defform ["select"] [u form]
  (count-arguments u form 3 3)
  (setv [[text type] k place] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (setv rank (get type 1) k (fixed u form k rank)
        text (keep u text) place (as-type u form place "long"))
  (fail u f"not 0 <= {place} < {text}.shape[{k}]" "specified subscript is too large" form)
  (view u (if (= rank 1) f"{text}[{place}:{place} + 1]"
              (.format "{}[{}{}, ...]" text (* ":, " k) place))
        type (- rank 1)))

(defform ["narrow"] [u form]
  (count-arguments u form 3 4)
  (setv [[text type] k #* sizes] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (setv k (fixed u form k (get type 1)) text (keep u text))
  (setv [size first #* _] (lfor found [#* sizes #("0" "long")] (as-type u form found "int")))
  (fail u f"{first} < 0 or {size} < 0 or {first} + {size} > {text}.shape[{k}]"
        "specified interval is too large" form)
  (view u (.format "{}[{}{}:{} + {}]" text (* ":, " k) first first size) type (get type 1)))

(defform ["transpose"] [u form]
  (count-arguments u form 1 2)
  (setv [text type] (matrix-of u form form.cdr.car) rank (get type 1))
  (setv order (if (is form.cdr.cdr None) (list (reversed (range rank)))
                  (permutation u form form.cdr.cdr.car rank)))
  (if (< rank 2) #(text type)
      (view u (.format "np.transpose({}, {})" text (tuple-text order)) type rank)))

(defform ["idx-transclone"] [u form]
  (count-arguments u form 2 2)
  ((get FORMS "transpose") u form))

(defn permutation [u form order rank]
  (setv listed (when (and (isinstance order Cons) (isinstance order.car Symbol)
                          (= order.car.name "quote") (isinstance order.cdr Cons))
                 (items order.cdr.car)))
  (when (or (not listed) (!= (sorted listed) (list (range rank))))
    (refuse u form "a quoted permutation of the dimensions was expected"))
  (lfor k listed (int k)))

(defform ["idx-clone"] [u form]
  (count-arguments u form 1 1)
  (setv [text type] (matrix-of u form form.cdr.car))
  (view u f"{text}[...]" type (get type 1)))

(defform ["diagonal"] [u form]
  (count-arguments u form 2 2)
  (setv [[text type] n] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (setv rank (get type 1) n (fixed u form n (+ rank 1)) text (keep u text))
  (when (< n 2) (refuse u form "illegal parameters"))
  (setv kept (- rank n) last (range kept rank))
  (for [k (range (+ kept 1) rank)]
    (fail u f"{text}.shape[{k}] != {text}.shape[{kept}]"
          "The last dimensions should have the same size" form))
  (view u (strided text (lfor k (range (+ kept 1)) f"{text}.shape[{k}]")
                   [#* (lfor k (range kept) f"{text}.strides[{k}]")
                    (.join " + " (lfor k last f"{text}.strides[{k}]"))])
        type (+ kept 1)))

(defform ["unfold"] [u form]
  (count-arguments u form 4 4)
  (setv [[text type] k size step] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (setv rank (get type 1) k (fixed u form k rank) text (keep u text)
        size (as-type u form size "int") step (as-type u form step "int"))
  (fail u f"{size} < 1 or {step} < 1 or {text}.shape[{k}] < {size}" "illegal parameters" form)
  (fail u f"({text}.shape[{k}] - {size}) % {step} != 0"
        "Index dimension does not match size and step" form)
  (setv shape (lfor i (range rank) f"{text}.shape[{i}]")
        strides (lfor i (range rank) f"{text}.strides[{i}]"))
  (setv (get shape k) f"({text}.shape[{k}] - {size}) // {step} + 1"
        (get strides k) f"{text}.strides[{k}] * {step}")
  (view u (strided text [#* shape size] [#* strides f"{text}.strides[{k}]"]) type (+ rank 1)))

(defform ["redim"] [u form]
  (count-arguments u form 2 8)
  (setv [[text type] #* sizes] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (setv text (keep u text) sizes (lfor s sizes (as-type u form s "int")))
  (for [size sizes] (fail u f"{size} < 0" "illegal dimension" form))
  (fail u (.format "{} != {}.size" (.join " * " sizes) text) "incorrect number of elements"
        form)
  (fail u f"not _contiguous({text})" "matrix is not contiguous" form)
  (setv strides (lfor k (range (len sizes))
                  (.join " * " [f"{text}.itemsize" #* (cut sizes (+ k 1) None)])))
  (view u (strided text sizes strides) type (len sizes)))
