"The walk over forms: each construct is found in one of the tables, all else is a call."

(import ast)
(import types [FunctionType])
(import sn.cells [Cons items])
(import sn.errors [LispError])
(import sn.functions [Fexpr FunctionRecord Macro])
(import sn.primitives.registry [Primitive Special expected])
(import sn.symbols [Symbol T])
(import sn.translator.unit [LOAD load store literal attribute helper is-not-node truth-node
                            return-node assign emit temporary symbol-node slot read-node
                            disturb constant atomic? operands site aside spill starred?
                            proper-length])

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

;; ---------------------------------------------------------------- the walk

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

(defn need [form least [message None]]
  (setv n (proper-length form.cdr))
  (when (< n least)
    (raise (LispError (or message
                          (.format "bad '{}' construction" form.car.name))))))

;; ---------------------------------------------------------------- calls

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

;; ---------------------------------------------------------------- sequences, destinations, conditions

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
