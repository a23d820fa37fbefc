"""The primitives of SN by family; importing a module registers its primitives."""

import importlib

from sn.primitives.registry import WORDS

# Families every interpreter has from the start.
FAMILIES = ("control", "lists", "numbers", "strings", "objects", "tables", "files", "system",
            "matrices", "simulator")  # fmt: skip


def words(family: str) -> dict[str, object]:
    """Return the words of a family, importing its module."""
    module = f"sn.primitives.{family}"
    importlib.import_module(module)
    return WORDS.get(module, {})
