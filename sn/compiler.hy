"Typed SN to Python source that numba compiles: the second back end of the language.

The same syntax, another language: scope is lexical, types are static, a number is a double
unless a declaration such as ((-int-) i j) or ((-idx2- (-float-)) m) says otherwise. The walk
goes over the cells of a function that the interpreter has; each construct is found in one
table (FORMS), and what is not there is refused with its form and line.

A translation returns a pair: Python text without effects, and its type. What must happen
before goes to the unit's block, line by line. Types are strings (bool byte ubyte short int
float double; long for integers under way, void, never), and tuples (idx, dimensions, letter).
As in C, float with float stays float; a quotient of integers is a double, as when interpreted.

Every subscript is checked. When a subscript is the variable of the loop around it, or does not
change there, and the element is used in every round, the check is made once before the loop.

The text that results is self-contained but for other compiled functions, which it imports from
the modules named after a digest of their own source: equal text is equal behaviour."

(import re)
(import sn.cells [Cons items])
(import sn.errors [LispError])
(import sn.functions [Macro])
(import sn.primitives.registry [Special expected])
(import sn.symbols [Symbol T])

(setv FORMS {})
(setv INTEGERS {"byte" 8  "ubyte" 8  "short" 16  "int" 32  "long" 64})
(setv LETTERS {"double" "d"  "float" "f"  "int" "i"  "short" "s"  "byte" "b"  "ubyte" "u"})
(setv ELEMENTS (dfor [k v] (.items LETTERS) v k))
(setv DTYPES {"d" "float64"  "f" "float32"  "i" "int32"  "s" "int16"  "b" "int8"  "u" "uint8"})
(setv MOST-PASSES 8)

(defmacro defform [names parameters #* body]
  "Define a translation and enter it in the table under each of the names."
  (setv f (hy.gensym "translate"))
  `(do
     (defn ~f ~parameters ~@body)
     (for [name ~names] (setv (get FORMS name) ~f))))

(defclass Signature []
  "What a caller must know: where the function is, what it takes and what it gives."
  (defn __init__ [self name module python parameters]
    (setv self.name name
          self.module module        ; None: the module being written
          self.python python
          self.parameters parameters
          self.result "never"       ; until a pass over the body finds it
          self.calls (set)
          self.deep False           ; may call itself: takes a depth as last argument
          self.anew False))         ; a recursion may begin here
  (defn learn [self]
    "Find out what the calls of all functions mean for this one."
    (setv reached (reaches self))
    (setv self.deep (in self reached)
          self.anew (or self.deep (any (gfor s reached (in s (reaches s)))))))
  (defn state [self] #(self.result self.deep self.anew)))

(defclass Binding []
  "A lexical variable."
  (defn __init__ [self python type loops]
    (setv self.python python self.type type self.loops loops)))

(defclass Loop []
  "A loop whose body runs as a whole in every round."
  (defn __init__ [self before first last changed]
    (setv self.before before self.first first self.last last self.changed changed
          self.variable None)))     ; the binding that counts from first to last

(defclass Unit []
  "The function being compiled."
  (defn __init__ [self interpreter record signatures own sites]
    (setv self.interpreter interpreter
          self.signatures signatures
          self.own own
          self.sites sites
          self.imports (set)
          self.block []
          self.scopes [{}]
          self.declared [{}]
          self.loops []             ; Loop, or None where a condition begins
          self.names 0
          self.expansions {}
          self.pos record.pos)))

;; ---------------------------------------------------------------- errors, names, blocks

(defn refuse [u form reason]
  (setv place (or (getattr form "pos" None) u.pos))
  (raise (LispError (.format "cannot compile {}:{} : {}" (u.interpreter.file place)
                             (u.interpreter.line place) reason)
                    form :function "dhc-make")))

(defn site [u form]
  "The number by which a run-time error names its form."
  (.append u.sites #(form u.pos))
  (- (len u.sites) 1))

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

(defn constant? [text] (bool (re.fullmatch r"-?[0-9.]+(e[-+]?\d+)?|True|False" text)))

(defn keep [u text [prefix "t"]]
  "A name for a value that must not change any more."
  (if (or (constant? text) (re.fullmatch r"t_\d+" text))
      text
      (do (setv name (fresh u prefix))
          (emit u (.format "{} = {}" name text))
          name)))

(defn arguments [u forms]
  "Translate arguments in order."
  (setv found [])
  (for [form (items forms)]
    (setv [block [text type]] (aside u value form))
    (when block
      (setv found (lfor [a k] found #((keep u a) k)))
      (.extend u.block block))
    (.append found #(text type)))
  found)

;; ---------------------------------------------------------------- types

(defn number? [type] (in type #("float" "double" "never" #* INTEGERS)))
(defn integer? [type] (in type INTEGERS))
(defn matrix? [type] (isinstance type tuple))

(defn wider [a b]
  "The type of a sum, as in C."
  (cond (= a "never") b
        (= b "never") a
        (in "double" #(a b)) "double"
        (in "float" #(a b)) "float"
        True "long"))

(defn joined [a b]
  "The type of a value that comes from either of two branches."
  (cond (= a b) a
        (= a "never") b
        (= b "never") a
        (and (number? a) (number? b)) (wider a b)
        (and (in a #("nil" "bool")) (in b #("nil" "bool"))) "bool"
        True "void"))

(defn convert [u form text type to]
  (cond
    (or (= type to) (= "never" type) (= "never" to)) text
    (and (number? type) (number? to))
      (cond
        (= to "double") (if (constant? text) (repr (float text)) f"float({text})")
        (= to "float") f"np.float32({text})"
        (and (constant? text) (integer? type) (!= to "ubyte")
             (<= (abs (int text)) 127)) text
        (not (integer? type))
          (if (in to #("int" "long")) f"_int({text})"
              (convert u form f"_int({text})" "int" to))
        (or (= to "long") (and (<= (get INTEGERS type) (get INTEGERS to)) (!= to "ubyte")
                               (not (= (get INTEGERS type) (get INTEGERS to)))))
          text
        True (.format "_{}({})" (if (= to "int") "int32" to) text))
    (= type "void") (refuse u form "it has no value here")
    (and (= type "nil") (= to "bool")) text
    True (refuse u form (.format "{} where {} was expected" (describe type) (describe to)))))

(defn describe [type]
  (cond (matrix? type) (.format "a {} matrix of {} dimensions" (get ELEMENTS (get type 2))
                                (get type 1))
        (= type "bool") "a truth value"
        (number? type) "a number"
        (= type "nil") "()"
        True type))

(defn declared-type [u form]
  "The type a declaration such as (-int-) or (-idx2- (-float-)) names."
  (setv name (when (and (isinstance form Cons) (isinstance form.car Symbol))
               (cut form.car.name 1 -1)))
  (cond
    (is name None) (refuse u form "not a type")
    (and (in name #("double" "float" "int" "short" "byte" "ubyte" "bool"))
         (is form.cdr None)) name
    (= name "flt") "float"
    (and (re.fullmatch "idx[0-7]" name) (isinstance form.cdr Cons))
      (do (setv element (declared-type u form.cdr.car))
          (when (not-in element LETTERS) (refuse u form "not a type"))
          #("idx" (int (cut name 3 None)) (get LETTERS element)))
    True (refuse u form "this type cannot be compiled")))

(defn declaration? [form]
  (and (isinstance form Cons) (isinstance form.car Cons) (isinstance form.car.car Symbol)
       (.startswith form.car.car.name "-") (.endswith form.car.car.name "-")
       (> (len form.car.car.name) 2)))

(defn declarations [u forms]
  "Read the declarations a body begins with; return the forms after them."
  (setv found {})
  (while (and (isinstance forms Cons) (declaration? forms.car))
    (setv type (declared-type u forms.car.car))
    (for [symbol (items forms.car.cdr)]
      (when (not (isinstance symbol Symbol)) (refuse u forms.car "not a symbol"))
      (setv (get found symbol) type))
    (setv forms forms.cdr))
  [found forms])

;; ---------------------------------------------------------------- variables

(defn lookup [u symbol]
  (for [scope (reversed u.scopes)]
    (when (in symbol scope) (return (get scope symbol)))))

(defn wanted [u symbol]
  "The type declared for a variable that is about to be bound, if any."
  (for [scope (reversed u.declared)]
    (when (in symbol scope) (return (get scope symbol)))))

(defn bind [u symbol type]
  (when (not (isinstance symbol Symbol)) (refuse u symbol "not a symbol"))
  (setv binding (Binding (fresh u (+ "v_" symbol.name)) type (list u.loops)))
  (setv (get u.scopes -1 symbol) binding)
  binding)

(defn expansion [u form]
  "The expansion of a macro call, the same one whenever it is asked for."
  (when (not-in (id form) u.expansions)
    (setv (get u.expansions (id form)) #(form (u.interpreter.expansion form.car.value form))))
  (get u.expansions (id form) 1))

(defn changed [u form]
  "The symbols that setq or incr set somewhere in a form."
  (setv found (set) stack [form])
  (while stack
    (setv item (.pop stack))
    (when (isinstance item Cons)
      (when (and (isinstance item.car Symbol) (isinstance item.car.value Macro)
                 (is (lookup u item.car) None))
        (.append stack (expansion u item)))
      (when (and (isinstance item.car Symbol) (in (operator-name item.car) ["setq" "incr"]))
        (for [part (items item.cdr)] (when (isinstance part Symbol) (.add found part))))
      (while (isinstance item Cons)
        (.append stack item.car)
        (setv item item.cdr))))
  found)

(defn operator-name [symbol]
  "The name under which an operator stands in the table: aliases are resolved."
  (setv value symbol.value)
  (if (isinstance value Special)
      value.name
      (getattr (getattr value "sn" None) "name" symbol.name)))

(defn in-scope [u declared translate]
  (.append u.scopes {})
  (.append u.declared declared)
  (try (translate u)
    (finally (.pop u.scopes) (.pop u.declared))))

;; ---------------------------------------------------------------- forms

(defn value [u form]
  "Translate a form; return text and type."
  (cond
    (isinstance form Symbol)
      (do (setv binding (lookup u form))
          (cond (is-not binding None) #(binding.python binding.type)
                (is form T) #("True" "bool")
                (= form.name "nil") #("False" "nil")
                True (refuse u form "no variable of this function")))
    (is form None) #("False" "nil")
    (isinstance form #(float int))
      (cond (and (= form (int form)) (< (abs form) 2147483648)) #((str (int form)) "long")
            (= form form) #((repr (float form)) "double"))
    (isinstance form Cons) (compound u form)
    True (refuse u form "strings and other objects cannot be compiled")))

(defn compound [u form]
  (setv operator form.car outer u.pos)
  (when (not (isinstance operator Symbol)) (refuse u form "not a function call"))
  (when (is-not (getattr form "pos" None) None) (setv u.pos form.pos))
  (try
    (setv binding (lookup u operator) name (operator-name operator))
    (cond
      (is-not binding None)
        (if (matrix? binding.type)
            (element u form binding)
            (refuse u form "not declared as a matrix"))
      (in operator u.signatures) (call u form (get u.signatures operator))
      (hasattr operator.value "signature") (call u form operator.value.signature)
      (isinstance operator.value Macro)
        (value u (expansion u form))
      (in name FORMS) ((get FORMS name) u form)
      (in name #("c-code" "cinline" "cheader" "ccall")) (refuse u form "C code cannot be compiled, write it in SN")
      True (refuse u form "not in the compiled language"))
    (finally (setv u.pos outer))))

(defn count [u form least [most None]]
  (setv n (len (items form.cdr)))
  (when (not (<= least n (if (is most None) n most)))
    (refuse u form "wrong number of arguments")))

(defn condition [u form]
  (setv [text type] (value u form))
  (cond (in type #("bool" "never")) text
        (= type "nil") "False"
        True (refuse u form "not a truth value: all numbers are true")))

(defn body [u forms]
  "Translate forms in order; the value is the last one's."
  (setv [declared forms] (declarations u forms))
  (when declared (refuse u forms "declarations stand at the head of a function, let or for"))
  (setv result #("False" "nil"))
  (while (isinstance forms Cons)
    (setv result (value u forms.car))
    (setv forms forms.cdr))
  result)

(defn effect [u forms]
  "Translate forms for effect only."
  (body u forms)
  None)

(defn merge [u form arms]
  "Give branches one result; return the blocks and the text and type of the result."
  (setv type "never")
  (for [[_ [_ kind]] arms] (setv type (joined type kind)))
  (if (in type #("void" "nil"))
      [(lfor [block _] arms block) #("False" type)]
      (do (setv name (fresh u))
          [(lfor [block [text kind]] arms
             (+ block [(.format "{} = {}" name (convert u form text kind type))]))
           #(name type)])))

(defn branch [u form test yes no]
  "An if with two translations."
  (setv [[a b] result] (merge u form [(arm u #* yes) (arm u #* no)]))
  (emit u f"if {test}:")
  (.extend u.block (indented a))
  (when b
    (emit u "else:")
    (.extend u.block (indented b)))
  result)

(defform ["if"] [u form]
  (count u form 2)
  (branch u form (condition u form.cdr.car)
          [value form.cdr.cdr.car] [body form.cdr.cdr.cdr]))

(defform ["when"] [u form]
  (count u form 1)
  (branch u form (condition u form.cdr.car) [body form.cdr.cdr] [body None]))

(defn clauses [u form cells]
  (when (is cells None) (return #("False" "nil")))
  (setv clause cells.car)
  (when (not (and (isinstance clause Cons) (isinstance clause.cdr Cons)))
    (refuse u form "a clause needs a condition and forms"))
  (if (is clause.car T)
      (body u clause.cdr)
      (branch u form (condition u clause.car)
              [body clause.cdr] [clauses form cells.cdr])))

(defform ["cond"] [u form] (clauses u form form.cdr))

(defn choices [u form key cells]
  (when (is cells None) (return #("False" "nil")))
  (setv clause cells.car)
  (when (not (isinstance clause Cons)) (refuse u form "bad clause"))
  (when (is clause.car T) (return (body u clause.cdr)))
  (setv keys (if (isinstance clause.car Cons) (items clause.car) [clause.car]))
  (when (not (all (gfor k keys (isinstance k #(float int))))) (refuse u form "not a number"))
  (branch u form (.join " or " (lfor k keys (.format "{} == {}" key (get (value u k) 0))))
          [body clause.cdr] [choices form key cells.cdr]))

(defform ["selectq"] [u form]
  (count u form 1)
  (setv [text type] (value u form.cdr.car))
  (when (not (number? type)) (refuse u form "not a number"))
  (choices u form (keep u text) form.cdr.cdr))

(defform ["progn"] [u form] (body u form.cdr))

(defform ["prog1"] [u form]
  (count u form 1)
  (setv [text type] (value u form.cdr.car))
  (setv text (keep u text))
  (body u form.cdr.cdr)
  #(text type))

(defn chain [u form cells all]
  (when (is cells None) (return #((if all "True" "False") "bool")))
  (setv test (condition u cells.car))
  (cond (is cells.cdr None) #(test "bool")
        all (branch u form test [chain form cells.cdr all] [constantly "False"])
        True (branch u form test [constantly "True"] [chain form cells.cdr all])))

(defn constantly [u text] #(text "bool"))

(defform ["and"] [u form] (chain u form form.cdr True))
(defform ["or"] [u form] (chain u form form.cdr False))
(defform ["not" "null"] [u form]
  (count u form 1 1)
  #((.format "(not {})" (condition u form.cdr.car)) "bool"))

;; ---------------------------------------------------------------- binding, assignment

(defn binding-type [symbol type declared changing]
  "What a variable is that begins with a value of some type."
  (cond (is-not declared None) declared
        (and (integer? type) (not-in symbol changing)) type
        (number? type) "double"
        True type))

(defn let-form [sequential]
  (fn [u form]
    (count u form 2)
    (setv [declared forms] (declarations u form.cdr.cdr))
    (setv changing (changed u form) pairs [])
    (for [pair (items form.cdr.car)]
      (when (not (and (isinstance pair Cons) (isinstance pair.cdr Cons)
                      (is pair.cdr.cdr None)))
        (refuse u form "bad declaration of a variable"))
      (.append pairs #(pair.car pair.cdr.car)))
    (defn store [u symbol text type form]
      (when (in type #("void" "nil")) (refuse u form "it has no value here"))
      (setv want (.get declared symbol (wanted u symbol)))
      (setv kind (binding-type symbol type want changing))
      (setv converted (convert u form text type kind))
      (setv new (bind u symbol kind))
      (emit u (.format "{} = {}" new.python converted)))
    (defn inside [u]
      (when sequential
        (for [[symbol given] pairs] (store u symbol #* (value u given) given)))
      (when (not sequential)
        (setv found (arguments u (u.interpreter.make-list (lfor [_ v] pairs v))))
        (for [[[symbol given] [text type]] (list (zip pairs found))]
          (store u symbol text type given)))
      (body u forms))
    (in-scope u declared inside)))

(setv (get FORMS "let") (let-form False)
      (get FORMS "let*") (let-form True))

(defn assign [u form symbol text type]
  (when (not (isinstance symbol Symbol)) (refuse u form "only variables can be set"))
  (setv binding (lookup u symbol))
  (when (is binding None) (refuse u form f"{symbol.name} is no variable of this function"))
  (emit u (.format "{} = {}" binding.python (convert u form text type binding.type)))
  #(binding.python binding.type))

(defform ["setq"] [u form]
  (setv parts (items form.cdr))
  (when (or (not parts) (% (len parts) 2)) (refuse u form "two arguments were expected"))
  (setv found (arguments u (u.interpreter.make-list (cut parts 1 None 2))))
  (when (> (len found) 1) (setv found (lfor [text type] found #((keep u text) type))))
  (for [[symbol [text type]] (zip (cut parts 0 None 2) found)]
    (setv result (assign u form symbol text type)))
  result)

(defform ["incr"] [u form]
  (count u form 1 2)
  ;; The amount first: it may set the variable.
  (setv amount (if (is form.cdr.cdr None) #("1" "long") (value u form.cdr.cdr.car)))
  (setv [text type] (arithmetic u form "+" [(value u form.cdr.car) amount]))
  (assign u form form.cdr.car text type))

;; ---------------------------------------------------------------- loops

(defn looping [u form header first last]
  "Emit a loop: its header, then the body, checks that hold for all rounds before it."
  (setv before [])
  (.append u.loops (Loop before first last (changed u form)))
  (try
    (setv [block _] (aside u header.inside))
    (finally (.pop u.loops)))
  (.extend u.block before)
  (emit u header.text)
  (.extend u.block (indented block))
  #("None" "void"))

(defclass Header []
  (defn __init__ [self text inside] (setv self.text text self.inside inside)))

(defn endless [u form inside]
  (setv [block _] (arm u inside))
  (emit u "while True:")
  (.extend u.block (indented block))
  #("None" "void"))

(defform ["while"] [u form]
  (count u form 1)
  (endless u form
    (fn [u]
      (emit u (.format "if not {}:" (condition u form.cdr.car)))
      (emit u "    break")
      (effect u form.cdr.cdr))))

(defform ["do-while"] [u form]
  (count u form 1)
  (endless u form
    (fn [u]
      (effect u form.cdr.cdr)
      (emit u (.format "if not {}:" (condition u form.cdr.car)))
      (emit u "    break"))))

(defform ["repeat"] [u form]
  (count u form 1)
  (setv [text type] (value u form.cdr.car))
  (when (not (number? type)) (refuse u form "not a number"))
  (setv last (keep u (.format "{} - 1" (convert u form text type "long"))))
  (setv name (fresh u))
  (looping u form (Header f"for {name} in range({last} + 1):"
                          (fn [u] (effect u form.cdr.cdr)))
           "0" last))

(defform ["for"] [u form]
  (count u form 1)
  (setv header form.cdr.car)
  (when (not (and (isinstance header Cons) (isinstance header.car Symbol)
                  (<= 3 (len (items header)) 4)))
    (refuse u form "bad 'for' syntax"))
  (setv symbol header.car changing (changed u form))
  (setv [declared forms] (declarations u form.cdr.cdr))
  (setv found (arguments u header.cdr))
  (when (= (len found) 2) (.append found #("1" "long")))
  (when (not (all (gfor [_ type] found (number? type)))) (refuse u form "not a number"))
  (setv [[first kind] [last end] [step by]] found)
  (setv want (.get declared symbol (wanted u symbol)))
  (setv whole (and (integer? kind) (integer? by) (constant? step) (!= step "0")))
  (setv type (if (and whole (not-in symbol changing) (in want #(None "int")))
                 "long"
                 (or want "double")))
  (defn inside [u counter known]
    (in-scope u declared
      (fn [u]
        (setv new (bind u symbol type))
        (when (and whole (= type "long")) (setv (. (get u.loops -1) variable) new))
        (emit u (.format "{} = {}" new.python (convert u form counter known type)))
        (effect u forms))))
  (if whole
      (do
        (setv up (> (int step) 0) first (keep u first))
        (when (not (integer? end)) (setv last (.format "{}({})" (if up "_floor" "_ceil") last)))
        (setv last (keep u last) counter (fresh u "k"))
        (when (not-in step #("1" "-1"))
          (setv last (keep u f"{first} + ({last} - {first}) // {step} * {step}")))
        (setv stop (.format "{} {} 1" last (if up "+" "-")))
        (looping u form
                 (Header (.format "for {} in range({}, {}, {}):" counter first stop step)
                         (fn [u] (inside u counter "long")))
                 #* (if up [first last] [last first])))
      (do
        (setv type-of (wider kind by) counter (fresh u "k"))
        (when (= type-of "long") (setv type-of "long"))
        (emit u (.format "{} = {}" counter (convert u form first kind type-of)))
        (setv last (keep u last) step (keep u step))
        (endless u form
          (fn [u]
            (emit u (.format "if not ({} <= {} if {} >= 0 else {} >= {}):"
                             counter last step counter last))
            (emit u "    break")
            (inside u counter type-of)
            (emit u (.format "{} = {}" counter
                             (convert u form f"{counter} + {step}" (wider type-of by)
                                      type-of))))))))

(defn part [text place rank last]
  "A view of one place of the first or last dimension; rank 0 is a vector of one element."
  (cond (= rank 0) f"{text}[{place}:{place} + 1]"
        last f"{text}[..., {place}]"
        True f"{text}[{place}, ...]"))

(defn slices [last]
  (fn [u form]
    (count u form 1)
    (setv names [] given [])
    (for [pair (items form.cdr.car)]
      (when (not (and (isinstance pair Cons) (isinstance pair.cdr Cons)))
        (refuse u form "bad declaration of a variable"))
      (.append names pair.car)
      (.append given pair.cdr.car))
    (when (not names) (refuse u form "a matrix was expected"))
    (setv found (lfor [text type] (arguments u (u.interpreter.make-list given))
                      #((keep u text) type)))
    (for [[_ type] found]
      (when (not (and (matrix? type) (> (get type 1) 0)))
        (refuse u form "a matrix was expected")))
    (setv [declared forms] (declarations u form.cdr.cdr))
    (setv sizes (lfor [text type] found
                      (.format "{}.shape[{}]" text (if last (- (get type 1) 1) 0))))
    (setv n (keep u (get sizes 0)) counter (fresh u "k") end (fresh u))
    (for [size (cut sizes 1 None)]
      (emit u f"if {size} != {n}:")
      (emit u (.format "    raise ValueError({})" (site u form))))
    (emit u f"{end} = {n} - 1")
    (defn inside [u]
      (in-scope u declared
        (fn [u]
          (for [[symbol [text type]] (zip names found)]
            (setv new (bind u symbol #("idx" (- (get type 1) 1) (get type 2))))
            (emit u (.format "{} = {}" new.python
                             (part text counter (- (get type 1) 1) last))))
          (effect u forms))))
    (looping u form (Header f"for {counter} in range({n}):" inside) "0" end)))

(setv (get FORMS "idx-bloop") (slices False)
      (get FORMS "idx-eloop") (slices True))

;; ---------------------------------------------------------------- arithmetic

(defn arithmetic [u form operator found]
  (for [[_ type] found] (when (not (number? type)) (refuse u form "not a number")))
  (setv [text type] (get found 0))
  (for [[other kind] (cut found 1 None)]
    (if (= operator "/")
        (do (setv common (wider type kind))
            (setv common (if (= common "long") "double" common))
            (setv text (.format "_over({}, {})" (convert u form text type common)
                                (convert u form other kind common))
                  type common))
        (do (setv common (wider type kind))
            (setv text (.format "({} {} {})" (convert u form text type common) operator
                                (convert u form other kind common))
                  type common))))
  #(text type))

(for [operator ["+" "*" "-" "/"]]
  (setv (get FORMS operator)
    (fn [u form [operator operator]]
      (count u form (if (in operator "+*") 0 1))
      (setv found (arguments u form.cdr))
      (cond
        (not found) #((if (= operator "+") "0" "1") "long")
        (and (= (len found) 1) (= operator "-"))
          (do (when (not (number? (get found 0 1))) (refuse u form "not a number"))
              #((.format "(-{})" (get found 0 0))
                (if (integer? (get found 0 1)) "long" (get found 0 1))))
        (and (= (len found) 1) (= operator "/"))
          (arithmetic u form "/" [#("1" "long") #* found])
        True (arithmetic u form operator found)))))

(for [[name operator amount] [["1+" "+" "1"] ["1-" "-" "1"] ["2*" "*" "2"] ["2/" "/" "2"]]]
  (setv (get FORMS name)
    (fn [u form [operator operator] [amount amount]]
      (count u form 1 1)
      (arithmetic u form operator [(value u form.cdr.car) #(amount "long")]))))

(for [[name operator] [["<" "<"] [">" ">"] ["<=" "<="] [">=" ">="] ["=" "=="] ["<>" "!="]]]
  (setv (get FORMS name)
    (fn [u form [operator operator]]
      (count u form 2 2)
      (setv [[a kind] [b other]] (arguments u form.cdr))
      (when (not (and (number? kind) (number? other))) (refuse u form "not a number"))
      ;; a comparison of float and double is one of doubles, as in C
      (setv common (wider kind other))
      #((.format "({} {} {})" (convert u form a kind common) operator
                 (convert u form b other common)) "bool"))))

(defn number-of [u form cell]
  (setv [text type] (value u cell))
  (when (not (number? type)) (refuse u form "not a number"))
  #(text type))

(setv MATH {"sqrt" "sqrt" "exp" "exp" "log" "log" "log10" "log10" "log1+" "log1p"
            "exp-1" "expm1" "sin" "sin" "cos" "cos" "tan" "tan" "asin" "asin" "acos" "acos"
            "atan" "atan" "sinh" "sinh" "cosh" "cosh" "tanh" "tanh" "asinh" "asinh"
            "acosh" "acosh" "atanh" "atanh" "erf" "erf" "erfc" "erfc"})

(for [[name python] (.items MATH)]
  (setv (get FORMS name)
    (fn [u form [python python]]
      (count u form 1 1)
      (setv [text type] (number-of u form form.cdr.car))
      #((.format "_{}({})" python (convert u form text type "double")) "double"))))

(for [[name python] [["int" "floor"] ["floor" "floor"] ["ceil" "ceil"]]]
  (setv (get FORMS name)
    (fn [u form [python python]]
      (count u form 1 1)
      (setv [text type] (number-of u form form.cdr.car))
      (if (integer? type)
          #(text type)
          #((.format "float(np.{}({}))" python text) "double")))))

(defform ["abs"] [u form]
  (count u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #(f"abs({text})" (if (integer? type) "long" type)))

(defform ["sgn"] [u form]
  (count u form 1 1)
  (setv [text type] (number-of u form form.cdr.car))
  #(f"(1 if {text} >= 0 else -1)" "long"))

(for [[name operator] [["max" ">"] ["min" "<"]]]
  (setv (get FORMS name)
    (fn [u form [operator operator]]
      (count u form 1)
      (setv found (arguments u form.cdr) type "never")
      (for [[_ kind] found]
        (when (not (number? kind)) (refuse u form "not a number"))
        (setv type (wider type kind)))
      (setv [best #* others] (lfor [text kind] found (keep u (convert u form text kind type))))
      (setv name (fresh u "best"))
      (emit u f"{name} = {best}")
      (for [other others]
        (emit u f"if {other} {operator} {name}:")
        (emit u f"    {name} = {other}"))
      #(name type))))

(defform ["**"] [u form]
  (count u form 2 2)
  (setv found (lfor [text type] (arguments u form.cdr) (convert u form text type "double")))
  #((.format "_pow({}, {})" #* found) "double"))

(for [[name python] [["div" "_quotient"] ["mod" "_remainder"] ["bitand" "_bitand"]
                     ["bitor" "_bitor"] ["bitxor" "_bitxor"] ["bitshl" "_bitshl"]
                     ["bitshr" "_bitshr"]]]
  (setv (get FORMS name)
    (fn [u form [python python]]
      (count u form 2 2)
      (setv found (lfor [text type] (arguments u form.cdr) (convert u form text type "int")))
      #((.format "{}({}, {})" python #* found) "long"))))

(for [[name type] [["to-int" "int"] ["to-float" "float"] ["to-number" "double"]]]
  (setv (get FORMS name)
    (fn [u form [type type]]
      (count u form 1 1)
      (setv [text kind] (number-of u form form.cdr.car))
      #((convert u form text kind type) type))))

;; ---------------------------------------------------------------- matrices

(defn steady-in [u loop symbol binding]
  "Does a variable keep its value while a loop runs?"
  (and (not-in loop binding.loops) (not-in symbol loop.changed)))

(defn check [u form name binding axis text given]
  "Have a subscript checked: before the loop if it can be told there, else here."
  (setv size (.format "{}.shape[{}]" binding.python axis))
  (setv fail (.format "    raise IndexError({})" (site u form)))
  (setv loop (when u.loops (get u.loops -1)))
  (setv own (when (isinstance given Symbol) (lookup u given)))
  (setv test None)
  (when (and (is-not loop None) (steady-in u loop name binding))
    (cond
      (and (is-not own None) (is own loop.variable) (not-in given loop.changed))
        (setv test (.format "({} < 0 or {} >= {})" loop.first loop.last size))
      (or (constant? text) (and (is-not own None) (steady-in u loop given own)
                                (integer? own.type)))
        (setv test f"not 0 <= {text} < {size}")))
  (if (is test None)
      (do (emit u f"if not 0 <= {text} < {size}:")
          (emit u fail))
      (do (setv line (.format "if {} <= {} and {}:" loop.first loop.last test))
          (when (not-in line loop.before) (.extend loop.before [line fail])))))

(defn element [u form binding]
  "Read an element of a matrix, or write it."
  (setv [_ rank letter] binding.type given (items form.cdr))
  (when (not (<= rank (len given) (+ rank 1)))
    (refuse u form (.format "{} subscripts were expected" rank)))
  (setv found (arguments u form.cdr) places [])
  (setv writing (> (len given) rank))
  (for [[axis [text type]] (enumerate (cut found 0 rank))]
    (when (not (number? type)) (refuse u form "a subscript must be a number"))
    (setv text (convert u form text type "long"))
    ;; Python text that computes is named, so that check and use see one value.
    (when (not (re.fullmatch r"\w+" text)) (setv text (keep u text)))
    (check u form form.car binding axis text (get given axis))
    (.append places f"_place({text})"))
  (setv target (.format "{}[{}]" binding.python (.join ", " (or places ["0"]))))
  (if writing
      (do (setv [text type] (get found -1))
          (emit u (.format "{} = {}" target
                           (convert u form text type (get ELEMENTS letter))))
          #(binding.python binding.type))
      (do (setv kind (get ELEMENTS letter))
          #((if (integer? kind) f"_read({target})" target) kind))))

(defn matrix-of [u form cell]
  (setv [text type] (value u cell))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  #(text type))

(defn dimension [base less]
  (fn [u form]
    (count u form 2 2)
    (setv [[text type] [k kind]] (arguments u form.cdr))
    (when (not (matrix? type)) (refuse u form "a matrix was expected"))
    (when (not (constant? k)) (refuse u form "the number of the dimension must be constant"))
    (setv k (int k))
    (cond (and (= base 1) (= k 0)) #((str (get type 1)) "long")
          (<= base k (+ (get type 1) base -1))
            #((.format "({}.shape[{}] - {})" text (- k base) less) "long")
          True (refuse u form "illegal dimension number"))))

(setv (get FORMS "bound") (dimension 1 1)
      (get FORMS "idx-dim") (dimension 0 0))

(defform ["idx-ndim"] [u form]
  (count u form 1 1)
  #((str (get (matrix-of u form form.cdr.car) 1 1)) "long"))

(defform ["idx-nelements"] [u form]
  (count u form 1 1)
  #((.format "{}.size" (get (matrix-of u form form.cdr.car) 0)) "long"))

(for [[kind letter] (.items LETTERS)]
  (setv (get FORMS (+ kind "-matrix"))
    (fn [u form [letter letter]]
      (count u form 0 7)
      (setv sizes (lfor [text type] (arguments u form.cdr)
                        (keep u (convert u form text type "int"))))
      (for [size sizes]
        (emit u f"if {size} < 0:")
        (emit u (.format "    raise ValueError({})" (site u form))))
      (setv name (fresh u "m"))
      (emit u (.format "{} = np.zeros(({}), np.{})" name
                       (.join "" (lfor s (or sizes ["1"]) f"{s}, ")) (get DTYPES letter)))
      #(name #("idx" (len sizes) letter)))))

(defform ["select"] [u form]
  (count u form 3 3)
  (setv [[text type] [k _] [place kind]] (arguments u form.cdr))
  (when (not (and (matrix? type) (constant? k) (<= 0 (int k) (- (get type 1) 1))))
    (refuse u form "a matrix and a constant dimension were expected"))
  (setv text (keep u text) place (keep u (convert u form place kind "long")))
  (emit u f"if not 0 <= {place} < {text}.shape[{k}]:")
  (emit u (.format "    raise IndexError({})" (site u form)))
  (setv rank (- (get type 1) 1))
  #((if (= (int k) 0) (part text place rank False) (.format "{}[{}{}, ...]" text (* ":, " (int k)) place))
    #("idx" rank (get type 2))))

(defform ["idx-clear"] [u form]
  (count u form 1 1)
  (setv [text type] (matrix-of u form form.cdr.car))
  (emit u f"{text}[...] = 0")
  #(text type))

(defform ["idx-fill"] [u form]
  (count u form 2 2)
  (setv [[text type] [given kind]] (arguments u form.cdr))
  (when (not (matrix? type)) (refuse u form "a matrix was expected"))
  (emit u (.format "{}[...] = {}" text (convert u form given kind (get ELEMENTS (get type 2)))))
  #(text type))

(defform ["idx-copy"] [u form]
  (count u form 2 2)
  (setv [[source type] [target other]] (arguments u form.cdr))
  (when (not (and (matrix? type) (= type other)))
    (refuse u form "two matrices of one type were expected"))
  (emit u f"if {source}.shape != {target}.shape:")
  (emit u (.format "    raise ValueError({})" (site u form)))
  (emit u f"{target}[...] = {source}")
  #(target type))

;; ---------------------------------------------------------------- functions

(defn public-name [signature]
  (if (is signature.module None)
      signature.python
      (.format "x{}_{}" signature.module signature.python)))

(defn call [u form signature]
  (.add u.own.calls signature)
  (when (!= (len (items form.cdr)) (len signature.parameters))
    (refuse u form (expected (len signature.parameters))))
  (setv texts (lfor [[text type] to] (zip (arguments u form.cdr) signature.parameters)
                    (convert u form text type to)))
  (when (is-not signature.module None) (.add u.imports signature))
  (when signature.deep (.append texts (if u.own.deep "depth + 1" "0")))
  (setv text (.format "{}({})" (public-name signature) (.join ", " texts)))
  (if (= signature.result "void")
      (do (emit u text) #("None" "void"))
      (do (setv name (fresh u))
          (emit u f"{name} = {text}")
          #(name signature.result))))

(defn zero [type]
  (cond (= type "bool") "False" (= type "double") "0.0" (= type "float") "np.float32(0)"
        True "0"))

(defn function-text [u record signature symbols]
  "Translate a function; return its lines."
  (setv formals record.parsed)
  (setv [declared forms] (declarations u record.body))
  (setv names [])
  (for [[symbol type] (zip formals.required signature.parameters)]
    (setv new (bind u symbol type))
    (.append names new.python))
  (setv (get u.declared 0)
        (dfor [k v] (.items declared) :if (not-in k formals.required) k v))
  (.append u.declared {})
  (.append u.scopes {})
  (setv [text type] (body u forms))
  (when (= type "nil") (setv type "void"))
  (setv signature.result type)
  (when signature.deep (.append names "depth"))
  (setv lines [])
  (when signature.deep
    (.append lines "if depth > 100000:")
    (.append lines "    raise RecursionError()")
    ;; A way out without a call comes first: numba learns the type of the result from it.
    (when (and (not (matrix? type)) (!= type "void"))
      (.append lines "if depth < 0:")
      (.append lines (.format "    return {}" (zero type)))))
  (.extend lines u.block)
  (.append lines (if (= type "void") "return None" f"return {text}"))
  ;; What numba 0.68 loads of a recursion from its cache does not find its own symbols.
  (+ [(if signature.anew "@make_anew" "@make") (.format "def {}({}):" signature.python (.join ", " names))] (indented lines)))

(defn parameter-types [u record symbol]
  (setv formals record.parsed)
  (when (or formals.optional (is-not formals.rest None))
    (refuse u record.formals "optional arguments cannot be compiled"))
  (setv [declared _] (declarations u record.body))
  (lfor formal formals.required
    (if (isinstance formal Symbol)
        (.get declared formal "double")
        (refuse u record.formals "arguments cannot be taken apart"))))

(defn reaches [signature]
  "Every function a function may end up in."
  (setv found (set) stack (list signature.calls))
  (while stack
    (setv one (.pop stack))
    (when (not-in one found)
      (.add found one)
      (.extend stack one.calls)))
  found)

(defn compiled [interpreter functions]
  "Translate functions (symbol -> record) together.

  Returns the text, the signatures (symbol -> Signature), and the forms by the numbers under
  which run-time errors name them."
  (setv signatures {})
  (for [[number [symbol record]] (enumerate (.items functions))]
    (setv u (Unit interpreter record {} None []))
    (setv python (.format "f{}_{}" number (re.sub r"[^A-Za-z0-9]" "_" symbol.name)))
    (setv (get signatures symbol)
          (Signature symbol.name None python (parameter-types u record symbol))))
  ;; Results of functions that call each other are found by repeating until nothing changes.
  (setv before None)
  (for [_ (range MOST-PASSES)]
    (setv sites [] lines [] imports (set))
    (for [[symbol record] (.items functions)]
      (setv own (get signatures symbol) own.calls (set))
      (setv u (Unit interpreter record signatures own sites))
      (.extend lines [#* (function-text u record own functions) "" ""])
      (.update imports u.imports))
    (for [s (.values signatures)] (.learn s))
    (setv after (lfor s (.values signatures) (.state s)))
    (when (= after before) (break))
    (setv before after))
  (for [[symbol s] (.items signatures)]
    (when (= s.result "never")
      (setv u (Unit interpreter (get functions symbol) {} None []))
      (refuse u symbol "it calls itself in every case")))
  (setv first (sorted (sfor s imports
                        (.format "{} = module({!r}).{}" (public-name s) s.module s.python))))
  [(.join "\n" (+ first (if first [""] []) lines)) signatures sites])
