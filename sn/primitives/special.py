"""Names of the special forms the translator itself knows (`sn.translator`)."""

NAMES = (
    "quote", "backquote", "scope", "setq", "incr",
    "if", "when", "cond", "selectq", "and", "or", "not", "null", "progn", "prog1",
    "while", "do-while", "repeat", "for", "mapfor", "mapwhile", "each", "all", "let", "let*",
    "lambda", "flambda", "mlambda", "de", "df", "dm", "dmd", "defun", "defmacro",
    "idx-bloop", "idx-eloop", "==>", "progn-without-fpe",
)  # fmt: skip
