"""The command `lenet`."""

import subprocess
import sys

import pytest

from lenet.cli import main


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from lenet.cli import main; main(['--help']);"
        "print([m for m in ('numpy', 'numba', 'hy', 'cv2', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_table_prints_the_totals(capsys):
    assert main(["table", "lenet5"]) == 0
    text = capsys.readouterr().out
    assert "60,000" in text
    assert "340,908" in text
    assert "6@28x28" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["table", "lenet7"], 1, 'lenet: no model "lenet7". Available: '),
        (["tabel", "x"], 2, "lenet: unknown command tabel. Did you mean table?"),
        (["train", "--sed", "3"], 2, "lenet train: unknown option --sed. Did you mean --seed?"),
        (
            ["evaluate", "lenet5", "--weights", "no.wei"],
            1,
            "lenet: no.wei: no such weight file",
        ),
        (["train", "lenet5", "--data", "nowhere"], 1, "lenet: nowhere: no such folder"),
    ],
)
def test_mistakes_are_one_clear_line(arguments, code, message, capsys):
    assert main(arguments) == code
    found = capsys.readouterr().err
    assert found.startswith(message)
    assert found.count("\n") == 1
