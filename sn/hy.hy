"SN inside a Hy program.

    (require sn.hy [sn])
    (sn (de twice (x) (* 2 x)))
    (print (sn (twice ~(len \"word\"))))     ; 8.0

Every argument of the macro `sn` is an SN form, written as Hy reads it, or a string of SN text.
`~` puts the value of a Hy expression in; the value of the last form comes back as a Python
value (`sn.exchange` says how values are converted). Each module has an interpreter of its own,
which `(sn-interpreter)` returns; `(sn :in lisp ...)` uses a given one."

(import hy.models [Expression Float Integer Keyword List String Symbol])

(defn _template [form values quoted]
  "Turn a Hy model into a template of `sn.exchange.run_forms`, collecting unquoted models."
  (defn parts [models [inside quoted]]
    (lfor model models (_template model values inside)))
  (cond
    (isinstance form Symbol) `#("symbol" ~(str form))
    (isinstance form #(Integer Float)) `(float ~form)
    (isinstance form String) form
    (isinstance form Keyword)
      `#("list" #("symbol" "scope")
         ~@(lfor name (.split form.name ":") `#("symbol" ~name)))
    (isinstance form List) `#("matrix" ~(_rows form))
    (not (isinstance form Expression))
      (raise (SyntaxError (+ "there is no such thing in SN: " (hy.repr form))))
    (not form) None
    True
      (do
        (setv head (when (isinstance (get form 0) Symbol) (str (get form 0))))
        (cond
          (= head ".") `#("symbol" ~(.join "." (map str (cut form 1 None))))
          (= head "unquote")
            (do
              (.append values (get form 1))
              (setv value `#("value" ~(- (len values) 1)))
              (if quoted `#("list" #("symbol" "unquote") ~value) value))
          (= head "unquote-splice")
            (do
              (when (not quoted)
                (raise (SyntaxError "~@ stands inside a quoted form only")))
              (.append values (get form 1))
              `#("list" #("symbol" "unquote-splicing")
                 #("value" ~(- (len values) 1))))
          (in head ["quote" "quasiquote"])
            `#("list" #("symbol" "backquote") ~@(parts (cut form 1 None) True))
          (and (> (len form) 2) (= (get form -2) (Symbol ".")))
            `#("dotted" ~@(parts (cut form 0 -2)) ~@(parts (cut form -1 None)))
          True `#("list" ~@(parts form))))))

(defn _rows [form]
  (cond
    (isinstance form List) `#(~@(map _rows form))
    (isinstance form #(Integer Float)) `(float ~form)
    True (raise (SyntaxError "a matrix literal holds numbers"))))

(defn _runs [forms]
  "Split forms into strings of SN text and tuples of forms between them."
  (setv runs [])
  (for [form forms]
    (cond
      (isinstance form String) (.append runs form)
      (and runs (isinstance (get runs -1) list)) (.append (get runs -1) form)
      True (.append runs [form])))
  runs)

(defmacro sn [#* forms]
  "Evaluate SN forms, or strings of SN text; return the last value."
  (setv interpreter '(hy.I.sn/exchange.interpreter-of (globals)))
  (when (and (> (len forms) 1) (= (get forms 0) (Keyword "in")))
    (setv interpreter (get forms 1) forms (cut forms 2 None)))
  (setv lisp (hy.gensym "lisp") steps [])
  (for [run (_runs forms)]
    (if (isinstance run String)
      (.append steps `(hy.I.sn/exchange.run-text ~lisp ~run))
      (do
        (setv values [] templates (lfor form run (_template form values False)))
        (.append steps
          `(hy.I.sn/exchange.run-forms ~lisp #(~@templates) [~@values])))))
  `(do (setv ~lisp ~interpreter) ~@steps))

(defmacro sn-interpreter []
  "Return the interpreter of this module."
  '(hy.I.sn/exchange.interpreter-of (globals)))
