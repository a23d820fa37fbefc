"Loops: by condition, by number, over lists and the parts of matrices."

(import ast)
(import sn.cells [Cons])
(import sn.errors [LispError])
(import sn.symbols [Symbol])
(import sn.translator.unit [LOAD load store literal attribute helper is-node return-node
                            assign emit temporary count-step know disturb set-slot site aside
                            proper-length])
(import sn.translator.forms [STATEMENTS expression need add-argument argument-nodes sequence
                             body finish test])
(import sn.translator.bindings [pattern-symbols bind-values region shallow declarations
                                BAD-DECLARATION set-and-know])
(eval-when-compile (require sn.translator.forms [defspecial]))

(defn with-result [u destination initial translate]
  "Run a loop that leaves its last value in a temporary, when somebody wants it."
  (if (is destination None)
      (translate u None)
      (do (setv name (if (= destination "return") (temporary u) destination))
          (emit u (assign name initial))
          (translate u name)
          (when (= destination "return") (emit u (return-node (load name)))))))

(defn loop [u condition translate]
  "A while loop; `condition` returns a node and may emit statements."
  (+= u.depth 1)
  (disturb u)
  (try
    (setv [before node] (aside u condition))
    (setv [block _] (aside u (fn [u] (count-step u) (translate u))))
    (finally (-= u.depth 1)))
  (disturb u)
  ;; Python 3.11 starts to specialise code after a few unconditional jumps backward, which
  ;; only an endless loop has: `while condition` in code that runs once stays slow.
  (emit u (ast.While
            :test (literal True) :orelse []
            :body (+ before [(ast.If :test (ast.UnaryOp :op (ast.Not) :operand node)
                                     :body [(ast.Break)] :orelse [])] block))))

(defspecial STATEMENTS ["while"] [u form destination]
  (need form 1)
  (shallow u destination
    (fn [u destination]
      (with-result u destination (literal None)
        (fn [u result]
          (loop u (fn [u] (test u form.cdr.car)) (fn [u] (body u form.cdr.cdr result))))))))

(defspecial STATEMENTS ["do-while"] [u form destination]
  (need form 1)
  (shallow u destination
    (fn [u destination]
      (with-result u destination (literal None)
        (fn [u result]
          (loop u (fn [u] (literal True))
            (fn [u]
              (body u form.cdr.cdr result)
              (setv node (test u form.cdr.car))
              (emit u (ast.If :test (ast.UnaryOp :op (ast.Not) :operand node)
                              :body [(ast.Break)] :orelse [])))))))))

(defn collecting [u destination translate]
  "Run a loop that collects values; `translate` gets the function that keeps a node."
  (setv name (temporary u))
  (emit u (assign name (ast.List :elts [] :ctx LOAD)))
  (translate u (fn [u forms]
                 (setv node (sequence u forms))
                 (emit u (ast.Expr :value (ast.Call :func (attribute (load name) "append")
                                                    :args [node] :keywords [])))))
  (finish u (helper "list" (load name)) destination))

(defspecial STATEMENTS ["mapwhile"] [u form destination]
  (need form 1)
  (shallow u destination
    (fn [u destination]
      (collecting u destination
        (fn [u keep]
          (loop u (fn [u] (test u form.cdr.car)) (fn [u] (keep u form.cdr.cdr))))))))

(defspecial STATEMENTS ["repeat"] [u form destination]
  (need form 1)
  (shallow u destination
    (fn [u destination]
      (setv count (site u (helper "count" (expression u form.cdr.car)) form form.car []))
      (with-result u destination (literal None)
        (fn [u result]
          (+= u.depth 1)
          (disturb u)
          (try
            (setv [block _] (aside u (fn [u] (count-step u) (body u form.cdr.cdr result))))
            (finally (-= u.depth 1)))
          (disturb u)
          (emit u (ast.For :target (store (temporary u)) :iter count
                           :body (or block [(ast.Pass)]) :orelse [])))))))

(defn counted [u form message translate]
  "The loop (for (i from to [step]) ...); `translate` gets the unit inside it."
  (setv header (when (isinstance form.cdr Cons) form.cdr.car))
  (when (not (and (isinstance header Cons) (isinstance header.car Symbol)
                  (<= (proper-length header) 4)))
    (raise (LispError message)))
  (setv symbol header.car)
  (when (< (proper-length header) 3) (raise (LispError "not a number")))
  (setv nodes (argument-nodes u header.cdr))
  (when (= (len nodes) 2) (.append nodes (literal 1.0)))
  (setv names [])
  (for [node nodes]
    (setv name (temporary u))
    (if (and (isinstance node ast.Constant) (isinstance node.value float))
        (emit u (assign name node))
        (emit u (assign name (site u (helper "number" node) form form.car []))))
    (.append names name))
  (setv [counter end step] names)
  (setv up (ast.Compare :left (load counter) :ops [(ast.LtE)] :comparators [(load end)]))
  (setv down (ast.Compare :left (load counter) :ops [(ast.GtE)] :comparators [(load end)]))
  (setv by (get nodes 2))
  (when (and (isinstance by ast.Constant) (not (isinstance by.value float)))
    (setv by (load step)))
  (setv condition
    (if (isinstance by ast.Constant)
        (if (>= by.value 0) up down)
        (ast.IfExp :test (ast.Compare :left (load step) :ops [(ast.GtE)]
                                      :comparators [(literal 0.0)])
                   :body up :orelse down)))
  (region u [#(symbol None)]
    (fn [u]
      (loop u (fn [u] condition)
        (fn [u]
          (emit u (set-slot u symbol (load counter)))
          (know u symbol (load counter))
          (translate u)
          (emit u (ast.AugAssign :target (store counter) :op (ast.Add)
                                 :value (if (isinstance by ast.Constant) by
                                            (load step)))))))))

(defspecial STATEMENTS ["for"] [u form destination]
  (shallow u destination
    (fn [u destination]
      (with-result u destination (literal None)
        (fn [u result]
          (counted u form "bad 'for' syntax" (fn [u] (body u form.cdr.cdr result))))))))

(defspecial STATEMENTS ["mapfor"] [u form destination]
  (shallow u destination
    (fn [u destination]
      (collecting u destination
        (fn [u keep]
          (counted u form "bad 'for' syntax" (fn [u] (keep u form.cdr.cdr))))))))

(defn walk-lists [u form owner translate [wrap None]]
  "Bind the variables of `each` and `all` to successive elements."
  (setv [patterns values] (declarations form BAD-DECLARATION))
  (setv nodes [])
  (for [value values] (add-argument u nodes expression value))
  (setv cells [])
  (for [node nodes]
    (setv name (temporary u))
    (emit u (assign name (if wrap (site u (helper wrap node) form form.car []) node)))
    (.append cells name))
  (setv check
    (site u (helper "ends" (literal owner)
                    (ast.Tuple :elts (lfor c cells (load c)) :ctx LOAD))
          form form.car []))
  (setv pairs (lfor s (pattern-symbols u (u.interpreter.make-list patterns)) #(s None)))
  (setv conditions
    (lfor c cells (is-node (attribute (load c) "__class__") (load ".Cons"))))
  (setv condition
    (cond (not cells) (literal False)
          (= (len cells) 1) (get conditions 0)
          True (ast.BoolOp :op (ast.And) :values conditions)))
  (region u pairs
    (fn [u]
      (loop u (fn [u] condition)
        (fn [u]
          (setv heads (lfor c cells (attribute (load c) "car")))
          (for [[symbol node] (bind-values u patterns heads)]
            (set-and-know u symbol node))
          (translate u)
          (for [c cells] (emit u (assign c (attribute (load c) "cdr"))))))
      (emit u (ast.Expr :value check)))))

(defspecial STATEMENTS ["each"] [u form destination]
  (shallow u destination
    (fn [u destination]
      (with-result u destination (literal None)
        (fn [u result]
          (walk-lists u form "mapc" (fn [u] (body u form.cdr.cdr result))))))))

(defspecial STATEMENTS ["all"] [u form destination]
  (shallow u destination
    (fn [u destination]
      (collecting u destination
        (fn [u keep]
          (walk-lists u form "mapcar" (fn [u] (keep u form.cdr.cdr))))))))

(defn loop-on-slices [name helper]
  (setv (get STATEMENTS name)
    (fn [u form destination]
      (shallow u destination
        (fn [u destination]
          (with-result u destination (literal None)
            (fn [u result]
              (walk-lists u form "mapc" (fn [u] (body u form.cdr.cdr result)) helper))))))))

(loop-on-slices "idx-bloop" "rows")
(loop-on-slices "idx-eloop" "columns")
