"Variables bound for a time: patterns, the saving and restoring of slots, `let`."

(import ast)
(import sn.cells [Cons])
(import sn.errors [LispError])
(import sn.functions [symbols-of])
(import sn.symbols [Symbol T])
(import sn.translator.unit [LOAD STORE load store literal attribute helper assign emit
                            temporary symbol-node slot know set-slot constant steady? site
                            aside proper-length])
(import sn.translator.forms [STATEMENTS expression assume add-argument parameters body finish])
(eval-when-compile (require sn.translator.forms [defspecial]))

(setv MOST-BLOCKS 14)     ; Python nests at most 20 blocks; deeper code moves to a function

(defn pattern-symbols [u tree]
  (setv found (symbols-of tree [] True))
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
