"SN forms to Python syntax trees.

The translator walks the cells of a form once and builds Python's `ast` directly. A variable is
the slot `value` of a symbol object; arithmetic and comparisons become Python's own, guarded so
that whatever Python would do differently ends in the primitive itself; calls of SN functions
are Python calls. Every construct is found in one of three tables:

  EXPRESSIONS  form -> an expression node; may append statements to the unit's block
  STATEMENTS   form, destination -> statements only (destination: None for effect, \"return\",
               or the name of a temporary)
  TESTS        form -> a Python condition

Order of evaluation is kept by spilling: when an argument needs statements, the arguments
before it are first stored in temporaries.

Names in generated code: `$x` the symbol x, `q3` a quoted object, `t3` a temporary, `o3` a saved
binding, `p3` a parameter, `.name` something of the run-time support (`sn.evaluation`).

SN words never become Hy names: the tables are keyed by strings."

(import ast)
(import types [CodeType FunctionType])
(import warnings)
(import sn.cells [Cons items])
(import sn.errors [LispError])
(import sn.functions [Fexpr Formals FunctionRecord Macro symbols-of])
(import sn.primitives.registry [Primitive Special expected])
(import sn.symbols [Symbol T])

(setv MOST-BLOCKS 14)     ; Python nests at most 20 blocks; deeper code moves to a function
(setv LOAD (ast.Load))
(setv STORE (ast.Store))
(setv EXPRESSIONS {})
(setv STATEMENTS {})
(setv TESTS {})
(setv INLINE {})          ; primitives with an expression of their own

(defmacro defspecial [table names parameters #* body]
  "Define a translation and enter it in a table under each of the names."
  (setv f (hy.gensym "translate"))
  `(do
     (defn ~f ~parameters ~@body)
     (for [name ~names] (setv (get ~table name) ~f))))

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

(defn add-argument [u nodes translate #* arguments]
  (setv [block node] (aside u translate #* arguments))
  (when block
    (spill u nodes)
    (.extend u.block block))
  (.append nodes node))

(defn argument-nodes [u forms]
  "Translate arguments in order; a dotted tail gives a starred node."
  (setv nodes [])
  (while (isinstance forms Cons)
    (add-argument u nodes expression forms.car)
    (setv forms forms.cdr))
  (when (is-not forms None)
    (add-argument u nodes (fn [u f] (helper "items" (expression u f))) forms)
    (setv (get nodes -1) (ast.Starred :value (get nodes -1) :ctx LOAD)))
  nodes)

(defn starred? [nodes] (any (gfor n nodes (isinstance n ast.Starred))))

(defn proper-length [forms]
  (setv n 0)
  (while (isinstance forms Cons) (+= n 1) (setv forms forms.cdr))
  (if (is forms None) n -1))

;; ---------------------------------------------------------------- forms

(defn expression [u form]
  "Translate a form for its value."
  (if u.tracing (traced u form) (plain-expression u form)))

(defn traced [u form]
  "Tell of a form before it is evaluated, and of its value: see sn.tracing."
  (setv token (temporary u) name (temporary u))
  (emit u (assign token (helper "step" (constant u form))))
  (setv node (plain-expression u form))
  (emit u (assign name (helper "stepped" (load token) (constant u form) node)))
  (load name))

(defn plain-expression [u form]
  (cond
    (isinstance form Symbol)
      (cond (is form T) (load ".T")
            (and form.locked (is form.value None) (= form.name "nil")) (literal None)
            True (read-node u form))
    (isinstance form Cons) (guarded-by-error u form compound)
    True (constant u form)))

(defn guarded-by-error [u form translate #* arguments]
  "A form that is wrong is an error when it is reached, not before."
  (setv block u.block size (len u.block))
  (try
    (translate u form #* arguments)
    (except [error LispError]
      (setv u.block block)
      (del (cut u.block size None))
      (when (not error.function)
        (setv error.function (if (isinstance form.car Symbol) form.car.name None)))
      (site u (helper "fail" (constant u error)) form None []))))

(defn compound [u form]
  (setv operator form.car)
  (when (not (isinstance operator Symbol))
    (return (general-call u form)))
  (setv value (function-of u operator))
  (setv kind (type value))
  (cond
    (is kind Special)
      (do (assume u operator)
          (cond
            (in value.name EXPRESSIONS) ((get EXPRESSIONS value.name) u form)
            (in value.name STATEMENTS)
              (do (setv name (temporary u))
                  ((get STATEMENTS value.name) u form name)
                  (load name))
            (in value.name TESTS) (truth-node ((get TESTS value.name) u form))
            True (special-call u form value)))
    (is kind Macro) (do (assume u operator) (macro-call u form value))
    operator.bound (general-call u form)
    (is kind Fexpr)
      (do (assume u operator)
          (disturb u)
          (site u (ast.Call :func (attribute (slot u operator) "function")
                            :args (lfor f (items form.cdr) (constant u f)) :keywords [])
                form operator (lfor f (items form.cdr) (constant u f))))
    (is value None) (general-call u form)
    True
      (do (assume u operator)
          (setv record (getattr value "sn" None))
          (setv inline (when (= (getattr record "kind" None) "DX") (.get INLINE record.name)))
          (setv node (when inline (inline u form)))
          (if (is node None) (direct-call u form operator) node))))

(defn function-of [u operator]
  "The function an operator stands for now, looking below values that cannot be called."
  (setv operator.operator True)
  (when operator.bound (.track operator))
  (if operator.bound (u.interpreter.callable-below operator) operator.value))

(defn assume [u symbol]
  "Have the function being translated forgotten when the symbol changes its kind."
  (when (and u.record (not (and symbol.users (is (get symbol.users -1) u.record))))
    (.append symbol.users u.record)))

(defn harmless-function? [function]
  "A primitive that knows no interpreter can set no variable."
  (setv record (getattr function "sn" None))
  (and (= (getattr record "kind" None) "DX") (not record.bound)
       (is (type function) FunctionType)))

(defn direct-call [u form operator]
  (setv nodes (argument-nodes u form.cdr))
  (when (not (fits? operator.value nodes)) (setv nodes (operands u nodes)))
  (when (not (harmless-function? operator.value)) (disturb u))
  (site u (ast.Call :func (callee u operator) :args nodes :keywords [])
        form operator nodes))

(defn fits? [function nodes]
  "Is this a right number of arguments?"
  (setv record (getattr function "sn" None))
  (cond
    (starred? nodes) False
    (isinstance record FunctionRecord) (is (.check record nodes) None)
    (isinstance record Primitive) (is (.check record (len nodes)) None)
    True False))

(defn callee [u operator]
  "The function of a symbol. Python calls a name faster than an attribute."
  (ast.NamedExpr :target (store "f") :value (slot u operator)))

(defn general-call [u form]
  "Call whatever the operator turns out to be."
  (setv operator form.car)
  (cond
    (isinstance operator Symbol)
      (do (assume u operator)
          (setv found (site u (helper "operator" (symbol-node u operator) (constant u form))
                            form operator [])))
    (isinstance operator Cons)
      (setv found (helper "callee" (plain-expression u operator) (constant u form)))
    True
      (return (site u (helper "callee" (constant u operator) (constant u form))
                    form None [])))
  (call-found u form found form.cdr))

(defspecial EXPRESSIONS ["==>"] [u form]
  (need form 2 "arguments expected")
  (setv found (site u (helper "method" (expression u form.cdr.car)
                              (constant u form.cdr.cdr.car))
                    form form.car []))
  (call-found u form found form.cdr.cdr.cdr))

(defn call-found [u form found arguments]
  "Call a function that `found` computes, with arguments evaluated if it wants that."
  (setv callee (temporary u) operator form.car)
  (disturb u)
  (setv [block nodes] (aside u (fn [u] (operands u (argument-nodes u arguments)))))
  (setv function (ast.NamedExpr :target (store callee) :value found))
  (setv plain (ast.Compare :left (attribute function "__class__") :ops [(ast.NotIn)]
                           :comparators [(load ".SPECIAL")]))
  (setv call (site u (ast.Call :func (load callee) :args nodes :keywords [])
                   form (if (isinstance operator Symbol) operator #(callee)) nodes))
  (setv other (site u (helper "special" (load callee) (constant u form)) form operator []))
  (disturb u)
  (when (not block)
    (return (ast.IfExp :test plain :body call :orelse other)))
  (setv name (temporary u))
  (emit u (ast.If :test plain :body (+ block [(assign name call)])
                  :orelse [(assign name other)]))
  (load name))

(defn macro-call [u form macro]
  (if (= macro.sn.kind "DMD")
      (do (u.interpreter.displace macro form)
          (expression u form))
      (do-expand u form macro)))

(defn do-expand [u form macro]
  (disturb u)
  (site u (helper "expand" (constant u [None None]) (constant u macro) (constant u form))
        form form.car []))

(defn special-call [u form special]
  "Pass arguments to a special form as its pattern says."
  (setv nodes [(load ".interpreter")] forms form.cdr optional False)
  (setv needed (len (.strip (get (.split special.pattern "?") 0) "bEQ")))
  (for [letter special.pattern]
    (cond
      (= letter "?") (setv optional True)
      (= letter "b")
        (do (add-argument u nodes closure forms) (setv forms None))
      (= letter "E")
        (do (add-argument u nodes
                          (fn [u f] (ast.List :elts (argument-nodes u f) :ctx LOAD)) forms)
            (setv forms None))
      (= letter "Q") (do (.append nodes (constant u forms)) (setv forms None))
      (not (isinstance forms Cons))
        (if optional (break)
            (raise (LispError (or special.arity (expected needed)))))
      True
        (do (cond
              (= letter "e") (add-argument u nodes expression forms.car)
              (= letter "l") (add-argument u nodes closure (Cons forms.car None))
              True (.append nodes (constant u forms.car)))
            (setv forms forms.cdr))))
  (when (is-not forms None)
    (raise (LispError (or special.arity (expected needed)))))
  (disturb u)
  (setv name (+ "q" (str (len u.names))))
  (setv (get u.names name) special.function)
  (site u (ast.Call :func (load name) :args nodes :keywords []) form form.car []))

(defn closure [u forms]
  "Forms as a Python function without arguments."
  (setv depth u.depth known u.known)
  (setv u.depth 0 u.known {})
  (setv [block node] (aside u sequence forms))
  (setv u.depth depth u.known known)
  (when (not block)
    (return (ast.Lambda :args (parameters []) :body node)))
  (setv name (temporary u "b"))
  (emit u (ast.FunctionDef :name name :args (parameters []) :decorator_list []
                           :body (+ block [(return-node node)]) :type_params []))
  (load name))

(defn parameters [names [rest None]]
  (ast.arguments :posonlyargs [] :args (lfor n names (ast.arg :arg n)) :kwonlyargs []
                 :kw_defaults [] :defaults []
                 :vararg (when rest (ast.arg :arg rest)) :kwarg None))

(defn declaration? [form]
  "Is this a type declaration such as ((-int-) a b), which only compiled code heeds?"
  (and (isinstance form Cons) (isinstance form.car Cons) (isinstance form.car.car Symbol)
       (.startswith form.car.car.name "-") (.endswith form.car.car.name "-")
       (> (len form.car.car.name) 2)))

(defn sequence [u forms]
  "Evaluate forms in order; the expression is the last one's."
  (setv pending None)
  (while (isinstance forms Cons)
    (when (not (declaration? forms.car))
      (when (is-not pending None) (statement u pending.car None))
      (setv pending forms))
    (setv forms forms.cdr))
  (if (is pending None) (literal None) (expression u pending.car)))

(defn body [u forms destination]
  "Evaluate forms in order, the last one into the destination."
  (setv pending None)
  (while (isinstance forms Cons)
    (when (not (declaration? forms.car))
      (when (is-not pending None) (statement u pending.car None))
      (setv pending forms))
    (setv forms forms.cdr))
  (if (is pending None)
      (finish u (literal None) destination)
      (statement u pending.car destination)))

(defn finish [u node destination]
  (cond
    (is destination None)
      (when (not (atomic? node)) (emit u (ast.Expr :value node)))
    (= destination "return") (emit u (return-node node))
    True (emit u (assign destination node))))

(defn statement [u form destination]
  "Translate a form into a destination."
  (when u.tracing (return (finish u (expression u form) destination)))
  (when (and (isinstance form Cons) (isinstance form.car Symbol))
    (setv value (function-of u form.car))
    (when (and (is (type value) Macro) (= value.sn.kind "DMD"))
      (assume u form.car)
      (setv node (guarded-by-error u form
                   (fn [u form] (do (u.interpreter.displace value form) None))))
      (return (if (is node None) (statement u form destination)
                  (finish u node destination))))
    (when (and (is (type value) Special) (in value.name STATEMENTS))
      (assume u form.car)
      (setv node (guarded-by-error u form
                   (fn [u form] (do ((get STATEMENTS value.name) u form destination) None))))
      (return (when (is-not node None) (finish u node destination)))))
  (finish u (expression u form) destination))

(defn test [u form]
  "Translate a form to a Python condition: () is false, all else true."
  (when (and (not u.tracing) (isinstance form Cons) (isinstance form.car Symbol))
    (setv value (function-of u form.car))
    (when (and (is (type value) Special) (in value.name TESTS))
      (assume u form.car)
      (setv node (guarded-by-error u form (fn [u form] ((get TESTS value.name) u form))))
      (return (if (and (isinstance node ast.Call) (isinstance node.func ast.Name)
                       (= node.func.id ".fail"))
                  (is-not-node node (literal None))
                  node))))
  (setv node (expression u form))
  (cond
    (isinstance node ast.Constant) (literal (is-not node.value None))
    (and (isinstance node ast.IfExp) (isinstance node.body ast.Name) (= node.body.id ".T")
         (isinstance node.orelse ast.Constant) (is node.orelse.value None))
      node.test
    True (is-not-node node (literal None))))

;; ---------------------------------------------------------------- bindings

(defn pattern-symbols [u tree]
  (setv found (symbols-of tree []))
  (for [symbol found]
    (when (is symbol T) (raise (LispError "locked symbol" symbol))))
  found)

(defn bind-values [u patterns nodes]
  "Pair symbols with nodes, taking values apart where the pattern is a tree."
  (setv pairs [])
  (for [[pattern node] (zip patterns nodes)]
    (cond
      (isinstance pattern Symbol)
        (do (pattern-symbols u pattern) (.append pairs #(pattern node)))
      (is pattern None) None
      True
        (do (setv symbols (pattern-symbols u pattern))
            (setv names (lfor s symbols (temporary u)))
            (emit u (ast.Assign
                      :targets [(ast.Tuple :elts (lfor n names (store n)) :ctx STORE)]
                      :value (site u (helper "destructure" (constant u pattern) node)
                                   pattern None [])))
            (.extend pairs (zip symbols (map load names))))))
  pairs)

(defn region [u pairs translate]
  "Run what `translate` emits with symbols bound to new values, and restore the old ones.

  `translate` gets the unit; the values have all been computed."
  (for [[symbol _] pairs]
    (.bind symbol (u.interpreter.is-function symbol.value))
    (assume u symbol)
    (.append u.bound symbol))
  (setv ready [])
  (for [[symbol node] pairs]
    (when (and (is-not node None) (not (steady? node)))
      (setv name (temporary u))
      (emit u (assign name node))
      (setv node (load name)))
    (.append ready #(symbol node)))
  (setv pairs ready)
  (for [[symbol node] pairs] (know u symbol node))
  (+= u.depth 2)
  (try
    (setv [block _] (aside u translate))
    (finally
      (-= u.depth 2)
      (for [[symbol _] pairs] (.pop u.known symbol None))
      (del (cut u.bound (- (len u.bound) (len pairs)) None))))
  (setv before [] after [])
  (for [[symbol node] pairs]
    (if symbol.tracked
        (do (setv stack (fn [] (attribute (symbol-node u symbol) "stack")))
            (.append before
              (ast.Expr :value (ast.Call :func (attribute (stack) "append")
                                         :args [(slot u symbol)] :keywords [])))
  ;; Not `pop`: an interruption must not come between taking the value and storing it.
          (setv top (fn [context] (ast.Subscript :value (stack) :slice (literal -1) :ctx context)))
          (.append after (ast.Delete :targets [(top (ast.Del))]))
          (.append after (set-slot u symbol (top LOAD))))
        (do (setv saved (temporary u "o"))
            (.append before (assign saved (slot u symbol)))
            (.append after (set-slot u symbol (load saved)))))
    (when (is-not node None)
      (.append before (set-slot u symbol node))))
  (.reverse after)
  (.extend u.block before)
  (emit u (ast.Try
            :body (or block [(ast.Pass)])
            :handlers [(ast.ExceptHandler :type None :name None
                         :body [(ast.Expr :value (helper "hook")) (ast.Raise)])]
            :orelse []
            :finalbody after)))

(defn settle [u pairs]
  "Store values that setting one of the variables could change."
  (setv result [])
  (for [[symbol node] pairs]
    (when (and (> (len pairs) 1) (not (steady? node)))
      (setv name (temporary u))
      (emit u (assign name node))
      (setv node (load name)))
    (.append result #(symbol node)))
  result)

(defn shallow [u destination translate]
  "Translate here, or in a function of its own where Python's block limit is near."
  (when (< u.depth MOST-BLOCKS)
    (translate u destination)
    (return))
  (setv depth u.depth)
  (setv u.depth 0 u.known {})
  (setv [block _] (aside u translate (if (is destination None) None "return")))
  (setv u.depth depth u.known {})
  (setv name (temporary u "b"))
  (emit u (ast.FunctionDef :name name :args (parameters []) :decorator_list []
                           :body (or block [(ast.Pass)]) :type_params []))
  (finish u (ast.Call :func (load name) :args [] :keywords []) destination))

(defn declarations [form message]
  "Return patterns and value forms of ((pattern value) ...)."
  (setv patterns [] values [])
  (when (not (isinstance form.cdr Cons)) (raise (LispError message)))
  (setv cell form.cdr.car)
  (when (not (or (is cell None) (isinstance cell Cons))) (raise (LispError message)))
  (while (isinstance cell Cons)
    (setv entry cell.car)
    (when (not (= (proper-length entry) 2)) (raise (LispError message)))
    (.append patterns entry.car)
    (.append values entry.cdr.car)
    (setv cell cell.cdr))
  [patterns values])

(setv BAD-DECLARATION "syntax error in variable declaration part")

(defspecial STATEMENTS ["let"] [u form destination]
  (setv [patterns values] (declarations form BAD-DECLARATION))
  (shallow u destination
    (fn [u destination]
      (setv nodes [])
      (for [value values] (add-argument u nodes expression value))
      (setv pairs (settle u (bind-values u patterns nodes)))
      (if pairs
          (region u pairs (fn [u] (body u form.cdr.cdr destination)))
          (body u form.cdr.cdr destination)))))

(defspecial STATEMENTS ["let*"] [u form destination]
  (setv [patterns values] (declarations form BAD-DECLARATION))
  (defn nest [u i destination]
    (if (= i (len patterns))
        (body u form.cdr.cdr destination)
        (shallow u destination
          (fn [u destination]
            (setv nodes [(expression u (get values i))])
            (setv pairs (settle u (bind-values u [(get patterns i)] nodes)))
            (region u pairs (fn [u] (nest u (+ i 1) destination)))))))
  (nest u 0 destination))

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

(defn need [form least [message None]]
  (setv n (proper-length form.cdr))
  (when (< n least)
    (raise (LispError (or message
                          (.format "bad '{}' construction" form.car.name))))))

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

(defn set-and-know [u symbol node]
  "Store into a slot, keeping the value at hand."
  (if (steady? node)
      (do (emit u (set-slot u symbol node))
          (know u symbol node))
      (do (setv name (temporary u))
          (setv store-it (set-slot u symbol node))
          (.insert store-it.targets 0 (store name))
          (emit u store-it)
          (know u symbol (load name)))))

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

;; ---------------------------------------------------------------- control

(defspecial STATEMENTS ["progn"] [u form destination]
  (body u form.cdr destination))

(defspecial EXPRESSIONS ["progn"] [u form]
  (sequence u form.cdr))

(defspecial STATEMENTS ["progn-without-fpe"] [u form destination]
  (setv outer u.unchecked u.unchecked True)
  (try (body u form.cdr destination)
    (finally (setv u.unchecked outer))))

(defspecial STATEMENTS ["prog1"] [u form destination]
  (need form 1)
  (setv name (if (in destination [None "return"]) (temporary u) destination))
  (statement u form.cdr.car (if (is destination None) None name))
  (body u form.cdr.cdr None)
  (when (= destination "return") (emit u (return-node (load name)))))

(defn branch [u destination condition yes no]
  "An if statement from a condition and two translations."
  (setv before (dict u.known))
  (setv [then _] (aside u yes) after u.known)
  (setv u.known before)
  (setv [otherwise _] (aside u no))
  (merge u after u.known)
  (emit u (ast.If :test condition :body (or then [(ast.Pass)]) :orelse otherwise)))

(defn choice [u condition yes no]
  "A conditional value from a condition and two lists of forms."
  (setv before (dict u.known))
  (setv [then a] (aside u sequence yes) after u.known)
  (setv u.known before)
  (setv [otherwise b] (aside u sequence no))
  (merge u after u.known)
  (when (not (or then otherwise))
    (return (ast.IfExp :test condition :body a :orelse b)))
  (setv name (temporary u))
  (emit u (ast.If :test condition :body (+ then [(assign name a)])
                  :orelse (+ otherwise [(assign name b)])))
  (load name))

(defspecial STATEMENTS ["if"] [u form destination]
  (need form 2)
  (branch u destination (test u form.cdr.car)
    (fn [u] (statement u form.cdr.cdr.car destination))
    (fn [u] (body u form.cdr.cdr.cdr destination))))

(defspecial EXPRESSIONS ["if"] [u form]
  (need form 2)
  (choice u (test u form.cdr.car) (Cons form.cdr.cdr.car None) form.cdr.cdr.cdr))

(defspecial STATEMENTS ["when"] [u form destination]
  (need form 2)
  (branch u destination (test u form.cdr.car)
    (fn [u] (body u form.cdr.cdr destination))
    (fn [u] (finish u (literal None) destination))))

(defspecial EXPRESSIONS ["when"] [u form]
  (need form 2)
  (choice u (test u form.cdr.car) form.cdr.cdr None))

(defspecial STATEMENTS ["cond"] [u form destination]
  (defn clauses [u cell]
    (if (isinstance cell Cons)
        (do (setv clause cell.car)
            (when (not (isinstance clause Cons))
              (raise (LispError "bad 'cond' construction" clause)))
            (branch u destination (test u clause.car)
              (fn [u] (body u clause.cdr destination))
              (fn [u] (clauses u cell.cdr))))
        (finish u (literal None) destination)))
  (clauses u form.cdr))

(defspecial STATEMENTS ["selectq"] [u form destination]
  (need form 1)
  (setv name (temporary u))
  (emit u (assign name (expression u form.cdr.car)))
  (defn condition [u key]
    (cond
      (is key T) (literal True)
      (isinstance key Cons) (helper "in_list" (load name) (constant u key))
      True (ast.Compare :left (load name) :ops [(ast.Eq)] :comparators [(constant u key)])))
  (defn clauses [u cell]
    (if (isinstance cell Cons)
        (do (setv clause cell.car)
            (when (not (isinstance clause Cons))
              (raise (LispError "bad 'selectq' construction" clause)))
            (branch u destination (condition u clause.car)
              (fn [u] (body u clause.cdr destination))
              (fn [u] (clauses u cell.cdr))))
        (finish u (literal None) destination)))
  (clauses u form.cdr.cdr))

(defn combine [u forms operator]
  "A condition from several; None when one of them needs statements."
  (setv nodes [] before (dict u.known))
  (while (isinstance forms Cons)
    (setv [block node] (aside u test forms.car))
    (when block
      (setv u.known before)
      (return None))
    (.append nodes node)
    (when (= (len nodes) 1) (setv before (dict u.known)))
    (setv forms forms.cdr))
  (merge u u.known before)
  (if (= (len nodes) 1) (get nodes 0) (ast.BoolOp :op operator :values nodes)))

(defspecial TESTS ["and"] [u form]
  (when (is form.cdr None) (return (literal True)))
  (or (combine u form.cdr (ast.And)) (is-not-node (and-value u form) (literal None))))

(defspecial TESTS ["or"] [u form]
  (when (is form.cdr None) (return (literal False)))
  (or (combine u form.cdr (ast.Or)) (is-not-node (or-value u form) (literal None))))

(defn and-value [u form]
  (defn rest [u cell]
    (if (is cell.cdr None)
        (expression u cell.car)
        (do (setv condition (test u cell.car) before (dict u.known))
            (setv [block node] (aside u rest cell.cdr))
            (merge u u.known before)
            (when (not block)
              (return (ast.IfExp :test condition :body node :orelse (literal None))))
            (setv name (temporary u))
            (emit u (ast.If :test condition :body (+ block [(assign name node)])
                            :orelse [(assign name (literal None))]))
            (load name))))
  (if (is form.cdr None) (load ".T") (rest u form.cdr)))

(defn or-value [u form]
  (defn rest [u cell]
    (if (is cell.cdr None)
        (expression u cell.car)
        (do (setv node (expression u cell.car) name (temporary u))
            (setv before (dict u.known))
            (setv [block other] (aside u rest cell.cdr))
            (merge u u.known before)
            (when (not block)
              (return (ast.IfExp
                        :test (is-not-node (ast.NamedExpr :target (store name) :value node)
                                           (literal None))
                        :body (load name) :orelse other)))
            (emit u (assign name node))
            (emit u (ast.If :test (is-node (load name) (literal None))
                            :body (+ block [(assign name other)]) :orelse []))
            (load name))))
  (if (is form.cdr None) (literal None) (rest u form.cdr)))

(defspecial EXPRESSIONS ["and"] [u form] (and-value u form))
(defspecial EXPRESSIONS ["or"] [u form] (or-value u form))

(defspecial TESTS ["not" "null"] [u form]
  (when (!= (proper-length form.cdr) 1) (raise (LispError (expected 1))))
  (setv node (test u form.cdr.car))
  (cond
    (and (isinstance node ast.Compare) (isinstance (get node.ops 0) ast.IsNot)
         (= (len node.ops) 1))
      (is-node node.left (get node.comparators 0))
    True (ast.UnaryOp :op (ast.Not) :operand node)))

;; ---------------------------------------------------------------- quoting, assignment

(defspecial EXPRESSIONS ["quote"] [u form]
  (when (!= (proper-length form.cdr) 1) (raise (LispError (expected 1))))
  (constant u form.cdr.car))

(defn unquoted [form found]
  "Collect what a backquoted form evaluates, in order."
  (when (isinstance form Cons)
    (cond
      (and (isinstance form.car Symbol) (in form.car.name ["unquote" "unquote-splicing"])
           (isinstance form.cdr Cons))
        (.append found form.cdr.car)
      (and (isinstance form.car Symbol) (= form.car.name "backquote")
           (isinstance form.cdr Cons))
        None
      True
        (while (isinstance form Cons)
          (when (and (isinstance form.car Symbol) (= form.car.name "unquote")
                     (isinstance form.cdr Cons) (is form.cdr.cdr None))
            (.append found form.cdr.car)
            (return found))
          (unquoted form.car found)
          (setv form form.cdr))))
  found)

(defn rebuild [u form nodes]
  "Build the code that makes a backquoted form from the nodes of its unquoted parts."
  (cond
    (not (unquoted form [])) (constant u form)
    (and (isinstance form.car Symbol) (= form.car.name "unquote")) (.pop nodes 0)
    (and (isinstance form.car Symbol) (= form.car.name "unquote-splicing"))
      (.pop nodes 0)
    (and (isinstance form.car Cons) (isinstance form.car.car Symbol)
         (= form.car.car.name "unquote-splicing"))
      (do (setv head (.pop nodes 0))
          (if (is form.cdr None) head (helper "splice" head (rebuild u form.cdr nodes))))
    True
      (do (setv head (rebuild u form.car nodes))
          (helper "Cons" head (rebuild u form.cdr nodes)))))

(defspecial EXPRESSIONS ["backquote"] [u form]
  (need form 1 (expected 1))
  (setv nodes [])
  (for [part (unquoted form.cdr.car [])] (add-argument u nodes expression part))
  (rebuild u form.cdr.car nodes))

(defn target-symbol [u target]
  "Check what setq assigns to; return the symbol, None for a scope form."
  (when (isinstance target Symbol)
    (when (and target.locked (not-in target u.bound))
      (when (not target.tracked) (raise (LispError "locked symbol" target)))
      ;; it may be a slot of the object whose method this is
      (emit u (ast.Expr :value (helper "unlocked" (symbol-node u target)))))
    (assume u target)
    (return target))
  (when (not (and (isinstance target Cons) (isinstance target.car Symbol)
                  (= target.car.name "scope") (isinstance target.cdr Cons)))
    (raise (LispError "neither a symbol nor an explicit scope specification" target)))
  None)

(defn store-value [u form target node]
  (setv symbol (target-symbol u target))
  (cond
    (is symbol None)
      (emit u (ast.Expr :value (scope-node u target node form)))
    (or symbol.declared symbol.bound) (set-and-know u symbol node)
    True (do (.pop u.known symbol None)
             (emit u (ast.Expr :value (helper "setq" (symbol-node u symbol) node))))))

(defn scope-node [u target node form]
  "Read or, with a node, write a scope form."
  (when (is-not node None) (disturb u))
  (setv path target.cdr name None)
  (when (isinstance path.car Symbol) (.track path.car))
  (setv slots (lfor s (items path.cdr) s))
  (cond
    (and (not slots) (isinstance path.car Symbol))
      (if (is node None)
          (helper "global_value" (symbol-node u path.car))
          (site u (helper "set_global" (symbol-node u path.car) node) form form.car []))
    (not slots) (raise (LispError "illegal scope specification" target))
    True
      (do (setv object (expression u path.car))
          (for [s (cut slots 0 -1)]
            (setv object (site u (helper "slot" object (constant u s)) form form.car [])))
          (setv last (constant u (get slots -1)))
          (site u (if (is node None)
                      (helper "slot" object last)
                      (helper "set_slot" object last node))
                form form.car []))))

(defspecial EXPRESSIONS ["scope"] [u form]
  (when (not (isinstance form.cdr Cons)) (raise (LispError (expected 1))))
  (scope-node u form None form))

(defspecial STATEMENTS ["setq"] [u form destination]
  (setv cell form.cdr targets [] nodes [])
  (when (or (is cell None) (% (proper-length cell) 2))
    (raise (LispError "two arguments were expected")))
  (while (isinstance cell Cons)
    (.append targets cell.car)
    (add-argument u nodes expression cell.cdr.car)
    (setv cell cell.cdr.cdr))
  (when (or (> (len targets) 1) (is-not destination None))
    (spill u nodes))
  (for [[target node] (zip targets nodes)]
    (store-value u form target node))
  (when (is-not destination None) (finish u (get nodes -1) destination)))

(defspecial STATEMENTS ["incr"] [u form destination]
  (setv n (proper-length form.cdr))
  (when (not-in n [1 2]) (raise (LispError "one or two arguments were expected")))
  (setv target form.cdr.car)
  (setv amount (if (= n 2) (expression u form.cdr.cdr.car) (literal 1.0)))
  (setv name (if (in destination [None "return"]) (temporary u) destination))
  (when (not (steady? amount))
    (setv more (temporary u))
    (emit u (assign more amount))
    (setv amount (load more)))
  (setv old (expression u target))
  (emit u (assign name (site u (helper "incremented" old amount) form form.car [])))
  (store-value u form target (load name))
  (when (= destination "return") (emit u (return-node (load name)))))

;; ---------------------------------------------------------------- definitions

(defspecial EXPRESSIONS ["lambda" "flambda" "mlambda"] [u form]
  (need form 2 "illegal definition of function")
  (setv kind (get {"lambda" "DE" "flambda" "DF" "mlambda" "DM"}
                  (. (u.interpreter.callable-below form.car) name)))
  (constant u (u.interpreter.function kind None form.cdr.car form.cdr.cdr form.pos)))

(defspecial EXPRESSIONS ["de" "df" "dm" "dmd" "defun" "defmacro"] [u form]
  (site u (helper "define" (constant u form)) form form.car []))

;; ---------------------------------------------------------------- inline primitives

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

;; ---------------------------------------------------------------- compilation

(setv LOCATED #(ast.expr ast.stmt ast.excepthandler ast.arg))

(defn locate [tree line]
  "Give every node without a place the place of the node around it."
  (setv stack [#(tree line 0)])
  (while stack
    (setv [node line column] (.pop stack))
    (when (isinstance node LOCATED)
      (if (hasattr node "lineno")
          (setv line node.lineno column node.col_offset)
          (setv node.lineno line node.end_lineno line
                node.col_offset column node.end_col_offset column)))
    (for [name node._fields]
      (setv value (getattr node name None))
      (cond
        (isinstance value list)
          (for [item value] (when (isinstance item ast.AST) (.append stack #(item line column))))
        (isinstance value ast.AST)
          (when (not (isinstance value #(ast.expr_context ast.operator ast.cmpop)))
            (.append stack #(value line column)))))))

(defn compiled [u name arguments file line]
  "Compile the unit's block as the body of a function; return its code."
  (setv function (ast.FunctionDef :name name :args arguments :decorator_list []
                                  :body (or u.block [(ast.Pass)]) :type_params []))
  (setv tree (ast.Module :body [function] :type_ignores []))
  (locate tree line)
  (with [(warnings.catch-warnings)]
    (warnings.simplefilter "ignore" SyntaxWarning)
    (setv module (compile tree file "exec")))
  (next (gfor c module.co_consts :if (isinstance c CodeType) c)))

(defn translate-forms [interpreter forms names pos]
  "Return a Python function that evaluates the forms in order and returns the last value."
  (setv u (Unit interpreter None names pos) line u.line)
  (body u forms "return")
  (FunctionType
    (compiled u "toplevel" (parameters []) (interpreter.file pos) line)
    names "toplevel"))

(defn translate-function [record]
  "Compile a function from its body: put code, defaults and globals into it."
  (for [_ (range 3)]
    (setv record.stale False)
    (setv code (function-code record))
    ;; What was assumed early in a body may have been refuted further down.
    (when (not record.stale) (break)))
  (setv record.function.__code__ code
        record.function.__defaults__
          (or (tuple (lfor [_ d] record.parsed.optional d)) None))
  record.function)

(defn function-code [record]
  (setv interpreter record.interpreter formals record.parsed)
  (setv names record.function.__globals__)
  (setv u (Unit interpreter record names record.pos) line u.line)
  (count-step u)
  (setv given (+ formals.required (lfor [p _] formals.optional p)))
  (setv arguments (lfor i (range (len given)) (+ "p" (str i))))
  (setv nodes (lfor a arguments (load a)) patterns (list given))
  (when (is-not formals.rest None)
    (.append patterns formals.rest)
    (.append nodes (helper "list" (load "rest"))))
  (setv pairs (bind-values u patterns nodes))
  (if pairs
      (region u pairs (fn [u] (body u record.body "return")))
      (body u record.body "return"))
  (compiled u record.function.__name__
            (parameters arguments (when (is-not formals.rest None) "rest"))
            (interpreter.file record.pos) line))
