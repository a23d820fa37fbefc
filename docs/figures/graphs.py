"""Draw the pictures of docs/gtn.md: python docs/figures/graphs.py."""

from pathlib import Path

import gtn
from gtn import grammar
from gtn.transformer import PathSelector

HERE = Path(__file__).parent
EXAMPLE = """0
3
0 1 3 3 0.1
0 1 2 2 0.6
1 3 4 4 0.6
1 2 4 4 0.4
2 3 1 1 0.1
0 2 8 8 1.2
1 3 7 7 0.9
"""


def main() -> None:
    """Write all pictures."""
    graph = gtn.from_text(EXAMPLE)
    gtn.save_png(graph, HERE / "recognition.png")
    gtn.save_svg(graph, HERE / "recognition.svg")
    gtn.save_png(graph, HERE / "posterior.png", shade="posterior")
    gtn.save_png(PathSelector([3, 4]).fprop(graph), HERE / "constrained.png")
    symbols = "0123456789$*,."
    amount = grammar.regex(r"$? \** [0-9]{1,3} (, [0-9]{3})* (. [0-9]{2})?", symbols)
    gtn.save_png(amount, HERE / "amount-grammar.png", lanes=1, penalties=False)
    model = gtn.character_model([0, 1], blank=2)
    model.isymbols = model.osymbols = ["a", "b", "-"]
    gtn.save_png(model, HERE / "character-model.png", penalties=False)


if __name__ == "__main__":
    main()
