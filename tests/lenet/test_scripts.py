"""Mistakes in the script of a network are told in one line, in its own terms."""

import re
from pathlib import Path

import numpy as np
import pytest

import lenet
from lenet.anatomy import anatomy, overlaps
from lenet.networks import NetworkError
from lenet.scripts import check_digits, tokens

HEAD = '(libload "maps")\n(alloc-net 4000 300000 60000)\n(nlf-tanh 0.66666666 0)\n'
FULL = "(build-net '((input 784) (hidden 30) (output 10)) '((input hidden) (hidden output)))\n"
MAPS = (
    "(build-net-nobias '((input 784) (c1 (* 4 24 24)) (s2 (* 4 12 12)) (output 10)) ())\n"
    "(convolve input 28 (all-to-all 1 4) c1 24 5)\n"
    "(subsample c1 24 s2 12 2)\n"
    "(full-connect s2 output)\n"
)

MISTAKES = {
    "a parenthesis too few": (
        HEAD + FULL.rstrip()[:-1],
        ":4: this form has no end; a closing parenthesis is missing",
    ),
    "a misspelled word": (
        HEAD + FULL.replace("build", "biuld"),
        ":4: (biuld-net '((input 784) (hidden 30) (output ...: there is no function biuld-net; "
        "did you mean build-net?",
    ),
    "a misspelled layer": (
        HEAD + FULL.replace("((input hidden)", "((input hiden)"),
        ":4: layer input leads nowhere; line 4 says hiden: did you mean hidden?",
    ),
    "a forgotten quote": (
        HEAD + FULL.replace("'((input 784", "((input 784"),
        ":4: (input 784): input is no function; a list stands here as it is behind a quote: "
        "'(...)",
    ),
    "no library": (
        FULL,
        ":1: (build-net '((input 784) (hidden 30) (output ...: build-net is not known "
        'yet: begin the script with (libload "maps")',
    ),
    "a library of another name": (
        '(libload "mapps")',
        ':1: (libload "mapps"): no library file "mapps"; did you mean maps?',
    ),
    "no room at all": (
        '(libload "maps")\n' + FULL,
        "no room for a network yet: put (alloc-net UNITS LINKS) before this",
    ),
    "no room for units": (
        '(libload "maps")\n(alloc-net 100 9)\n' + FULL,
        "(alloc-net ...) in line 2 makes room for 100 units (all layers, the output twice, and "
        "one); more are needed",
    ),
    "no room for links": (
        '(libload "maps")\n(alloc-net 1000 9)\n' + FULL,
        "(alloc-net ...) in line 2 makes room for 9 links; more are needed",
    ),
    "a missing connection": (
        HEAD + FULL.replace(" (hidden output)", ""),
        ":4: layer hidden leads nowhere; a connection such as (connect hidden output) is "
        "missing",
    ),
    "a layer that nothing feeds": (
        HEAD
        + FULL.replace("build-net", "build-net-nobias").replace("input hidden", "input output"),
        ":4: nothing leads into layer hidden; a connection such as (connect input hidden) is "
        "missing",
    ),
    "a loop": (
        HEAD + FULL.replace("(hidden output))", "(hidden output) (output hidden))"),
        "leads back to itself; connections must lead from the input towards the output",
    ),
    "the same connection twice": (
        HEAD + FULL + "(connect hidden output)",
        ":5: (connect hidden output): these units are connected already",
    ),
    "two networks": (
        HEAD + FULL + FULL,
        ":4: links lead to units of no layer; a script builds one network, with one build-net",
    ),
    "an image of another size": (
        HEAD + MAPS.replace("input 28", "input 32"),
        ":5: (convolve input 32 (all-to-all 1 4) c1 24 5): 784 units are not 32 x 32 = 1,024; "
        "it may be 28 x 28",
    ),
    "maps of another size": (
        HEAD + MAPS.replace("c1 24 5", "c1 23 5"),
        ":4: nothing leads to 188 of the 2,304 units of layer c1; its size and what is "
        "connected to it do not agree",
    ),
    "more maps than there are": (
        HEAD + MAPS.replace("1 4", "1 5"),
        ":5: (convolve input 28 (all-to-all 1 5) c1 24 5): the layer has no such map of 24 x "
        "24 units; the table of maps and the sizes of the layers must agree",
    ),
    "a map that the table invents": (
        HEAD + MAPS.replace("(all-to-all 1 4)", "'((0) (1) (0) (0))"),
        "the layer has no such map of 28 x 28 units",
    ),
    "shared weights without them": (
        '(libload "sn28") (libload "connect")\n(alloc-net 500 9000)\n'
        "(build-net-nobias '((input 256) (h 64) (output 10)) '((h output)))\n"
        "(mask-2d-connect input 16 16 h 8 8 2 2 2 2)",
        ":4: (mask-2d-connect input 16 16 h 8 8 2 2 2 2): "
        'shared weights need (libload "sn28ite")',
    ),
    "a size in quotes": (
        HEAD + FULL.replace("hidden 30", 'hidden "30"'),
        'the size of a layer is a number, not "30"',
    ),
    "a transfer function without its numbers": (
        HEAD.replace(" 0)", ")") + FULL,
        ":3: (nlf-tanh 0.6667): nlf-tanh needs more arguments: (linear . opt)",
    ),
    "an error inside a function of the script": (
        HEAD + FULL + "(de middle (n)\n  (car n))\n(middle 5)",
        ":6: (car n): car : not a list : 5",
    ),
    "no network": (HEAD, ": it builds no network; (build-net ...) is missing"),
    "an unknown cost": (
        HEAD + FULL + '(setq training-cost "sofmax")',
        ":5: training-cost is one of squared,",
    ),
    "a flat schedule": (
        HEAD + FULL + "(setq training-schedule '(10 0.001))",
        ":5: training-schedule is a list of passes and rates, as '((5 0.001) (5 0.0002)), not "
        "(10 0.001)",
    ),
    "no script at all": ("\x7fELF\x01", ":1: read : illegal character : 0x7f"),
}


def script(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own.sn"
    file.write_text(text, encoding="latin-1")
    return file


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(mistake, tmp_path):
    text, told = MISTAKES[mistake]
    file = script(tmp_path, text)
    with pytest.raises(NetworkError) as caught:
        lenet.load(str(file), trained=False)
    line = str(caught.value)
    assert line.startswith(str(file))
    assert told in line
    assert "\n" not in line


def test_what_a_script_prints_goes_to_stderr(tmp_path, capsys):
    file = script(tmp_path, HEAD + FULL + '(printf "%d links\\n" snum)')
    lenet.load(str(file), trained=False)
    assert capsys.readouterr() == ("", "23860 links\n")


def test_windows_pushed_onto_each_other_are_remarked(tmp_path):
    file = script(tmp_path, HEAD + MAPS.replace("c1 24 5", "c1 24 7"))
    found = overlaps(anatomy(lenet.load(str(file), trained=False)))
    assert found[0] == (
        "c1 has 24 rows, but its 7x7 windows have only 22 places in input: "
        "the last ones lie on each other"
    )
    assert overlaps(anatomy(lenet.load("lenet5", trained=False))) == []


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            "(input 2) (hidden 2) (output 10)",
            ":4: layer input has 2 units; digits of mnist need",
        ),
        ("(input 100) (hidden 2) (output 10)", ":4: layer input has 100 units"),
        (
            "(input 784) (hidden 2) (output 3)",
            ":4: layer output has 3 units; the 10 classes of mnist need one each",
        ),
    ],
)
def test_networks_that_fit_no_digits_are_told_so(sizes, told, tmp_path):
    file = script(tmp_path, HEAD + re.sub(r"\(input.*output 10\)", sizes, FULL))
    network = lenet.load(str(file), trained=False)
    with pytest.raises(NetworkError, match=re.escape(told)):
        check_digits(network, 10, np.zeros((1, 28, 28), np.uint8), "mnist")


def test_images_of_floats_must_fit_exactly(tmp_path):
    network = lenet.load(str(script(tmp_path, HEAD + FULL)), trained=False)
    check_digits(network, 10, np.zeros((1, 28, 28), np.uint8), "mnist")
    with pytest.raises(NetworkError, match=r"digits of usps need 256 \(16 x 16\)$"):
        check_digits(network, 10, np.zeros((1, 16, 16), np.float32), "usps")


def test_words_are_found_outside_comments_and_strings(tmp_path):
    file = script(tmp_path, '; hidden\n(a "hidden"\n hidden)')
    assert tokens(file) == [(2, "a"), (3, "hidden")]


def test_a_script_without_weights_says_how_to_get_them(tmp_path):
    file = script(tmp_path, HEAD + FULL)
    with pytest.raises(NetworkError, match=r"own\.sn: no weights yet; lenet train "):
        lenet.load(str(file))
    with pytest.raises(NetworkError, match=r"other\.sn: no such script"):
        lenet.load(str(tmp_path / "other.sn"))
    with pytest.raises(NetworkError, match=r"Did you mean lenet5\?"):
        lenet.load("lenet55")
