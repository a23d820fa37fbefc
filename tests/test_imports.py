"""The import contract: lenet -> sn, gtn -> sn (jit and errors only), pipeline -> all."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "sn": {"sn"},
    "lenet": {"sn", "lenet"},
    "gtn": {"sn.jit", "sn.errors", "gtn"},
    "pipeline": {"sn", "lenet", "gtn", "pipeline"},
}


def imported(file: Path) -> set[str]:
    """Return the dotted names of our own modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in ALLOWED}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_the_house_allows(package):
    for file in (ROOT / package).rglob("*.py"):
        for name in imported(file):
            prefixes = {name[:end] for end, c in enumerate(name + ".") if c == "."}
            assert prefixes & ALLOWED[package], f"{file.relative_to(ROOT)} imports {name}"


def test_nothing_imports_a_cli_module():
    for package in ALLOWED:
        for file in (ROOT / package).rglob("*.py"):
            assert not any(".cli" in name for name in imported(file)), file


def test_kernels_live_in_kernel_files():
    for package in ALLOWED:
        for file in (ROOT / package).rglob("*.py"):
            if "sn.jit.kernel" in imported(file):
                assert file.name.startswith("kernels"), f"{file}: rename it kernels*.py"
