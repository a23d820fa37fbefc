"Objects: slots as variables and by path, messages to objects whose class is known.

An object is a tuple: first a vector of all its slots that are numbers or truth values, shared
by all who hold the object, then its matrices, strings and objects, which compiled code may
fill but not replace. Which method a message means is settled when a function is compiled for
the classes of the objects it is given."

(import sn.cells [Cons items])
(import sn.symbols [Symbol])
(import sn.compiler.border [layout])
(import sn.compiler.unit [Binding refuse emit keep count-arguments])
(import sn.compiler.types [object? convert describe])
(import sn.compiler.forms [FORMS value])
(eval-when-compile (require sn.compiler.forms [defform]))

(setv READERS {"double" "{}"  "float" "np.float32({})"  "bool" "({} != 0.0)"})

(defn slot-binding [object type place loops]
  "How a slot is read, and where it is stored if it can be set."
  (cond
    (is place None) (Binding None type loops "None")
    (or (isinstance type tuple) (= type "string"))
      (Binding None type loops f"{object}[{place}]")
    True
      (do (setv stored f"{object}[0][{place}]")
          (Binding stored type loops (.format (.get READERS type "int({})") stored) True))))

(defn stored [text type]
  "A value of a type as the number a slot holds."
  (if (= type "bool") f"(1.0 if {text} else 0.0)" f"float({text})"))

(defn slots-of [object type loops]
  "The bindings of all slots, by symbol."
  (dfor [slot [kind place]] (.items (layout type))
    slot (slot-binding object kind place loops)))

;; ---------------------------------------------------------------- slots by path

(defn holder [u form]
  "The object and the last slot of a path such as :this:in:x."
  (setv path (items form.cdr))
  (when (or (< (len path) 2) (not (all (gfor s (cut path 1 None) (isinstance s Symbol)))))
    (refuse u form "global variables cannot be compiled"))
  (setv [text type] (value u (get path 0)))
  (for [slot (cut path 1 -1)]
    (setv found (slot-in u form text type slot))
    (setv text found.read type found.type))
  (slot-in u form text type (get path -1)))

(defn slot-in [u form text type slot]
  (when (not (object? type)) (refuse u form (.format "{} has no slots" (describe type))))
  (setv found (.get (slots-of text type (list u.loops)) slot))
  (when (is found None) (refuse u form f"unknown slot {slot.name}"))
  (when (is found.type None)
    (refuse u form f"the slot {slot.name} is not declared"))
  found)

(defform ["scope"] [u form]
  (setv found (holder u form))
  #(found.read found.type))

(defn assign-slot [u form target text type]
  "Set a slot that holds a number, by its path."
  (when (not (and (isinstance target.car Symbol) (= target.car.name "scope")))
    (refuse u form "only variables and slots can be set"))
  (setv found (holder u target))
  (when (is found.python None) (refuse u form "only slots that are numbers can be set here"))
  (emit u (.format "{} = {}" found.python
                   (stored (convert u form text type found.type) found.type)))
  #(found.read found.type))

;; ---------------------------------------------------------------- messages

(defform ["==>"] [u form]
  (count-arguments u form 2)
  (setv [text type] (value u form.cdr.car) message form.cdr.cdr.car)
  (when (= type "never") (return #("0" "never")))
  (when (not (object? type))
    (refuse u form (.format "no message can go to {}" (describe type))))
  (setv kind (get type 1))
  (when (isinstance message Cons)
    (while (and (is-not kind None) (is-not kind.name message.car)) (setv kind kind.parent))
    (when (is kind None) (refuse u form "cannot find superclass"))
    (setv message message.cdr))
  (when (not (isinstance message Symbol)) (refuse u form "not a valid method name"))
  (setv found (.find kind message))
  (when (is found None) (refuse u form "undefined method for this object"))
  (setv [function owner] found)
  (when (not (u.program.compilable? function))
    (refuse u form (.format "the method {} of class {} is not compiled" message.name
                            owner.name.name)))
  (u.program.call u form (getattr function "sn") owner
                  [#((keep u text) type)] form.cdr.cdr.cdr))
