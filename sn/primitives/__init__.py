"""The primitives of SN by family; importing a module registers its primitives."""

import importlib

from sn.primitives.registry import WORDS

# Families every interpreter has from the start.
FAMILIES = ("control", "listening", "lists", "numbers", "number_lists", "complexes", "strings",
            "objects", "tables", "files", "filesystem", "system", "matrices",
            "matrix_operations", "matrix_files", "storages", "idx_arithmetic", "simulator",
            "graphics", "compiled")  # fmt: skip

# Functions in SN that are loaded when one of them is first called.
AUTOLOAD = {
    "plotenv": (
        "object-nil", "closed-square", "open-square", "closed-circle", "open-circle",
        "closed-up-triangle", "open-up-triangle", "closed-down-triangle",
        "open-down-triangle", "straight-cross", "oblique-cross", "new-plot-port",
        "copy-plot-port", "plt-move", "plt-draw", "plt-plot", "plt-clear", "plt-sd",
        "nice-brect", "nice-scale", "draw-axes", "setup-axes", "plot-lists",
        "plot-lists-sd", "graph-scale", "graph-xy",
    ),
}  # fmt: skip


def words(family: str) -> dict[str, object]:
    """Return the words of a family, importing its module."""
    module = f"sn.primitives.{family}"
    importlib.import_module(module)
    return WORDS.get(module, {})
