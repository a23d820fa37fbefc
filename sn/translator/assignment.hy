"Quoting, and the storing of values in variables and slots."

(import ast)
(import sn.cells [Cons items])
(import sn.errors [LispError])
(import sn.primitives.registry [expected])
(import sn.symbols [Symbol])
(import sn.translator.unit [load literal helper return-node assign emit temporary symbol-node
                            disturb constant steady? site spill proper-length])
(import sn.translator.forms [EXPRESSIONS STATEMENTS expression assume need add-argument
                             finish])
(import sn.translator.bindings [set-and-know])
(eval-when-compile (require sn.translator.forms [defspecial]))

;; ---------------------------------------------------------------- quoting

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

;; ---------------------------------------------------------------- assignment

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
