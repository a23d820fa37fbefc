"Operations on whole matrices by name: elementwise, sums, products, the float library.

Each becomes nested loops over typed elements, in the precision the interpreter uses, its sums
in order. What an operation stores in a matrix that was given is computed before, so that parts
of one matrix may be source and target."

(import sn.compiler.unit [refuse fail emit fresh keep arm indented count-arguments])
(import sn.compiler.types [ELEMENTS DTYPES integer? number? matrix? convert idx])
(import sn.compiler.forms [FORMS arguments matrix-of as-type])
(import sn.compiler.matrices [made tuple-text])
(import sn.compiler.numbers [arithmetic])
(eval-when-compile (require sn.compiler.forms [defform defforms]))

(setv UNEQUAL "matrix must have same dimensions")

(defn rank [type] (get type 1))
(defn kind [type] (get ELEMENTS (get type 2)))

(defn at [text type places]
  "An element of a matrix under loops that run over the places."
  (setv place (.join ", " (or places ["0"])))
  (if (integer? (kind type))
      #(f"_read({text}[{place}])" (kind type))
      #(f"{text}[{place}]" (kind type))))

(defn nested [u sizes inside]
  "Emit loops, one in another; inside translates the innermost body, given the counters."
  (setv counters (lfor _ sizes (fresh u "k")))
  (setv [block _] (arm u inside counters))
  (for [[counter size] (reversed (list (zip counters sizes)))]
    (setv block [f"for {counter} in range({size}):" #* (indented block)]))
  (.extend u.block block))

(defn over [u text type inside]
  (nested u (lfor k (range (rank type)) f"{text}.shape[{k}]") inside))

(defn matrices [u form count least most]
  "Translate arguments of which the first ones are matrices of one element type."
  (count-arguments u form least most)
  (setv found (lfor [text type] (arguments u form.cdr) #((keep u text) type)))
  (for [[_ type] (cut found 0 count)]
    (when (not (matrix? type)) (refuse u form "a matrix was expected"))
    (when (!= (get type 2) (get found 0 1 2))
      (refuse u form "matrices of one element type were expected")))
  found)

(defn same-shape [u form one two]
  (when (!= (rank (get one 1)) (rank (get two 1)))
    (refuse u form "matrices of as many dimensions were expected"))
  (fail u (.format "{}.shape != {}.shape" (get one 0) (get two 0)) UNEQUAL form))

(defn deliver [u form new type target add]
  "Give the result, or store it in a target, or add it there."
  (when (is target None) (return #(new type)))
  (setv [text other] target)
  (when (!= other type) (refuse u form "the target has another type or other dimensions"))
  (fail u f"{text}.shape != {new}.shape" UNEQUAL form)
  (if (not add)
      (emit u f"{text}[...] = {new}")
      (over u new type
        (fn [u places]
          (setv place (.join ", " (or places ["0"])))
          (setv [sum result] (add u form [(at text type places) (at new type places)]))
          (emit u (.format "{}[{}] = {}" text place (convert u form sum result (kind type)))))))
  target)

(defn plus [u form found] (arithmetic u form "+" found))

(defn given [found count]
  "The target among arguments, if there is one."
  (when (> (len found) count) (get found count)))

;; ---------------------------------------------------------------- elementwise

(defn elementwise [u form found target add combine]
  "Combine the elements of matrices of one shape into a new matrix."
  (setv [text type] (get found 0))
  (for [other (cut found 1 None)] (same-shape u form (get found 0) other))
  (setv new (made u (get type 2) f"{text}.shape"))
  (over u text type
    (fn [u places]
      (setv [result other] (combine u form (lfor [a k] found (at a k places))))
      (emit u (.format "{}[{}] = {}" new (.join ", " (or places ["0"]))
                       (convert u form result other (kind type))))))
  (deliver u form new type target add))

(defn applied [function]
  (fn [u form found]
    #((.format function (convert u form #* (get found 0) "double")) "double")))

(defn single [function]
  (fn [u form found]
    #((.format "_{}32({})" function (convert u form #* (get found 0) "float")) "float")))

(defn operating [operator] (fn [u form found] (arithmetic u form operator found)))

(defforms
  [["idx-minus" (applied "(-{})")] ["idx-abs" (applied "abs({})")]
   ["idx-inv" (applied "_over(1.0, {})")] ["idx-sqrt" (applied "_sqrt({})")]
   ["idx-sin" (applied "_sin({})")] ["idx-cos" (applied "_cos({})")]
   ["idx-atan" (applied "_atan({})")] ["idx-exp" (applied "_exp({})")]
   ["idx-log" (applied "_log({})")] ["idx-qtanh" (single "qtanh")]
   ["idx-qdtanh" (single "qdtanh")] ["idx-stdsigmoid" (single "qstdsigmoid")]
   ["idx-dstdsigmoid" (single "qdstdsigmoid")] ["idx-expmx" (single "qexpmx")]
   ["idx-dexpmx" (single "qdexpmx")]]
  [u form function]
  (setv found (matrices u form 1 1 2))
  (elementwise u form (cut found 0 1) (given found 1) None function))

(defforms
  [["idx-add" "+"] ["idx-sub" "-"] ["idx-mul" "*"] ["idx-div" "/"]
   ["m+m" "+"] ["m-m" "-"] ["mxm" "*"] ["m/m" "/"]]
  [u form operator]
  (setv found (matrices u form 2 2 3))
  (elementwise u form (cut found 0 2) (given found 2) None (operating operator)))

(defforms
  [["idx-dotm0" "*" None] ["idx-addm0" "+" None] ["idx-dotm0acc" "*" plus]
   ["idx-addm0acc" "+" plus]]
  [u form operator add]
  (setv found (matrices u form 2 (if add 3 2) 3) [scalar type] (get found 1))
  (when (!= (rank type) 0) (refuse u form "a matrix without dimensions was expected"))
  (setv constant #((keep u (get (at scalar type []) 0)) (kind type)))
  (elementwise u form (cut found 0 1) (given found 2) add
    (fn [u form found] (arithmetic u form operator [#* found constant]))))

(defn with-number [operator add least]
  (fn [u form]
    (setv found (matrices u form 1 least 3) [text type] (get found 0))
    (when (not (number? (get found 1 1))) (refuse u form "not a number"))
    (setv to (if (= (kind type) "float") "float" "double"))
    (setv constant #((as-type u form (get found 1) to) to))
    (elementwise u form [(get found 0)] (given found 2) add
      (fn [u form found] (arithmetic u form operator [#* found constant])))))

(for [[name operator] [["m+c" "+"] ["m*c" "*"]]]
  (setv (get FORMS name) (with-number operator None 2)))
(for [rank-of "1234"]
  (for [[name operator add] [["dotc" "*" None] ["dotcacc" "*" plus]
                             ["addc" "+" None] ["addcacc" "+" plus]]]
    (setv (get FORMS f"idx-f{rank-of}{name}") (with-number operator add (if add 3 2)))))

;; ---------------------------------------------------------------- to one number

(defn extreme [u form found sign]
  "The largest or smallest element; NaN where there is one."
  (setv [text type] found best (fresh u "best"))
  (fail u f"{text}.size == 0" "matrix must not be empty" form)
  (setv [first k] (at text type (* ["0"] (rank type))))
  (emit u f"{best} = {first}")
  (over u text type
    (fn [u places]
      (setv [next _] (at text type places))
      (setv next (keep u next))
      (emit u f"if {next} {sign} {best} or {next} != {next}:")
      (emit u f"    {best} = {next}")))
  #(best k))

(defn summed [u form found term [exact False]]
  "Add terms made of the elements at each place, in order, in their own precision or exactly."
  (setv [text type] (get found 0) total (fresh u "sum"))
  (setv to (cond exact "double" (integer? (kind type)) "long" True (kind type)))
  (emit u (.format "{} = {}" total (convert u form "0" "long" to)))
  (over u text type
    (fn [u places]
      (setv [next other] (term u form (lfor [a k] found (at a k places))))
      (emit u (.format "{} = {} + {}" total total (convert u form next other to)))))
  #(total to))

(defn itself [u form found] (get found 0))
(defn square [u form found]
  (setv [text type] (get found 0))
  (setv text (keep u text))
  (arithmetic u form "*" [#(text type) #(text type)]))
(defn product [u form found] (arithmetic u form "*" found))
(defn distance [u form found]
  (square u form [(arithmetic u form "-" found)]))

(defn boxed [u form found type target add]
  "Store a number in a matrix without dimensions."
  (setv [text other] found new (made u (get type 2) "(1,)"))
  (emit u (.format "{}[0] = {}" new (convert u form text other (kind type))))
  (deliver u form new (idx 0 (get type 2)) target add))

(defforms
  [["idx-sum" 1 itself None] ["idx-sumsqr" 1 square None] ["idx-sumacc" 1 itself plus]
   ["idx-sumsqracc" 1 square plus] ["idx-dot" 2 product None] ["idx-dotacc" 2 product plus]
   ["idx-sqrdist" 2 distance None] ["idx-sqrdistacc" 2 distance plus]]
  [u form count term add]
  (setv found (matrices u form count (if add (+ count 1) count) (+ count 1)))
  (for [other (cut found 1 count)] (same-shape u form (get found 0) other))
  (boxed u form (summed u form (cut found 0 count) term) (get found 0 1) (given found count)
         add))

(defn best-of [sign]
  "Keep the larger or smaller of what a target holds and what comes."
  (fn [u form found]
    (setv [[old type] [new _]] found)
    (setv old (keep u old) new (keep u new))
    #(f"({new} if {new} {sign} {old} or {new} != {new} else {old})" type)))

(defforms
  [["idx-sup" ">" None] ["idx-inf" "<" None]
   ["idx-supacc" ">" (best-of ">")] ["idx-infacc" "<" (best-of "<")]]
  [u form sign add]
  (setv found (matrices u form 1 (if add 2 1) 2))
  (boxed u form (extreme u form (get found 0) sign) (get found 0 1) (given found 1) add))

(defn place-of [u form found sign]
  "The number of the largest or smallest element, the first of equal ones."
  (setv [text type] found at-best (fresh u "place") number (fresh u "place"))
  (setv [best _] (extreme u form found sign))
  (emit u f"{number} = {at-best} = -1")
  (over u text type
    (fn [u places]
      (setv [next _] (at text type places))
      (emit u f"{number} += 1")
      (setv same f"({next} == {best} or {best} != {best} and {next} != {next})")
      (emit u f"if {at-best} < 0 and {same}:")
      (emit u f"    {at-best} = {number}")))
  #(at-best "long"))

(for [[names sign] [[["sup-mat" "idx-f1sup" "idx-f2sup" "idx-f3sup" "idx-f4sup"] ">"]
                    [["inf-mat" "idx-f1inf" "idx-f2inf" "idx-f3inf" "idx-f4inf"] "<"]]]
  (for [name names]
    (setv (get FORMS name)
      (fn [u form [sign sign]] (extreme u form (get (matrices u form 1 1 1) 0) sign)))))

(for [n "1234"]
  (for [[name sign] [["max" ">"] ["min" "<"]]]
    (setv (get FORMS f"idx-f{n}index{name}")
      (fn [u form [sign sign]] (place-of u form (get (matrices u form 1 1 1) 0) sign))))
  (setv (get FORMS f"idx-f{n}sum")
    (fn [u form] (summed u form (matrices u form 1 1 1) itself))))

(defform ["mean-mat"] [u form]
  (setv found (matrices u form 1 1 1))
  (setv [total type] (summed u form found itself))
  #((.format "_over({}, float({}.size))" (convert u form total type "double") (get found 0 0))
    "double"))

(defform ["dot-product"] [u form]
  (setv found (matrices u form 2 2 2))
  (same-shape u form #* found)
  (summed u form found product True))

;; ---------------------------------------------------------------- products

(defn contraction [left right add power]
  "Sum the products of the last dimensions of one matrix with all of another."
  (fn [u form]
    (setv found (matrices u form 2 (if add 3 2) 3))
    (setv [[a type] [b other]] (cut found 0 2) kept (- left right))
    (when (!= #((rank type) (rank other)) #(left right))
      (refuse u form "incorrect number of dimensions"))
    (for [k (range right)]
      (fail u (.format "{}.shape[{}] != {}.shape[{}]" a (+ kept k) b k) UNEQUAL form))
    (setv to (if (integer? (kind type)) "long" (kind type)))
    (setv letter (get type 2) result (idx kept letter))
    (setv sizes (lfor k (range kept) f"{a}.shape[{k}]"))
    (setv new (made u letter (tuple-text (or sizes ["1"]))))
    (nested u sizes
      (fn [u places]
        (setv total (fresh u "sum"))
        (emit u (.format "{} = {}" total (convert u form "0" "long" to)))
        (nested u (lfor k (range right) f"{b}.shape[{k}]")
          (fn [u inner]
            (setv [left-text left-type] (at a type [#* places #* inner]))
            (setv left-text (keep u left-text))
            (setv [text k] (arithmetic u form "*" [#* (* [#(left-text left-type)] power)
                                                    (at b other inner)]))
            (emit u (.format "{} = {} + {}" total total (convert u form text k to)))))
        (emit u (.format "{}[{}] = {}" new (.join ", " (or places ["0"]))
                         (convert u form total to (kind type))))))
    (deliver u form new result (given found 2) add)))

(defn outer-product [each add power]
  "All products of the elements of two matrices."
  (fn [u form]
    (setv found (matrices u form 2 (if add 3 2) 3))
    (setv [[a type] [b other]] (cut found 0 2) letter (get type 2))
    (when (!= #((rank type) (rank other)) #(each each))
      (refuse u form "incorrect number of dimensions"))
    (setv new (made u letter f"{a}.shape + {b}.shape"))
    (over u a type
      (fn [u places]
        (setv [x k] (at a type places))
        (setv x (keep u x))
        (over u b other
          (fn [u inner]
            (setv [y _] (at b other inner))
            (setv y (keep u y))
            (setv [text result] (arithmetic u form "*" [#(x k) #* (* [#(y k)] power)]))
            (emit u (.format "{}[{}] = {}" new (.join ", " [#* places #* inner])
                             (convert u form text result (kind type))))))))
    (deliver u form new (idx (* 2 each) letter) (given found 2) add)))

(for [[suffix add] [["" None] ["acc" plus]]]
  (for [[name power] [["" 1] ["squ" 2]]]
    (for [[left right] [[1 1] [2 2] [2 1] [4 2]]]
      (when (or (!= left right) (= power 2))
        (setv (get FORMS f"idx-m{left}{name}dotm{right}{suffix}")
              (contraction left right add power))))
    (for [each [1 2]]
      (setv (get FORMS f"idx-m{each}{name}extm{each}{suffix}")
            (outer-product each add power)))))

(defform ["m*m"] [u form]
  (setv found (matrices u form 2 2 3) [scalar type] (get found 1))
  (fail u f"{scalar}.size != 1" "m*m: idx 2 must have 1 element" form)
  (setv factor #((keep u (get (at scalar type (* ["0"] (rank type))) 0)) (kind type)))
  (elementwise u form (cut found 0 1) (given found 2) None
    (fn [u form found] (arithmetic u form "*" [#* found factor]))))

;; ---------------------------------------------------------------- filling and copying

(defform ["idx-clear"] [u form]
  (count-arguments u form 1 1)
  (setv [text type] (matrix-of u form form.cdr.car))
  (emit u f"{text}[...] = 0")
  #(text type))

(defform ["idx-fill"] [u form]
  (count-arguments u form 2 2)
  (setv [[text type] [given kind-of]] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (emit u (.format "{}[...] = {}" text (convert u form given kind-of (kind type))))
  #(text type))

(defform ["idx-copy"] [u form]
  (count-arguments u form 1 2)
  (setv [[source type] #* target] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (when (not target) (return ((get FORMS "copy-matrix") u form)))
  (setv [[target other]] target source (keep u source) target (keep u target))
  (when (not (and (matrix? other) (= (rank type) (rank other))))
    (refuse u form "two matrices of as many dimensions were expected"))
  (fail u f"{source}.shape != {target}.shape" UNEQUAL form)
  (if (= type other)
      (emit u f"{target}[...] = {source}")
      (over u source type
        (fn [u places]
          (emit u (.format "{}[{}] = {}" target (.join ", " (or places ["0"]))
                           (convert u form #* (at source type places) (kind other)))))))
  #(target other))
