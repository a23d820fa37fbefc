"Definitions, and the code of forms and functions."

(import ast)
(import types [CodeType FunctionType])
(import warnings)
(import sn.translator.unit [Unit load helper count-step constant site])
(import sn.translator.forms [EXPRESSIONS need parameters body])
(import sn.translator.bindings [bind-values region])
(eval-when-compile (require sn.translator.forms [defspecial]))

(defspecial EXPRESSIONS ["lambda" "flambda" "mlambda"] [u form]
  (need form 2 "illegal definition of function")
  (setv kind (get {"lambda" "DE" "flambda" "DF" "mlambda" "DM"}
                  (. (u.interpreter.callable-below form.car) name)))
  (constant u (u.interpreter.function kind None form.cdr.car form.cdr.cdr form.pos)))

(defspecial EXPRESSIONS ["de" "df" "dm" "dmd" "defun" "defmacro"] [u form]
  (site u (helper "define" (constant u form)) form form.car []))

;; ---------------------------------------------------------------- code

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
