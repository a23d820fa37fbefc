"What is being translated, and the nodes it is made of.

A unit is one function, or the forms of one evaluation. It keeps the block that statements go
to, the values that Python locals hold just now, and the *sites*: what an error needs to tell
where it was, found again by the column of the node."

(import ast)
(import sn.cells [Cons])
(import sn.symbols [T])

(setv LOAD (ast.Load))
(setv STORE (ast.Store))

(defclass Unit []
  "What is being translated: one function, or the forms of one evaluation."
  (defn __init__ [self interpreter record names pos]
    (setv self.interpreter interpreter
          self.record record
          self.names names
          self.block []
          self.temporaries 0
          self.sites []
          self.depth 0
          self.unchecked False
          self.tracing interpreter.tracer.translating
          self.counting (and interpreter.limits interpreter.limits.steps)
          self.known {}       ; symbol -> node of a Python local (or constant) with its value
          self.bound []
          self.line (if (is pos None) 1 (interpreter.line pos))
          (get names ".sites") self.sites)))

;; ---------------------------------------------------------------- nodes

(defn load [name] (ast.Name :id name :ctx LOAD))
(defn store [name] (ast.Name :id name :ctx STORE))
(defn literal [value] (ast.Constant :value value))
(defn attribute [node name] (ast.Attribute :value node :attr name :ctx LOAD))
(defn helper [name #* arguments]
  (ast.Call :func (load (+ "." name)) :args (list arguments) :keywords []))
(defn is-node [a b] (ast.Compare :left a :ops [(ast.Is)] :comparators [b]))
(defn is-not-node [a b] (ast.Compare :left a :ops [(ast.IsNot)] :comparators [b]))
(defn truth-node [condition]
  (ast.IfExp :test condition :body (load ".T") :orelse (literal None)))
(defn return-node [value] (ast.Return :value value))
(defn assign [name value] (ast.Assign :targets [(store name)] :value value))
(defn emit [u statement] (.append u.block statement))

(defn temporary [u [prefix "t"]]
  (+= u.temporaries 1)
  (+ prefix (str u.temporaries)))

(defn symbol-node [u symbol]
  (setv name (+ "$" symbol.name))
  (setv (get u.names name) symbol)
  (load name))

(defn slot [u symbol] (attribute (symbol-node u symbol) "value"))

(defn count-step [u]
  "Where steps are limited, count one: a call, or a round of a loop."
  (when u.counting (emit u (ast.Expr :value (helper "count_step")))))

;; ---------------------------------------------------------------- known values
;;
;; Just after a variable was set, a Python local holds its value too. Reading that is faster
;; than reading the slot, until something runs that could set the variable.

(defn read-node [u symbol]
  (setv node (.get u.known symbol))
  (cond (is node None) (slot u symbol)
        (isinstance node ast.Name) (load node.id)
        True (literal node.value)))

(defn know [u symbol node]
  (if (or (isinstance node ast.Name)
          (and (isinstance node ast.Constant) (isinstance node.value #(float str))))
      (setv (get u.known symbol) node)
      (.pop u.known symbol None)))

(defn disturb [u]
  "Anything may have been set."
  (setv u.known {}))

(defn merge [u one other]
  "Two ways meet: keep what both know."
  (setv u.known (dfor [symbol node] (.items one)
                  :if (is (.get other symbol) node)
                  symbol node)))

(defn set-slot [u symbol value]
  (ast.Assign
    :targets [(ast.Attribute :value (symbol-node u symbol) :attr "value" :ctx STORE)]
    :value value))

(defn constant [u value]
  (setv kind (type value))
  (cond
    (or (is value None) (is kind float) (is kind str)) (literal value)
    (is kind int) (literal (float value))
    (is value T) (load ".T")
    True (do (setv name (+ "q" (str (len u.names))))
             (setv (get u.names name) value)
             (load name))))

(defn atomic? [node]
  (or (isinstance node #(ast.Constant ast.Name))
      (and (isinstance node ast.Attribute) (= node.attr "value")
           (isinstance node.value ast.Name))))

(defn steady? [node]
  "Does a later argument leave this value alone?"
  (isinstance node #(ast.Constant ast.Name)))

(defn again [node]
  "A node with the value another node has just had."
  (if (isinstance node ast.NamedExpr) (load node.target.id) node))

(defn operands [u nodes]
  "Make every node one whose value can be had again, in the slow path or after an error."
  (setv result [] moving False)
  (for [node (reversed nodes)]
    (cond
      (isinstance node ast.Starred)
        (do (setv moving True)
            (when (not (steady? node.value))
              (setv node (ast.Starred :ctx LOAD
                           :value (ast.NamedExpr :target (store (temporary u))
                                                 :value node.value)))))
      (or (steady? node) (and (atomic? node) (not moving))) None
      True (do (when (not (atomic? node)) (setv moving True))
               (setv node (ast.NamedExpr :target (store (temporary u)) :value node))))
    (.append result node))
  (.reverse result)
  result)

(defn describe [u node]
  "Say where an operand's value is found after an error: see sn.evaluation."
  (cond
    (isinstance node ast.NamedExpr) node.target.id
    (isinstance node ast.Constant) #(node.value)
    (isinstance node ast.Name) node.id
    (isinstance node ast.Starred) [(describe u node.value)]
    (isinstance node ast.Attribute) (get u.names node.value.id)
    True None))

(defn site [u node form operator arguments]
  "Give a node the line of its form, and a column that leads to what an error needs."
  (when (is-not (getattr form "pos" None) None)
    (setv u.line (u.interpreter.line form.pos)))
  (setv node.lineno u.line
        node.end_lineno u.line
        node.col_offset (len u.sites)
        node.end_col_offset (len u.sites))
  (.append u.sites #(form operator (lfor a arguments (describe u a))))
  node)

(defn aside [u translate #* arguments]
  "Translate into a block of its own; return the block and the result."
  (setv outer u.block)
  (setv u.block [])
  (try
    (setv result (translate u #* arguments))
    (setv inner u.block)
    (finally (setv u.block outer)))
  [inner result])

(defn spill [u nodes]
  "Store what has been computed so far, because statements follow."
  (for [[i node] (enumerate nodes)]
    (cond
      (isinstance node ast.Starred)
        (when (not (steady? node.value))
          (setv name (temporary u))
          (emit u (assign name node.value))
          (setv (get nodes i) (ast.Starred :value (load name) :ctx LOAD)))
      (isinstance node ast.NamedExpr)
        (do (emit u (assign node.target.id node.value))
            (setv (get nodes i) (load node.target.id)))
      (not (steady? node))
        (do (setv name (temporary u))
            (emit u (assign name node))
            (setv (get nodes i) (load name))))))

(defn starred? [nodes] (any (gfor n nodes (isinstance n ast.Starred))))

(defn proper-length [forms]
  (setv n 0)
  (while (isinstance forms Cons) (+= n 1) (setv forms forms.cdr))
  (if (is forms None) n -1))
