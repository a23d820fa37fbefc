"""The algebra of graphs whose arcs carry penalties and gradients.

    from gtn import Graph, compose, forward_penalty, viterbi_path

Names are loaded at first use, so that `import gtn` costs nothing.
"""

from importlib import import_module

_HOME = {
    "graph": (
        "EPSILON Graph GraphError NodeError CycleError TapeError add backward chain_graph "
        "linear_graph negate record scalar segment_graph subtract"
    ),
    "scores": (
        "Path best_path forward forward_penalty posteriors useful_part viterbi "
        "viterbi_path viterbi_penalty"
    ),
    "composition": "compose intersect",
    "hypotheses": "Hypothesis nbest",
    "automata": "determinize minimize remove_epsilon",
    "criteria": (
        "Loss batch_energy character_model confidence ctc_energies ctc_energy ctc_graph "
        "discriminative_forward_energy discriminative_viterbi_energy forward_energy "
        "label_posteriors margin segment_energy viterbi_energy"
    ),
    "algebra": (
        "clone closure concat equal invert isomorphic project_input project_output remove "
        "reverse union"
    ),
    "drawing": "save_png save_svg svg",
    "gradients": "GradientCheck gradcheck",
    "streaming": "StreamingDecoder",
    "textio": "from_att from_text load save to_att to_text",
}
_MODULES = ("grammar", "transformer")
_WHERE = {name: module for module, names in _HOME.items() for name in names.split()}
__all__ = sorted([*_WHERE, *_MODULES])


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"gtn.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'gtn' has no attribute {name!r}")
    value = getattr(import_module(f"gtn.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
