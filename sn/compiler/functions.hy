"Functions and methods: what their callers must know, their text, and whole programs.

A function that takes objects is a template: it is translated for the exact types of the
objects in each call, so which method a message means is known. All others are translated once,
and later programs import them.

The text that results is self-contained but for other compiled functions, which it imports from
the modules named after a digest of their own source: equal text is equal behaviour."

(import re)
(import sn.cells [Cons items])
(import sn.primitives.registry [expected])
(import sn.symbols [Symbol])
(import types [FunctionType])
(import sn.compiler.unit [Binding Unit refuse bind emit fresh keep indented])
(import sn.compiler.types [declarations class-type convert describe matrix? object? MIXED])
(import sn.compiler.forms [FORMS CALL arguments body])
(import sn.compiler.objects [slots-of])
(eval-when-compile (require sn.compiler.forms [defform]))

(setv MOST-PASSES 100  MOST-DEEP 100000  MOST-KINDS 30)

(defclass Signature []
  "What a caller must know: where the function is, what it takes and what it gives."
  (defn __init__ [self record owner parameters python]
    (setv self.record record
          self.owner owner          ; the class, of a method; its first argument is `this`
          self.module None          ; the module being written, else its digest
          self.places {}            ; module -> messages and forms of run-time errors
          self.python python
          self.parameters parameters
          self.result "never"       ; until a pass over the body finds it
          self.calls (set)
          self.uses-random False    ; draws random numbers itself
          self.draws False          ; or a function it calls does: takes the state
          self.deep False           ; may call itself: takes a depth
          self.anew False))         ; a recursion may begin here
  (defn learn [self]
    "Find out what the calls of all functions mean for this one."
    (setv reached (reaches self))
    (setv self.deep (in self reached)
          self.draws (or self.uses-random (any (gfor s reached s.uses-random)))
          self.anew (or self.deep (any (gfor s reached (in s (reaches s)))))))
  (defn state [self] #(self.result self.deep self.draws self.anew)))

(defn reaches [signature]
  "Every function a function may end up in."
  (setv found (set) stack (list signature.calls))
  (while stack
    (setv one (.pop stack))
    (when (not-in one found)
      (.add found one)
      (.extend stack one.calls)))
  found)

(defclass Program []
  "What is compiled together."
  (defn __init__ [self interpreter records]
    (setv self.interpreter interpreter
          self.records records      ; record -> class, or None of a function
          self.symbols (dfor [record owner] (.items records)
                             :if (and (is owner None) record.name) record.name record)
          self.signatures {}        ; (record, types) -> Signature
          self.imports (set)
          self.sites []))

  (defn compilable? [self function]
    "Is a function compiled already, or here?"
    (and (isinstance function FunctionType) (hasattr function "sn")
         (or (hasattr function "signature") (in function.sn self.records))))

  (defn callable? [self symbol]
    (or (in symbol self.symbols) (hasattr symbol.value "signature")))

  (defn signature [self record owner types]
    "The signature of a function for arguments of some types."
    (setv known (getattr record "signature" None))
    (when (and (is-not known None) (not-in record self.records)
               (not (any (gfor t types (object? t)))))
      (return known))
    (setv key #(record (tuple types)))
    (when (not-in key self.signatures)
      (when (> (len self.signatures) (+ MOST-KINDS (len self.records)))
        (refuse (Unit self (Signature record owner [] "")) record.name
                "more kinds of objects than can be compiled"))
      (setv name (if record.name record.name.name "method"))
      (setv python (.format "f{}_{}" (len self.signatures) (re.sub r"[^A-Za-z0-9]" "_" name)))
      (setv (get self.signatures key) (Signature record owner (list types) python)))
    (get self.signatures key))

  (defn call [self u form record owner found cells]
    "Translate a call, given the translated object of a message and the argument forms."
    (setv found (+ found (arguments u cells)))
    (setv declared (parameter-types u record owner))
    (when (!= (len found) (len declared))
      (refuse u form (expected (- (len declared) (if owner 1 0)))))
    (setv types [])
    (for [[[text type] to] (zip found declared)]
      (when (and (object? to) (= type "never")) (return #("0" "never")))
      (when (and (object? to) (not (and (object? type) (.inherits (get type 1) (get to 1)))))
        (refuse u form (.format "{} where {} was expected" (describe type) (describe to))))
      (.append types (if (object? to) type to)))
    (setv signature (self.signature record owner types))
    (.add u.own.calls signature)
    (when signature.module (.add self.imports signature))
    (setv texts (lfor [[text type] to] (zip found types) (convert u form text type to)))
    (when signature.deep (.append texts (if u.own.deep "depth + 1" "0")))
    (when signature.draws (.append texts "random"))
    (setv text (.format "{}({})" (public-name signature) (.join ", " texts)))
    (if (= signature.result "void")
        (do (emit u text) #("None" "void"))
        (do (setv name (fresh u))
            (emit u f"{name} = {text}")
            #(name signature.result)))))

(defform [CALL] [u form]
  (setv record (or (.get u.program.symbols form.car) form.car.value.sn))
  (u.program.call u form record None [] form.cdr))

(defn public-name [signature]
  (if signature.module
      (.format "x{}_{}" signature.module signature.python)
      signature.python))

;; ---------------------------------------------------------------- one function

(defn parameter-types [u record owner]
  "The types a function declares, that of `this` first."
  (setv formals record.parsed)
  (when (or formals.optional (is-not formals.rest None))
    (refuse u record.formals "optional arguments cannot be compiled"))
  (setv [declared _] (declarations u record.body))
  (+ (if owner [(class-type u owner)] [])
     (lfor formal formals.required
       (if (isinstance formal Symbol)
           (.get declared formal "double")
           (refuse u record.formals "arguments cannot be taken apart")))))

(defn zero [type]
  (.get {"bool" "False"  "double" "0.0"  "float" "np.float32(0)"  "string" "''"} type "0"))

(defn opening [u signature names]
  "Bind `this`, the slots and the arguments, the later hiding the earlier."
  (setv types signature.parameters)
  (when signature.owner
    (.append names "this")
    (setv [this #* types] types)
    (setv slots (slots-of "this" this []))
    (setv (get u.scopes 0)
          (dfor [symbol binding] (.items slots)
                :if (in symbol signature.owner.slots) symbol binding))
    (setv (get u.scopes 0 u.interpreter.this) (Binding "this" this [])))
  (.append u.scopes {})
  (.append u.declared {})
  (for [[symbol type] (zip signature.record.parsed.required types)]
    (.append names (. (bind u symbol type) python))))

(defn last-form [forms]
  (while (isinstance forms.cdr Cons) (setv forms forms.cdr))
  forms.car)

(defn function-text [u signature]
  "Translate a function; return its lines."
  (setv names [] record signature.record)
  (setv [declared forms] (declarations u record.body))
  (opening u signature names)
  (setv (get u.declared 0)
        (dfor [k v] (.items declared) :if (not-in k record.parsed.required) k v))
  (.append u.declared {})
  (.append u.scopes {})
  (setv [text type] (body u forms))
  (when (= type "mixed") (refuse u (last-form forms) MIXED))
  (when (= type "nil") (setv type "void"))
  (setv signature.result type)
  (setv lines [])
  (when signature.deep
    (.append names "depth")
    (.append lines f"if depth > {MOST-DEEP}:")
    (.append lines "    raise RecursionError()")
    ;; A way out without a call comes first: numba learns the type of the result from it.
    (when (and (not (matrix? type)) (not (object? type)) (!= type "void"))
      (.append lines "if depth < 0:")
      (.append lines (.format "    return {}" (zero type)))))
  (when signature.draws (.append names "random"))
  (.extend lines u.block)
  (.append lines (if (= type "void") "return None" f"return {text}"))
  ;; What numba 0.68 loads of a recursion from its cache does not find its own symbols.
  [(if signature.anew "@make_anew" "@make")
   (.format "def {}({}):" signature.python (.join ", " names))
   #* (indented lines)])

(defn packed [type names]
  "Text of an argument made of the parts it is handed over in, whose names are appended."
  (if (object? type)
      (do (setv parts (+ ["numbers"] (lfor held (get type 2)
                                           :if (or (isinstance held tuple) (= held "string"))
                                           held)))
          (.format "({})" (.join "" (lfor part parts (+ (packed part names) ", ")))))
      (do (.append names (.format "a_{}" (len names)))
          (get names -1))))

(defn entry-text [signature]
  "A way in for the interpreter: numba takes arrays one by one a lot faster than in tuples."
  (setv names [] texts (lfor type signature.parameters (packed type names)))
  (setv hidden [#* (if signature.deep ["depth"] []) #* (if signature.draws ["random"] [])])
  [(if signature.anew "@make_anew" "@make")
   (.format "def enter_{}({}):" signature.python (.join ", " (+ names hidden)))
   (.format "    return {}({})" signature.python (.join ", " (+ texts hidden)))])

;; ---------------------------------------------------------------- a program

(defn compiled [interpreter records [types None]]
  "Translate functions together.

  Parameters
  ----------
  records: function record -> its class, or None
  types: the types of the arguments of the first one, if others than those it declares

  Returns the text, the signatures of the records, the (form, message) pairs by the numbers that
  run-time errors carry, and those of the modules that are imported."
  (setv program (Program interpreter records) roots [])
  (for [[record owner] (.items records)]
    (setv u (Unit program (Signature record owner [] "")))
    (.append roots (program.signature record owner
                     (if (and types (not roots)) types (parameter-types u record owner)))))
  ;; Results of functions that call each other are found by repeating until nothing changes;
  ;; a pass may meet new types, whose functions then join it.
  (setv before None)
  (for [_ (range MOST-PASSES)]
    (setv program.sites [] program.imports (set) lines [] done 0)
    (while (< done (len program.signatures))
      (setv own (get (list (.values program.signatures)) done) own.calls (set))
      (setv own.uses-random False)
      (.extend lines [#* (function-text (Unit program own) own) "" ""])
      (when (and (in own roots) (any (gfor t own.parameters (object? t))))
        (.extend lines [#* (entry-text own) "" ""]))
      (+= done 1))
    (for [s (.values program.signatures)] (.learn s))
    (setv after (lfor s (.values program.signatures) (.state s)))
    (when (= after before) (break))
    (setv before after)
    (else (refuse u record.name "the types of its result never settle")))
  (for [s (.values program.signatures)]
    (when (= s.result "never")
      (refuse (Unit program s) s.record.name "it calls itself in every case")))
  (setv first (sorted (sfor s program.imports
                        (.format "{} = module({!r}).{}" (public-name s) s.module s.python))))
  (setv places {})
  (for [s program.imports] (.update places s.places))
  [(.join "\n" (+ first (if first [""] []) lines)) roots program.sites places])

(defn declared-class [interpreter kind]
  "The type of an object of a class as declared."
  (class-type (Unit (Program interpreter {}) (Signature Nowhere None [] "")) kind))

(defclass Nowhere [] (setv pos None))
