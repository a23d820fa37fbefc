"Primitives that become Python's own operations.

Whatever Python would do differently ends in the primitive itself."

(import ast)
(import sn.cells [Cons items])
(import sn.translator.unit [load store literal attribute helper is-node truth-node assign
                            emit temporary disturb again operands site spill starred?
                            proper-length])
(import sn.translator.forms [INLINE expression harmless-function? argument-nodes callee])

(setv BINARY {"+" ast.Add "-" ast.Sub "*" ast.Mult "/" ast.Div})

(defn harmless? [operator nodes]
  "Can the result neither overflow nor be a string put together?"
  (setv c (get nodes 1))
  (when (not (and (isinstance c ast.Constant) (isinstance c.value float)))
    (setv c (get nodes 0)))
  (and (= (len nodes) 2) (isinstance c ast.Constant) (isinstance c.value float)
       (cond
         (in operator "+-") (< (abs c.value) 1e15)
         (= operator "*") (<= (abs c.value) 1)
         True (and (is c (get nodes 1)) (>= (abs c.value) 1)))))

(defn arithmetic [u form]
  (setv operator form.car.value.sn.name)
  (setv nodes (argument-nodes u form.cdr))
  (when (or (starred? nodes) (and (< (len nodes) 2) (not u.unchecked)))
    (return (primitive-call u form nodes)))
  (arithmetic-node u form operator nodes))

(defn arithmetic-node [u form operator nodes]
  (when u.unchecked
    (return (site u (helper "unchecked" (literal operator) #* nodes) form form.car [])))
  (setv nodes (operands u nodes))
  (when (any (gfor n (cut nodes 2 None) (isinstance n ast.NamedExpr)))
    ;; Python would combine the first two before it evaluates the third.
    (spill u nodes))
  (setv node (get nodes 0))
  (for [other (cut nodes 1 None)]
    (setv node (ast.BinOp :left node :op ((get BINARY operator)) :right other)))
  (site u node form form.car nodes)
  (when (harmless? operator nodes) (return node))
  (setv name (temporary u))
  (setv slow (ast.Call :func (load (+ "." operator)) :args (lfor n nodes (again n))
                       :keywords []))
  ;; Zero times anything but a finite number is not zero: one multiplication tells.
  (setv zero (ast.BinOp :left (ast.NamedExpr :target (store name) :value node)
                        :op (ast.Mult) :right (literal 0.0)))
  (site u zero form form.car nodes)
  (site u slow form form.car nodes)
  (ast.IfExp :test zero :body slow :orelse (load name)))

(defn primitive-call [u form nodes]
  "Call the primitive itself with arguments that have been translated already."
  (setv nodes (operands u nodes))
  (when (not (harmless-function? form.car.value)) (disturb u))
  (site u (ast.Call :func (callee u form.car) :args nodes :keywords []) form form.car nodes))

(for [name ["+" "-" "*" "/"]] (setv (get INLINE name) arithmetic))

(defn step-by [operator amount]
  (fn [u form]
    (setv nodes (argument-nodes u form.cdr))
    (if (or (starred? nodes) (!= (len nodes) 1))
        (primitive-call u form nodes)
        (do (setv nodes (operands u nodes))
            (setv node (site u (ast.BinOp :left (get nodes 0) :op ((get BINARY operator))
                                          :right (literal amount))
                             form form.car nodes))
            node))))

(setv (get INLINE "1+") (step-by "+" 1.0)
      (get INLINE "1-") (step-by "-" 1.0)
      (get INLINE "2/") (step-by "/" 2.0))

(setv COMPARISONS {"<" ast.Lt ">" ast.Gt "<=" ast.LtE ">=" ast.GtE "=" ast.Eq "<>" ast.NotEq})

(defn comparison [u form]
  (setv nodes (argument-nodes u form.cdr))
  (when (or (starred? nodes) (!= (len nodes) 2))
    (return (primitive-call u form nodes)))
  (setv nodes (operands u nodes))
  (truth-node
    (site u (ast.Compare :left (get nodes 0)
                         :ops [((get COMPARISONS form.car.value.sn.name))]
                         :comparators [(get nodes 1)])
          form form.car nodes)))

(for [name COMPARISONS] (setv (get INLINE name) comparison))

(defn part [name]
  (fn [u form]
    (setv nodes (operands u (argument-nodes u form.cdr)))
    (when (or (starred? nodes) (!= (len nodes) 1))
      (return (primitive-call u form nodes)))
    (setv node (get nodes 0))
    (ast.IfExp
      :test (is-node (attribute node "__class__") (load ".Cons"))
      :body (attribute (again node) name)
      :orelse (site u (ast.Call :func (callee u form.car) :args [(again node)] :keywords [])
                    form form.car [(again node)]))))

(setv (get INLINE "car") (part "car")
      (get INLINE "cdr") (part "cdr"))

(setv (get INLINE "cons")
  (fn [u form]
    (setv nodes (argument-nodes u form.cdr))
    (if (or (starred? nodes) (!= (len nodes) 2))
        (primitive-call u form nodes)
        (helper "Cons" #* nodes))))

(defn printing [last]
  "`print` and `prin` write each argument before the next is evaluated."
  (fn [u form]
    (setv n (proper-length form.cdr))
    (when (or (< n 2) (not (any (gfor a (cut (items form.cdr) 1 None) (isinstance a Cons)))))
      (return (primitive-call u form (argument-nodes u form.cdr))))
    (setv name (temporary u))
    (for [[i argument] (enumerate (items form.cdr))]
      (emit u (assign name (expression u argument)))
      (emit u (ast.Expr :value (site u (helper "print_item" (load name) (literal (< (+ i 1) n))) form
                                     form.car []))))
    (when last (emit u (ast.Expr :value (helper "print_end"))))
    (load name)))

(setv (get INLINE "print") (printing True)
      (get INLINE "prin") (printing False))
