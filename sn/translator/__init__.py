"""SN forms to Python syntax trees: the first back end of the language.

The translator walks the cells of a form once and builds Python's `ast` directly. A variable is
the slot `value` of a symbol object; arithmetic and comparisons become Python's own, guarded so
that whatever Python would do differently ends in the primitive itself; calls of SN functions
are Python calls. Every construct is found in one of four tables:

===========  ==========================================================================
EXPRESSIONS  form -> an expression node; may append statements to the unit's block
STATEMENTS   form, destination -> statements only (destination: None for effect,
             "return", or the name of a temporary)
TESTS        form -> a Python condition
INLINE       call of a primitive -> an expression node, or None for a plain call
===========  ==========================================================================

Order of evaluation is kept by spilling: when an argument needs statements, the arguments
before it are first stored in temporaries.

Names in generated code: ``$x`` the symbol x, ``q3`` a quoted object, ``t3`` a temporary, ``o3``
a saved binding, ``p3`` a parameter, ``.name`` something of the run-time support
(`sn.evaluation`). SN words never become Hy names: the tables are keyed by strings.

============  =========================================================================
`unit`        what is under way: nodes, values known, sites of errors
`forms`       the tables and the walk
`bindings`    variables bound for a time
`loops`       loops by condition, by number, over lists and parts of matrices
`control`     sequences, choices, conditions
`assignment`  quoting, and the setting of variables and slots
`inline`      primitives that become Python's own operations
`functions`   definitions, and the code of functions
============  =========================================================================
"""

import hy  # noqa: F401 - teaches Python to import what is written in Hy

from sn.translator import assignment, control, inline, loops  # noqa: F401
from sn.translator.functions import translate_forms, translate_function

__all__ = ["translate_forms", "translate_function"]
