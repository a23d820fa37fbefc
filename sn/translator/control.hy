"Sequences, choices and conditions."

(import ast)
(import sn.cells [Cons])
(import sn.errors [LispError])
(import sn.primitives.registry [expected])
(import sn.symbols [T])
(import sn.translator.unit [load store literal helper is-node is-not-node return-node assign
                            emit temporary merge constant aside proper-length])
(import sn.translator.forms [EXPRESSIONS STATEMENTS TESTS expression need sequence body
                             finish statement test])
(eval-when-compile (require sn.translator.forms [defspecial]))

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
