"""What a worker of the service does: read an image, show what the reading was made of, write.

Everything here is the road of `pipeline.reader` and `pipeline.explain`; this module only turns
what they found into bytes for an answer. Arrays travel as base64 of uint8.
"""

import base64
import io
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenet.data import INK, PAPER
from lenet.kept import trim
from pipeline.confidence import NETWORKS, OWN, Known
from pipeline.counting import CountedStrips
from pipeline.errors import TooLarge
from pipeline.explain import Trace, best_class, trace
from pipeline.grammars import GRAMMARS, SYMBOLS, grammar
from pipeline.image import Limits, scan
from pipeline.reader import CheckReader
from pipeline.recognition import RUBBISH, WEIGHTS, Engine
from pipeline.records import Box
from pipeline.sdnn import MARGIN, STEP, WINDOW, StripReader, legal_sequences, strip_of
from pipeline.warming import warmed
from sn.command import version
from sn.errors import SnError

if TYPE_CHECKING:
    from lenet.networks import Network

JSON, LINES, PNG = "application/json", "application/jsonl", "image/png"
ENGINES = ("hos", "sdnn", "both")
EXPRESSIONS = 100  # grammars of requests kept before all are forgotten
TRIM = 20  # answers; images and graphs of all sizes leave holes: 70 MB after 30,000 inputs
Answer = tuple[int, str, bytes]  # status, media type, body


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings of one request, as `CheckReader` takes them; an empty engine is the best."""

    grammar: str = "amount"
    engine: str = ""
    field: str | Box = "auto"
    max_error: float | None = None
    expect: str | None = None
    graphs: bool = False


class Sight:
    """Reads with the weights of a folder, under limits; one request at a time.

    Parameters
    ----------
    limits
        What the image gate lets in.
    folder
        Holds ``character.wei`` and, for the space displacement networks, ``strip.wei`` and
        ``strip-wide.wei``.
    """

    def __init__(self, limits: Limits | None = None, folder: Path = WEIGHTS) -> None:
        self.limits = limits or Limits()
        self.folder = folder
        self.loaded: dict[str, Engine] = {}
        self.expressions: set[str] = set()
        self.answered = 0

    def answer(self, name: str, body: bytes, asked: object) -> Answer:
        """Return the answer to one request; what the request did wrong is a 400 or a 413."""
        self.answered += 1
        if self.answered % TRIM == 0:
            trim()
        try:
            return getattr(self, name)(body, asked)
        except TooLarge as error:
            return 413, JSON, problem(str(error))
        except (SnError, ValueError) as error:
            return 400, JSON, problem(str(error))

    def warm(self) -> None:
        """Load weights and kernels, read and write a line: no request waits for them."""
        warmed(lambda: self.engine(""))
        _, _, drawn = self.write(b"", ("201-555-0142", 1))
        for engine in self.engines:
            for text in ("digits", *OWN):
                self.answer("read", drawn, Asked(text, engine))
        self.answer("look", drawn, Asked("digits", graphs=True))

    # ---- the answers

    def read(self, body: bytes, asked: Asked) -> Answer:
        """Return the records of all pages, a line for each, as the command prints them."""
        records = [r.to_json() for r in self.reader(asked).pages(body)]
        return 200, LINES, "".join(f"{line}\n" for line in records).encode()

    def look(self, body: bytes, asked: Asked) -> Answer:
        """Return what lies between the first page and its reading."""
        reader = self.reader(asked)
        given = scan(body, self.limits)
        page = next(given.pages())
        decoded, field = reader.decode(page.pixels, page.dpi, given.label)
        x, y, width, height = field.box if field else (0, 0, 0, 0)
        seen: dict[str, object] = {"field": [x, y, width, height], "symbols": SYMBOLS}
        if decoded is not None and field is not None:
            crop = field.crop(page.pixels)
            string = [SYMBOLS.index(c.char) for c in decoded.characters]
            found = trace(reader, crop, string)
            if found is not None:
                seen |= self.traced(reader, found, (x, y), asked.graphs)
                seen["clock"] = self.clock(reader, found, decoded.n_best)
        return 200, JSON, json.dumps(seen, separators=(",", ":")).encode()

    def write(self, body: bytes, asked: tuple[str, int]) -> Answer:
        """Return a strip on which a hand drawn from a seed wrote a number, as PNG."""
        from PIL import Image

        from pipeline import film

        text, seed = asked
        shot = film.take(film.written(text, seed, film.GROUPS))
        file = io.BytesIO()
        Image.fromarray(shot.image).save(file, "PNG")
        return 200, PNG, file.getvalue()

    def about(self, body: bytes, asked: object) -> Answer:
        """Return what this service reads, and with what."""
        from pipeline.rules import library

        told = {
            "version": version(),
            "engines": self.engines,
            "engine": self.engine("").mode,
            "weights": {m: self.engine(m).sha256 for m in self.engines},
            "grammars": [*GRAMMARS, *library()],
            "limits": {"bytes": self.limits.file_bytes, "pixels": self.limits.pixels},
        }
        return 200, JSON, json.dumps(told).encode()

    # ---- engines and readers

    @cached_property
    def engines(self) -> list[str]:
        """The engines there are weights for."""
        there = all((self.folder / f"{name}.wei").is_file() for name in NETWORKS["sdnn"])
        return list(ENGINES) if there else ["hos"]

    def engine(self, mode: str) -> Engine:
        """Return an engine by its mode, the best one for an empty mode; may raise SnError."""
        mode = mode or self.engines[-1]
        if mode not in self.engines:
            raise SnError(f"engine {mode}: there are weights for {', '.join(self.engines)}")
        if mode not in self.loaded:
            known = Known.of(mode, self.folder) if mode != self.engines[-1] else None
            if known is None:
                self.loaded[mode] = Engine.load(mode, self.folder)
            else:  # the networks of both, looked through one at a time
                both = self.engine("")
                parts = (both.recognizer, None) if mode == "hos" else (None, both.strips)
                self.loaded[mode] = Engine(parts[0], known.sha256, known.calibration, parts[1])
        return self.loaded[mode]

    @cached_property
    def strips(self) -> StripReader | None:
        """The space displacement network, None without weights."""
        return self.engine("sdnn").strips if "sdnn" in self.engines else None

    def reader(self, asked: Asked) -> CheckReader:
        """Return a reader for a request. Raises SnError, ValueError."""
        from pipeline.rules import library

        rules = library().get(asked.grammar, asked.grammar)
        self.learn(rules)
        return CheckReader(
            grammar=rules,
            engine=self.engine(asked.engine),
            field=asked.field,
            max_error=asked.max_error,
            expect=asked.expect,
            limits=self.limits,
        )

    def learn(self, text: str) -> None:
        """Note a grammar that is no name; its automaton is kept, but not without end."""
        if text in GRAMMARS:
            return
        if len(self.expressions) >= EXPRESSIONS:
            grammar.cache_clear()
            legal_sequences.cache_clear()
            self.expressions.clear()
        grammar(text)
        self.expressions.add(text)

    # ---- what lies between

    def traced(
        self, reader: CheckReader, found: Trace, corner: tuple[int, int], graphs: bool
    ) -> dict[str, object]:
        """Return the cuts, the layers and, if asked for, the pictures of the graphs."""
        told: dict[str, object] = {}
        if found.penalties is not None:
            told["segmentation"] = segmentation(found, corner)
        if self.strips is not None:
            strips = self.strips.under(reader.grammar)
            told["strip"], told["layers"], told["places"] = self.layers(strips, found, corner)
        if graphs:
            from pipeline.explain_drawing import graph_caption, graph_drawing

            told["graphs"] = [
                {
                    "title": title,
                    "caption": graph_caption(found, graph, k, reader.grammar),
                    "svg": graph_drawing(graph).to_svg(),
                }
                for k, (title, graph) in enumerate(
                    (
                        ("Recognition graph", found.recognition),
                        ("Interpretation graph", found.interpretation),
                    )
                )
                if graph is not None
            ]
        return told

    def layers(
        self, strips: StripReader, found: Trace, corner: tuple[int, int]
    ) -> tuple[dict, list, dict]:
        """Return the strip, the states of all layers over it, and what is seen at each place.

        `scale`, `left` and `top` of the strip: pixels of the page for one of it, and where its
        corner lies. States are uint8, 255 for the level 99.7 % of a layer stay below.
        """
        from pipeline.normalization import HEIGHT
        from pipeline.sdnn import DIGIT

        writing = found.writing
        strip = strip_of(writing)
        places = strips.scores(strip)
        network = strips.networks[0]
        replica = network.program.replicate(*strip.shape)
        scale = writing.scale * HEIGHT / DIGIT
        offset = mean_row(writing.ink) - mean_row(strip) * HEIGHT / DIGIT  # of the first row
        shown = []
        for name in list(replica.layers)[:-1]:
            states = replica.states(name)
            top = max(float(np.percentile(states, 99.7)), 1e-6)
            size, step = self.fields[name]
            shown.append(
                {
                    "name": name.upper(),
                    "shape": list(states.shape),
                    "field": size,
                    "step": step,
                    "states": packed(states / top),
                }
            )
        told = {
            "shape": list(strip.shape),
            "ink": packed(strip),
            "scale": scale,
            "left": corner[0] + writing.origin[0] - MARGIN * scale,
            "top": corner[1] + writing.origin[1] + offset * writing.scale,
        }
        seen = {
            "shape": list(places.shape),
            "p": packed(np.exp(-places)),
            "step": STEP,
            "window": WINDOW,
        }
        return told, shown, seen

    @cached_property
    def fields(self) -> dict[str, tuple[list[int], list[int]]]:
        """The receptive field of a unit of every layer and the step to its neighbour's."""
        return receptive_fields(self.strips.networks[0])

    def clock(self, reader: CheckReader, found: Trace, n_best: object) -> dict[str, float]:
        """Return what the reading would have cost the machine of 1993."""
        from pipeline.demo_1993 import Then

        engine, work, looks = reader.engine, 0, 0
        if engine.recognizer is not None:
            each = sum(links for _, links in engine.recognizer.sizes.values())
            looks += len(found.found.spans)
            work += looks * each
        if engine.strips is not None and found.strip is not None:
            counted = CountedStrips(engine.strips.under(reader.grammar))
            counted.looks(found.strip)
            looks += counted.seen
            work += counted.multiply_adds
        best = n_best[0][0] if n_best else ""
        then = Then(sum(map(str.isdigit, best)), looks, work)
        return {
            "digits": then.digits,
            "looks": looks,
            "multiply_adds": work,
            "camera": then.camera,
            "processor": then.processor,
            "seconds": then.seconds,
        }


def problem(message: str) -> bytes:
    """Return the body of an answer that says what was wrong, in one line."""
    return json.dumps({"error": " ".join(message.split())}).encode()


def mean_row(ink: np.ndarray) -> float:
    """Return the row in which the ink (rows, columns) lies on the average."""
    rows = ink.sum(axis=1)
    return float(rows @ np.arange(0.5, len(rows)) / max(float(rows.sum()), 1e-9))


def packed(values: np.ndarray) -> str:
    """Return values 0...1 as base64 of uint8, in C order."""
    levels = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode("ascii")


def segmentation(found: Trace, corner: tuple[int, int]) -> dict[str, object]:
    """Return the segmentation graph: its nodes on the page, its candidates, the best path."""
    writing, cut, x0 = found.writing, found.found, corner[0]
    ends = []
    for k in range(len(cut.weights)):
        columns = np.flatnonzero((cut.pieces == k).any(axis=0))
        ends.append((int(columns[0]), int(columns[-1]) + 1) if len(columns) else ends[-1])
    inner = [(ends[k][1] + ends[k + 1][0]) / 2 for k in range(len(ends) - 1)]
    nodes = [ends[0][0], *inner, ends[-1][1]]
    candidates = []
    for n, (first, last) in enumerate(cut.spans.tolist()):
        symbol, p = best_class(found.penalties[n])
        classes = np.exp(-found.penalties[n])
        order = np.argsort(-classes, kind="stable")[:3].tolist()
        names = [
            ("none" if c == RUBBISH else SYMBOLS[c], round(float(classes[c]), 4)) for c in order
        ]
        x, y, w, h = writing.box(*cut.boxes[n].tolist())
        candidates.append(
            {
                "span": [first, last],
                "symbol": symbol,
                "p": round(min(p, 1.0), 4),
                "classes": names,
                "penalty": round(-math.log(max(p, 1e-12)), 3),
                "box": [x + corner[0], y + corner[1], w, h],
            }
        )
    retinas = (cut.images - PAPER) / (INK - PAPER)
    return {
        "nodes": [round(x0 + writing.origin[0] + v * writing.scale, 1) for v in nodes],
        "candidates": candidates,
        "retinas": packed(retinas),
        "side": int(cut.images.shape[1]),
        "path": [list(step) for step in found.path],
    }


def receptive_fields(network: "Network") -> dict[str, tuple[list[int], list[int]]]:
    """Return, for every layer of a replicated network, [rows, columns] a unit sees, and steps.

    Read off the layer program: what a unit sees is what the units of its window see.
    """
    lowered = network.program.lowered
    retina, (image,) = next(iter(lowered.maps.items()))
    unlike = list(network.program.replicate(image.rows, image.columns).step)
    layer_of = {id(m): name for name, maps in lowered.maps.items() for m in maps}
    owner = {int(m.units[0]): m for maps in lowered.maps.values() for m in maps}
    found = {retina: ([1, 1], [1, 1])}
    for plan in lowered.plans:
        if plan.links:
            link = plan.links[0]
            source, window, moves = link.source, (link.height, link.width), link.steps
        else:  # units that see whole maps, or other units
            source = owner.get(int(plan.blocks[0][2][0]))
            window, moves = (source.rows, source.columns) if source else (1, 1), None
        size, step = found[layer_of[id(source)] if source else list(found)[-1]]
        wide = [s + (w - 1) * t for s, w, t in zip(size, window, step, strict=True)]
        if moves is None:
            found[plan.name] = wide, unlike
        else:
            found[plan.name] = wide, [t * m for t, m in zip(step, moves, strict=True)]
    del found[retina]
    return found
