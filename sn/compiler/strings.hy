"Strings: made, taken apart, compared. What prints an arbitrary value stays interpreted."

(import re)
(import sn.primitives.strings [DIRECTIVE])
(import sn.compiler.unit [refuse keep fail count-arguments])
(import sn.compiler.types [integer? number? convert])
(import sn.compiler.forms [FORMS arguments as-type])
(eval-when-compile (require sn.compiler.forms [defform defforms]))

(defn typed-arguments [u form types [least None]]
  "Translate arguments of given types, some of which may be left out."
  (count-arguments u form (if (is least None) (len types) least) (len types))
  (lfor [found to] (zip (arguments u form.cdr) types) (as-type u form found to)))

(defn not-below [u form text least]
  (fail u f"{text} < {least}" "Argument out of range" form))

(defform ["len"] [u form]
  #((.format "len({})" #* (typed-arguments u form ["string"])) "long"))

(defform ["concat"] [u form]
  (setv texts (lfor found (arguments u form.cdr) (as-type u form found "string")))
  #((if texts (.format "({})" (.join " + " texts)) "''") "string"))

(defform ["left"] [u form]
  (setv [text n] (typed-arguments u form ["string" "int"]))
  (not-below u form n 0)
  #(f"{text}[:{n}]" "string"))

(defform ["right"] [u form]
  (setv [text n] (typed-arguments u form ["string" "int"]))
  (not-below u form n 0)
  #(f"{text}[max(len({text}) - {n}, 0):]" "string"))

(defform ["mid"] [u form]
  (setv [text place #* n] (typed-arguments u form ["string" "int" "int"] 2))
  (not-below u form place 1)
  (when (not n) (return #(f"{text}[{place} - 1:]" "string")))
  (not-below u form (get n 0) 0)
  #(f"{text}[{place} - 1:{place} - 1 + {(get n 0)}]" "string"))

(defform ["strins"] [u form]
  (setv [text place part] (typed-arguments u form ["string" "int" "string"]))
  (not-below u form place 0)
  #(f"({text}[:{place}] + {part} + {text}[{place}:])" "string"))

(defform ["strdel"] [u form]
  (setv [text place n] (typed-arguments u form ["string" "int" "int"]))
  (not-below u form place 1)
  (not-below u form n 0)
  #(f"({text}[:{place} - 1] + {text}[{place} - 1 + {n}:])" "string"))

(defform ["strsubst"] [u form]
  #((.format "{}.replace({}, {})" #* (typed-arguments u form ["string" "string" "string"]))
    "string"))

(defforms [["upcase" "_upcase"] ["downcase" "_downcase"] ["upcase1" "_upcase1"]] [u form python]
  #((.format "{}({})" python #* (typed-arguments u form ["string"])) "string"))

(defforms [["strip" "strip"] ["stripl" "lstrip"] ["stripr" "rstrip"]] [u form python]
  (setv [text] (typed-arguments u form ["string"]))
  #(f"{text}.{python}(' \\t\\n\\r\\f\\v')" "string"))

(defform ["asc"] [u form]
  (setv [text] (typed-arguments u form ["string"]))
  (fail u f"len({text}) == 0" "Empty string" form)
  #(f"ord({text}[0])" "long"))

(defform ["chr"] [u form]
  (setv [code] (typed-arguments u form ["double"]))
  (fail u f"not 0 <= {code} <= 255" "Out of range" form)
  #(f"chr(int({code}))" "string"))

(defform ["isprint"] [u form]
  #((.format "_isprint({})" #* (typed-arguments u form ["string"])) "bool"))

(defform ["str"] [u form]
  (count-arguments u form 1 1)
  (setv [[text type]] (arguments u form.cdr))
  (when (not (integer? type))
    (refuse u form "only an integer can be turned into text: declare it (-int-)"))
  #(f"str({text})" "string"))

(defform ["sprintf"] [u form]
  (count-arguments u form 1)
  (setv template form.cdr.car)
  (when (not (isinstance template str)) (refuse u form "the format must be a string constant"))
  (setv found (arguments u form.cdr.cdr) pieces [] at 0)
  (for [match (.finditer DIRECTIVE template)]
    (setv [left width precision letter] (.groups match))
    (.append pieces (ascii (str (cut template at (.start match)))))
    (setv at (.end match))
    (cond
      (= (.group match) "%%") (.append pieces "'%'")
      (or precision (not-in letter ["s" "d"]))
        (refuse u form "only %s, %d and %% can be compiled")
      (not found) (refuse u form "bad argument number")
      True
        (do (setv one (.pop found 0))
            (when (and (= letter "d") (not (number? (get one 1))))
              (refuse u form "not a number"))
            (setv text (if (= letter "d") (.format "str({})" (as-type u form one "int"))
                           (as-type u form one "string")))
            (when width
              (setv text (.format "_padded({}, {}, {}, {})" text (int width) (bool left)
                                  (and (= letter "d") (not left) (.startswith width "0")))))
            (.append pieces text))))
  (.append pieces (ascii (str (cut template at None))))
  (when found (refuse u form "bad argument number"))
  #((.format "({})" (.join " + " (or (lfor p pieces :if (!= p "''") p) ["''"]))) "string"))
