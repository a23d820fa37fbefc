"""The C export: it compiles without a warning, and every output is that of the program."""

import shutil
import subprocess

import numpy as np
import pytest

import lenet
from lenet.cli import main
from lenet.export import c_source, runs, shortest
from lenet.networks import WEIGHTS, Network, names
from lenet.strokes import glyph
from sn.net.program import LayerProgram

# At least one network for every kind of step.
KINDS = (
    *("net1", "net2", "net3", "net4", "net5", "zipcode", "lenet1", "lenet4", "lenet5"),
    *("character", "ladder3", "ladder5"),
)
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="this machine has no C compiler")


def built(network, folder):
    """Compile the C form of a network as strictly as possible; return the program."""
    source, program = folder / f"{network.name}.c", folder / network.name
    source.write_text(c_source(network), encoding="ascii")
    strict = ["-std=c99", "-Wall", "-Werror", "-O1"]
    subprocess.run([COMPILER, *strict, "-o", program, source, "-lm"], check=True)
    return program


def answered(program, image, folder):
    """Return answer and outputs of a C program for a PGM image, uint8 or big-endian uint16."""
    file = folder / "image.pgm"
    maximum = np.iinfo(image.dtype).max
    head = f"P5\n# a comment\n{image.shape[1]} {image.shape[0]}\n{maximum}\n"
    file.write_bytes(head.encode() + image.tobytes())
    done = subprocess.run([program, file], capture_output=True, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert [int(line.split()[0]) for line in rest] == list(range(len(rest)))
    return int(first), np.array([float(line.split()[1]) for line in rest])


def doubled(network):
    """Return the program of a network in float64."""
    program = network.program
    return LayerProgram(
        program.lowered, network.weights(), program.cost, program.rubbish, np.float64
    )


@needs_compiler
@pytest.mark.parametrize("name", [n for n in KINDS if n in names()])
def test_every_output_of_the_c_program_is_that_of_the_network(name, tmp_path):
    network = lenet.load(name, trained=(WEIGHTS / f"{name}.wei").is_file())
    if not (WEIGHTS / f"{name}.wei").is_file():
        network.initialize(3)
    program, twin = built(network, tmp_path), doubled(network)
    side = network.retina.side
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (4, side, side), dtype=np.uint8)
    images[:, [0, -1]] = images[:, :, [0, -1]] = 0  # the border tells paper from ink
    for image in images:
        best, outputs = answered(program, image, tmp_path)
        retina = np.zeros((1, side, side)) + network.retina.paper
        retina += image * ((network.retina.ink - network.retina.paper) / 255)
        expected = twin.run(retina)[0]
        assert np.abs(outputs - expected).max() < 1e-5
        running = network.program.run(retina)[0]  # float32: its own rounding, no more
        assert np.abs(outputs - running).max() < 2e-6 * max(10, np.abs(running).max())
        assert best == network.program.classify(retina)[0]


TORIC = """
(libload "toy")
(alloc-net 100 1000)
(build-net-nobias '((input 64) (hidden 16) (output 3)) ())
(mask-toric-connect input 8 8 hidden 4 4 2 2 3 3)
(shared-bias-connect hidden)
(full-connect hidden output)
(setq training-schedule '((1 0.001)))
"""


@needs_compiler
@pytest.mark.parametrize("function", ["", "(nlf-rect)", "(nlf-rect 0.1)"])
def test_links_that_wrap_and_leaking_rectifiers_are_exported(function, tmp_path):
    script = tmp_path / "toric.sn"
    script.write_text(TORIC + function, encoding="ascii")
    network = Network(script)
    network.initialize(3)
    assert network.program.lowered.summary["gathered"] == 144
    program = built(network, tmp_path)
    image = np.random.default_rng(5).integers(1, 256, (8, 8), dtype=np.uint8)
    image[[0, -1]] = image[:, [0, -1]] = 0
    _, outputs = answered(program, image, tmp_path)
    retina = network.retina
    seen = retina.paper + image[None] * ((retina.ink - retina.paper) / 255)
    np.testing.assert_allclose(outputs, network.program.run(seen)[0], atol=2e-5)


@needs_compiler
def test_the_c_program_reads_digits_as_they_come(tmp_path):
    program = built(lenet.load("lenet5"), tmp_path)
    for digit in range(10):
        small = glyph(digit)
        assert answered(program, small, tmp_path)[0] == digit
        # Dark ink on grey paper, not in the middle, four times as large.
        large = np.full((170, 230), 200, np.uint8)
        large[30:142, 90:202] = 200 - np.kron(small, np.ones((4, 4))).clip(0, 190) * 0.8
        assert answered(program, large, tmp_path)[0] == digit


@needs_compiler
def test_plain_pgm_is_read_and_what_is_no_pgm_is_one_line(tmp_path):
    program = built(lenet.load("lenet5"), tmp_path)
    raw = answered(program, glyph(7), tmp_path)
    file = tmp_path / "plain.pgm"
    file.write_text("P2 28 28 255\n" + " ".join(map(str, glyph(7).ravel())), encoding="ascii")
    plain = subprocess.run([program, file], capture_output=True, text=True, check=True).stdout
    assert [float(line.split()[1]) for line in plain.splitlines()[1:]] == list(raw[1])
    fine = answered(program, glyph(7).astype(">u2") * 257, tmp_path)
    assert list(fine[1]) == list(raw[1])
    nasty = [b"", b"hello", b"P5", b"P5 28 28 255\nshort", b"P6 1 1 255\nabc", b"P5 0 9 255\n"]
    nasty += [b"P5 99999999999 99999999999 255\n", b"P5 3 3 70000\n123456789", b"P2 2 1 9\n1"]
    for data in nasty:
        file.write_bytes(data)
        done = subprocess.run([program, file], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == f"{program}: {file}: not a PGM image\n"
    blank = answered(program, np.full((90, 90), 255, np.uint8), tmp_path)
    assert np.isfinite(blank[1]).all()
    assert subprocess.run([program], capture_output=True).returncode == 2


def test_the_command_writes_the_file_and_says_so(tmp_path, capsys):
    file = tmp_path / "five.c"
    assert main(["export", "lenet5", "-o", str(file)]) == 0
    text = file.read_text(encoding="ascii")
    assert capsys.readouterr().out == f"{file}: {len(text):,} bytes\n"
    assert "340,908 connections, 60,840 weights," in text
    assert lenet.load("lenet5").sha256[:32] in text
    assert main(["export", "lenet5", "-o", str(tmp_path / "no" / "five.c")]) == 1
    assert capsys.readouterr().err.endswith("cannot be written (No such file or directory)\n")


def test_floats_are_written_so_that_c_reads_the_same():
    values = np.array([0, -1, 1e-30, 0.1, 123456.7, 2.0**-126, 16777216], np.float32)
    assert all(np.float32(float(shortest(v))) == v for v in values)
    assert all("." in shortest(v) or "e" in shortest(v) for v in values)
    assert runs(np.array([3, 4, 5, 1, 2, 9])) == [3, 3, 1, 2, 9, 1]
