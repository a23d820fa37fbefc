"What is being compiled: the unit, its variables and loops, its lines, its refusals.

A translation returns a pair: Python text without effects, and its type. What must happen
before goes to the unit's block, line by line."

(import re)
(import sn.errors [LispError])

(defclass Binding []
  "A lexical variable: the Python name that holds it, and how it is read."
  (defn __init__ [self python type loops [read None] [shared False]]
    (setv self.python python        ; None when it cannot be set
          self.type type
          self.loops loops          ; those it was bound in
          self.read (or read python)
          self.shared shared)))     ; a number of an object, which a call may change

(defclass Loop []
  "A loop whose body runs as a whole in every round."
  (defn __init__ [self before first last changed]
    (setv self.before before self.first first self.last last self.changed changed
          self.variable None)))     ; the binding that counts from first to last

(defclass Unit []
  "The function being compiled, and the program it is a part of."
  (defn __init__ [self program own]
    (setv self.program program
          self.interpreter program.interpreter
          self.own own              ; its Signature
          self.block []
          self.scopes [{}]
          self.declared [{}]
          self.loops []             ; Loop, or None where a condition begins
          self.names 0
          self.expansions {}
          self.pos own.record.pos)))

;; ---------------------------------------------------------------- errors

(defn refuse [u form reason]
  "Tell what cannot be compiled, and where it stands."
  (setv place (or (getattr form "pos" None) u.pos))
  (raise (LispError (.format "cannot compile {}:{} : {}" (u.interpreter.file place)
                             (u.interpreter.line place) reason)
                    form :function "dhc-make")))

(defn fail [u condition message form]
  "Have the program stop with a message when a condition holds."
  (emit u f"if {condition}:")
  (emit u (leaving u form message)))

(defn leaving [u form message]
  "The line that stops a program: it names its module, and there the message and form."
  (.append u.program.sites #(form message))
  (.format "    raise ValueError(HERE, {})" (- (len u.program.sites) 1)))

(defn count-arguments [u form least [most None]]
  (setv cell form.cdr n 0)
  (while (is-not cell None)
    (when (not (hasattr cell "cdr")) (refuse u form "not a list"))
    (setv n (+ n 1) cell cell.cdr))
  (when (not (<= least n (if (is most None) n most)))
    (refuse u form "wrong number of arguments")))

;; ---------------------------------------------------------------- names and lines

(defn fresh [u [prefix "t"]]
  (+= u.names 1)
  (.format "{}_{}" (re.sub r"[^A-Za-z0-9]" "_" prefix) u.names))

(defn emit [u text] (.append u.block text))

(defn indented [lines] (lfor l (or lines ["pass"]) (+ "    " l)))

(defn aside [u translate #* arguments]
  "Translate into a block of its own; return the block and the result."
  (setv outer u.block u.block [])
  (try
    (setv result (translate u #* arguments))
    (setv inner u.block)
    (finally (setv u.block outer)))
  [inner result])

(defn arm [u translate #* arguments]
  "Translate what runs only under some condition."
  (.append u.loops None)
  (try (aside u translate #* arguments)
    (finally (.pop u.loops))))

(defn constant? [text] (bool (re.fullmatch r"-?[0-9.]+(e[-+]?\d+)?|True|False|None" text)))

(defn keep [u text [prefix "t"]]
  "A name for a value that must not change any more."
  (if (or (constant? text) (re.fullmatch r"t_\d+" text))
      text
      (do (setv name (fresh u prefix))
          (emit u f"{name} = {text}")
          name)))

;; ---------------------------------------------------------------- variables

(defn lookup [u symbol]
  (for [scope (reversed u.scopes)]
    (when (in symbol scope) (return (get scope symbol)))))

(defn wanted [u symbol]
  "The type declared for a variable that is about to be bound, if any."
  (for [scope (reversed u.declared)]
    (when (in symbol scope) (return (get scope symbol)))))

(defn bind [u symbol type]
  (when (not (hasattr symbol "name")) (refuse u symbol "not a symbol"))
  (setv binding (Binding (fresh u (+ "v_" symbol.name)) type (list u.loops)))
  (setv (get u.scopes -1 symbol) binding)
  binding)

(defn in-scope [u declared translate]
  "Translate with a scope for new variables."
  (.append u.scopes {})
  (.append u.declared declared)
  (try (translate u)
    (finally (.pop u.scopes) (.pop u.declared))))

(defn steady-in [u loop symbol binding]
  "Does a variable keep its value while a loop runs?"
  (and (not binding.shared) (not-in loop binding.loops) (not-in symbol loop.changed)))
