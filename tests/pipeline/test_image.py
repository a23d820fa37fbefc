"""The gate: whole files become grey pages, nasty files become one exact line."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline import image, tiff
from pipeline.errors import BadImage, ImageError, TooLarge


def written(pixels, suffix, tmp_path, **options):
    file = tmp_path / f"a{suffix}"
    Image.fromarray(pixels).save(file, **options)
    return file


def bits(pixels):
    return np.where(pixels < 128, 0, 255).astype(np.uint8)


def test_a_nasty_file_earns_its_exact_text(nasty, capfd):
    file, text = nasty
    with pytest.raises(ImageError) as caught:
        image.load(file)
    assert str(caught.value) == f"{file}: {text}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", {}),
        (".bmp", {}),
        (".pgm", {}),
        (".tif", {}),
        (".tif", {"compression": "packbits"}),
        (".tif", {"compression": "tiff_lzw"}),
        (".tif", {"compression": "tiff_lzw", "tiffinfo": {317: 2}}),
        (".tif", {"compression": "tiff_deflate"}),
        (".tif", {"tiffinfo": {278: 5}}),
    ],
)
def test_lossless_formats_give_back_their_pixels(files, tmp_path, suffix, options):
    pixels = files.strip(97, 41)
    (page,) = image.load(written(pixels, suffix, tmp_path, **options))
    assert np.array_equal(page.pixels, pixels)
    assert (page.number, page.flags, page.dpi) == (1, (), None)
    assert page.pixels.dtype == np.uint8
    assert page.pixels.flags.c_contiguous


@pytest.mark.parametrize("compression", ["group3", "group4", "packbits", "tiff_lzw", None])
def test_one_bit_tiff_becomes_grey(files, tmp_path, compression):
    pixels = bits(files.strip(97, 41))
    file = tmp_path / "a.tif"
    Image.fromarray(pixels).convert("1").save(file, compression=compression, dpi=(200, 200))
    (page,) = image.load(file)
    assert np.array_equal(page.pixels, pixels)
    assert page.dpi == 200


def test_jpeg_is_near_its_pixels_and_turned_upright(files, tmp_path):
    pixels = files.strip(96, 40)
    exif = Image.Exif()
    exif[274] = 6  # the camera was held a quarter turn to the left
    stored = np.rot90(pixels)
    (page,) = image.load(written(stored, ".jpg", tmp_path, quality=95, exif=exif))
    assert page.flags == ("turned",)
    assert np.abs(page.pixels.astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("turn", range(1, 9))
def test_tiff_orientations_agree_with_pillow(files, turn):
    pixels = files.strip(40, 24)
    pixels[2:5, 3:30] = 60
    (page,) = image.load(files.tiff([files.grey_page(pixels, t274=turn)]))
    stored = Image.fromarray(pixels)
    stored.getexif()[274] = turn
    from PIL import ImageOps

    assert np.array_equal(page.pixels, np.asarray(ImageOps.exif_transpose(stored)))


def test_big_endian_tiff_is_read(files):
    (page,) = image.load(files.tiff([files.grey_page()], order=">"))
    assert np.array_equal(page.pixels, files.strip())


def test_white_is_zero_is_understood(files):
    (page,) = image.load(files.tiff([files.grey_page(255 - files.strip(), t262=0)]))
    assert np.array_equal(page.pixels, files.strip())


def test_palette_tiff_becomes_the_grey_of_its_colours(files):
    ramp = [257 * (255 - i) for i in range(256)]
    (page,) = image.load(
        files.tiff([files.grey_page(255 - files.strip(), t262=3, t320=ramp * 3)])
    )
    assert np.array_equal(page.pixels, files.strip())


def test_pages_are_numbered_from_one(files):
    pages = image.load(files.tiff([files.white_g4_page(40, 30), files.grey_page()]))
    assert [(page.number, page.pixels.shape) for page in pages] == [
        (1, (30, 40)),
        (2, (24, 60)),
    ]


def test_a_page_before_a_damaged_one_is_still_given(files):
    tags, _ = files.white_g4_page(60, 60)
    pages = image.scan(files.tiff([files.grey_page(), (tags, [b"\x01\x80" * 20])])).pages()
    assert next(pages).number == 1
    with pytest.raises(BadImage, match="page 2 is damaged"):
        next(pages)


def test_the_decoder_sees_only_checked_tags(files):
    data = files.tiff([files.grey_page(t305=7, t34665=9, t330=11)])
    (tags,) = tiff.directories(data)
    alone = tiff.alone(data, tiff.check(data, tags))
    seen = Image.open(io.BytesIO(alone), formats=("TIFF",)).tag_v2
    assert set(seen) == {256, 257, 258, 259, 262, 266, 273, 277, 278, 279}


def test_allow_tiff_any_reads_colour(tmp_path, files):
    colour = np.dstack([files.strip()] * 3)
    file = written(colour, ".tif", tmp_path)
    with pytest.raises(BadImage, match="in colour"):
        image.load(file)
    (page,) = image.load(file, image.Limits(tiff_any=True))
    assert np.array_equal(page.pixels, files.strip())


def test_light_ink_on_dark_paper_is_turned_over_and_said(files):
    (page,) = image.load(files.png(255 - files.strip()))
    assert page.flags == ("inverted",)
    assert np.array_equal(page.pixels, files.strip())


def test_glare_on_dark_paper_is_not_taken_for_ink():
    y, x = np.mgrid[:200, :400]
    paper = 90 + 165 * np.exp(-((x - 300) ** 2 + (y - 60) ** 2) / 3000)
    paper[80:120, 40:200:20] = 20
    paper[80:120, 41:200:20] = 20
    (page,) = image.load(paper.astype(np.uint8))
    assert page.flags == ()


def test_transparent_paper_is_white(files, tmp_path):
    ink = 255 - files.strip()
    layers = np.dstack([np.zeros_like(ink)] * 3 + [ink])
    (page,) = image.load(written(layers, ".png", tmp_path))
    assert page.pixels.max() == 255
    assert np.abs(page.pixels.astype(int) - files.strip()).max() <= 1


@pytest.mark.parametrize(
    ("mode", "suffix", "near"),
    [
        ("1", ".png", 20),
        ("P", ".png", 0),
        ("RGB", ".png", 0),
        ("LA", ".png", 0),
        ("1", ".bmp", 20),
        ("P", ".bmp", 0),
        ("RGB", ".bmp", 0),
        ("CMYK", ".jpg", 12),
        ("RGB", ".jpg", 12),
    ],
)
def test_every_mode_becomes_the_same_grey(files, tmp_path, mode, suffix, near):
    file = tmp_path / f"a{suffix}"
    options = {"quality": 95} if suffix == ".jpg" else {}
    Image.fromarray(files.strip()).convert(mode).save(file, **options)
    (page,) = image.load(file)
    assert np.abs(page.pixels.astype(int) - files.strip()).max() <= near


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK"])
def test_bands_give_the_grey_of_the_whole(monkeypatch, mode):
    rng = np.random.default_rng(4)
    layers = Image.fromarray(rng.integers(0, 256, (100, 30, 4), np.uint8), "RGBA")
    picture = layers if mode == "RGBA" else layers.convert("RGB").convert(mode)
    monkeypatch.setattr(image, "_BAND", 1000)
    whole = image._decoded("a", picture)
    monkeypatch.setattr(image, "_BAND", 7)
    assert np.array_equal(image._decoded("a", picture), whole)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"P5 60 24 65535\n", lambda a: (a.astype(">u2") * 257).tobytes()),
        (b"P5\n# by a scanner\n60 24\n# grey\n255\n", lambda a: a.tobytes()),
        (b"P2 60 24 255\n", lambda a: " ".join(map(str, a.ravel())).encode()),
    ],
)
def test_every_kind_of_pgm_is_read(files, header, body):
    (page,) = image.load(header + body(files.strip()))
    assert np.array_equal(page.pixels, files.strip())


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(1, 40), height=st.integers(1, 30))
def test_the_format_makes_no_difference(data, width, height, tmp_path_factory):
    ink = data.draw(st.binary(min_size=width * height, max_size=width * height))
    pixels = bits(np.frombuffer(ink, np.uint8).reshape(height, width))
    made = Image.fromarray(pixels)
    folder = tmp_path_factory.mktemp("formats", numbered=True)
    made.save(folder / "a.png")
    made.save(folder / "a.pgm")
    made.save(folder / "a.bmp")
    made.convert("1").save(folder / "g4.tif", compression="group4")
    made.convert("1").save(folder / "g3.tif", compression="group3")
    first, *others = [image.load(file)[0] for file in sorted(folder.iterdir())]
    assert all(np.array_equal(first.pixels, other.pixels) for other in others)
    assert all(first.flags == other.flags for other in others)


def test_sixteen_bits_become_eight(files, tmp_path):
    (page,) = image.load(written(files.strip().astype(np.uint16) * 257, ".png", tmp_path))
    assert np.array_equal(page.pixels, files.strip())


@pytest.mark.parametrize(("stated", "believed"), [(300, 300), (72, None), (96, None)])
def test_screen_resolutions_are_not_believed(files, tmp_path, stated, believed):
    (page,) = image.load(written(files.strip(), ".png", tmp_path, dpi=(stated, stated)))
    assert page.dpi == believed


def test_sources_of_all_kinds_give_the_same_pixels(files, tmp_path):
    pixels = files.strip()
    file = written(pixels, ".png", tmp_path)
    data = file.read_bytes()
    with file.open("rb") as opened:
        sources = [str(file), file, data, opened, Image.fromarray(pixels), pixels]
        for source in sources:
            (page,) = image.load(source)
            assert np.array_equal(page.pixels, pixels)
    assert image.scan(data).sha256 == image.scan(file).sha256


def test_arrays_of_another_kind_are_refused():
    with pytest.raises(BadImage, match=r"uint8 of shape \(4, 4, 3\)"):
        image.load(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(TypeError):
        image.load(7)


def test_missing_file_names_the_nearest(tmp_path, files):
    (tmp_path / "scan.png").write_bytes(files.png())
    with pytest.raises(ImageError) as caught:
        image.load(tmp_path / "scam.png")
    wanted = f"{tmp_path}/scam.png: no such file or folder. Did you mean {tmp_path}/scan.png?"
    assert str(caught.value) == wanted
    with pytest.raises(ImageError, match=r"no such file or folder\. Check the name"):
        image.load(tmp_path / "7")


def test_a_file_beyond_the_limit_is_refused_without_being_read_whole(tmp_path):
    file = tmp_path / "large.bmp"
    with file.open("wb") as opened:
        opened.write(b"BM")
        opened.truncate(25_000_000)
    with pytest.raises(TooLarge) as caught:
        image.load(file)
    text = "25 MB, limit 20. Scan at 200 dpi in grey, or split the file"
    assert str(caught.value) == f"{file}: {text}"


def test_a_raised_limit_lets_a_large_page_in_without_warning(files):
    data = files.tiff([files.white_g4_page(9500, 9500)])
    (page,) = image.load(data, image.Limits(pixels=100_000_000))
    assert page.pixels.shape == (9500, 9500)
    assert page.pixels.min() == 255


def test_a_pdf_is_drawn_where_the_extra_is_installed(files):
    pytest.importorskip("pypdfium2")
    made = io.BytesIO()
    pixels = np.kron(files.strip(), np.ones((4, 4), np.uint8))
    sheet = Image.fromarray(pixels)
    sheet.save(made, "PDF", resolution=200, save_all=True, append_images=[sheet])
    pages = image.load(made.getvalue())
    assert [(page.number, page.format, page.dpi) for page in pages] == [
        (1, "PDF", 200),
        (2, "PDF", 200),
    ]
    height, width = pixels.shape
    drawn = pages[1].pixels[:height, :width].astype(int)  # sizes are rounded up
    assert np.abs(drawn - pixels).mean() < 4
    with pytest.raises(BadImage, match="this PDF is damaged and cannot be opened"):
        image.load(made.getvalue()[:300])
    with pytest.raises(TooLarge, match="together have"):
        image.load(made.getvalue(), image.Limits(file_pixels=40_000))


def test_half_a_jpeg_tells_about_how_long_it_was(tmp_path):
    noise = np.random.default_rng(1).integers(100, 255, (160, 400), dtype=np.uint8)
    data = written(noise, ".jpg", tmp_path).read_bytes()
    with pytest.raises(BadImage, match="ends early") as caught:
        image.load(data[: len(data) // 2])
    about = int(str(caught.value).split("~")[1].split()[0].replace(",", ""))
    assert about == pytest.approx(len(data), rel=0.15)


def test_names_cannot_command_the_terminal(tmp_path):
    with pytest.raises(ImageError) as caught:
        image.load(tmp_path / "a\x1b[2J\n.png")
    assert "a\\x1b[2J\\n.png: no such file" in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, 4),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 5000),
)
def test_no_change_of_bytes_gets_past_the_gate(whole, which, changes, cut):
    data = bytearray(whole[which])
    for place, value in changes:
        data[place % len(data)] = value
    if cut % 3 == 0:
        del data[cut % len(data) :]
    assert is_page_or_line(bytes(data))


def is_page_or_line(data):
    """Tell whether a file becomes pages within the limits, or one line of refusal."""
    try:
        pages = image.load(data)
    except ImageError as error:
        return "\n" not in str(error)
    return all(page.pixels.ndim == 2 and page.pixels.size <= 40_000_000 for page in pages)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    pixels = np.full((30, 80), 250, np.uint8)
    pixels[8:22, 10:70:9] = 10
    folder = tmp_path_factory.mktemp("whole")
    made = []
    for suffix in (".png", ".jpg", ".bmp", ".pgm"):
        made.append(written(pixels, suffix, folder).read_bytes())
    Image.fromarray(pixels).convert("1").save(folder / "a.tif", compression="group4")
    return [*made, (folder / "a.tif").read_bytes()]


def test_tiff_fields_of_every_length_stay_inside(whole):
    data = whole[4]
    (at,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for place in range(at, at + 2 + 12 * count + 4, 2):
        for value in (0, 1, 0x7FFF, 0xFFFF):
            changed = bytearray(data)
            struct.pack_into("<H", changed, place, value)
            assert is_page_or_line(bytes(changed))
