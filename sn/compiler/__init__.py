"""Typed SN to Python source that numba compiles: the second back end of the language.

The same syntax, another language: scope is lexical, types are static, a number is a double
unless a declaration such as ``((-int-) i j)`` or ``((-idx2- (-float-)) m)`` says otherwise. The
walk goes over the cells of a function that the interpreter has; each construct is found in one
table, and what is not there is refused with its form and line.

===========  ==========================================================================
`unit`       what is under way: lines, variables, loops, refusals
`types`      types, conversions, declarations
`forms`      the table and the walk
`control`    conditions, sequences, binding, assignment
`loops`      loops by condition, by number, over parts of matrices
`numbers`    arithmetic, functions, random numbers
`strings`    strings
`matrices`   elements, sizes, new matrices, views
`algebra`    operations on whole matrices by name
`objects`    slots and messages
`functions`  calls, functions, whole programs
`border`     objects on their way in and out
===========  ==========================================================================
"""

import hy  # noqa: F401 - teaches Python to import what is written in Hy

from sn.compiler import algebra, control, loops, matrices, numbers, objects, strings  # noqa: F401
from sn.compiler.border import Border, matrix_converter
from sn.compiler.functions import compiled, declared_class

__all__ = ["Border", "compiled", "declared_class", "matrix_converter"]
