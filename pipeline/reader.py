"""From an input to readings: gate, search (`pipeline.search`), decision.

The whole road, walked once for each page. Here, and only here, a string becomes a read or a
reject: a read needs a confidence at or above the threshold, a string that is an amount where an
amount was asked for, and agreement with the expected one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import search
from pipeline.confidence import PAGE, Calibration, Known
from pipeline.image import Grey, Limits, Page, Scan, Source, levels, scan
from pipeline.money import money
from pipeline.records import Box, Quality, Reading
from pipeline.rules import kind_of
from pipeline.search import PATIENCE, Look, confidence
from sn.command import version

if TYPE_CHECKING:
    from pipeline.fields import Field
    from pipeline.recognition import Decoded, Engine

MAX_ERROR = 0.01  # wrong ones among the reads, where the weights were calibrated
THRESHOLD = 0.9  # where they were not
_NO_INK = 16  # grey levels: paper alone varies less, the faintest ink more


class CheckReader:
    """A reader with its settings, reusable and safe to share between threads.

    Parameters
    ----------
    grammar
        Name of a grammar, or a regular expression over the symbols.
    field
        ``"auto"`` to look for the field, or its box (x, y, width, height) in pixels.
    min_confidence
        Threshold 0...1; a higher one means fewer but safer reads.
    page_confidence
        Threshold for amounts in fields found on a whole check, where it is another one.
    max_error
        Share 0...1 of wrong ones among the reads that is borne; the threshold for it comes
        from the calibration of the weights. Not together with `min_confidence`; without either
        it is `MAX_ERROR`, or `THRESHOLD` for weights that were never calibrated.
    expect
        The string or amount that should stand there; anything else is a reject.
    limits
        What the image gate lets in.
    engine, locate
        The recognition engine, or which of the program's own reads (``hos``, ``sdnn``,
        ``both``), and the field locator; the program's own when None. They are
        loaded at the first page.
    """

    def __init__(
        self,
        *,
        grammar: str = "amount",
        field: str | Box = "auto",
        min_confidence: float | None = None,
        page_confidence: float | None = None,
        max_error: float | None = None,
        expect: str | None = None,
        limits: Limits | None = None,
        engine: "Engine | str | None" = None,
        locate: "Callable[[Grey], Sequence[Field]] | None" = None,
    ) -> None:
        for name, least in (("min", min_confidence), ("page", page_confidence)):
            if least is not None and not 0 <= least <= 1:
                raise ValueError(f"{name}_confidence is {least}; 0 to 1 is expected")
        if max_error is not None and not 0 < max_error <= 1:
            raise ValueError(f"max_error is {max_error}; more than 0, at most 1 is expected")
        if min_confidence is not None and max_error is not None:
            raise ValueError("min_confidence and max_error both choose the threshold; give one")
        self.grammar, self.field, self.limits = grammar, field, limits or Limits()
        self.max_error, self.min_confidence = max_error, min_confidence
        self.page_confidence = page_confidence
        self.expect = None if expect is None else self.expected(expect)
        self._given = engine, locate
        self._engine = None if isinstance(engine, str) else engine
        self._loading = threading.Lock()
        self._is_warm = False

    def __reduce__(self) -> tuple[object, ...]:
        engine, locate = self._given
        settings = {
            "grammar": self.grammar,
            "field": self.field,
            "min_confidence": self.min_confidence,
            "page_confidence": self.page_confidence,
            "max_error": self.max_error,
            "expect": self.expect,
            "limits": self.limits,
            "engine": engine,
            "locate": locate,
        }
        return _rebuilt, (settings,)

    @property
    def mode(self) -> str | None:
        """Which of the program's own engines reads, None for one that was given."""
        given = self._given[0]
        return given if isinstance(given, str) else "both" if given is None else None

    def take(self, engine: "Engine") -> None:
        """Read with an engine that is loaded already, one of `mode`."""
        self._engine = engine

    @property
    def engine(self) -> "Engine":
        """The recognition engine, loaded when first asked for; may raise `SnError`."""
        with self._loading:
            if self._engine is None:
                from pipeline.recognition import Engine
                from pipeline.warming import warmed

                self._engine = warmed(lambda: Engine.load(self.mode or "both"))
                self._is_warm = True
            return self._engine

    @property
    def known(self) -> "Engine | Known":
        """The engine or, before it is needed, what its notes say of it; may raise `SnError`."""
        found = None
        if self._engine is None and self.mode is not None:
            found = Known.of(self.mode)
        return found or self.engine

    @property
    def threshold(self) -> float:
        """The confidence 0...1 a read needs; may load the engine and raise `SnError`."""
        if self.min_confidence is not None:
            return self.min_confidence
        return self._needed(self.known.calibration.under(self.grammar))

    @property
    def page_threshold(self) -> float:
        """The confidence 0...1 that what is found on a whole check needs, see `threshold`."""
        if self.page_confidence is not None:
            return self.page_confidence
        if self.min_confidence is None and kind_of(self.grammar) == "amount":
            curve = self.known.calibration.grammars.get(PAGE)
            if curve is not None:
                return self._needed(curve)
        return self.threshold

    def _needed(self, curve: Calibration) -> float:
        if self.max_error is not None:
            return curve.threshold(self.max_error)
        return curve.threshold(MAX_ERROR, strict=False) if curve.curve else THRESHOLD

    def expected(self, text: str) -> str:
        """Return an expected string as readings are compared with it; ValueError if it is none.

        Amounts are compared as money: ``$ 125`` expects ``125.00``.
        """
        if kind_of(self.grammar) != "amount":
            return text
        amount = money(text)
        if amount is None:
            raise ValueError(f"{text!r} is not an amount; write it as 125.00")
        return amount[0]

    def read(self, source: Source) -> Reading:
        """Return the reading of the first page; see `pipeline.image.load` for sources."""
        return next(self.pages(source))

    def explain(self, source: Source, file: str | Path, page: int = 1) -> Reading:
        """Read one page and draw why it was read or not, as HTML, SVG or PNG by the name.

        Returns the reading. Raises SnError as reading does, and PictureError for other names.
        """
        from pipeline.explain import explain
        from pipeline.explain_drawing import save

        found = explain(self, source, page)
        save(found, Path(file))
        return found.reading

    def pages(self, source: Source, expect: str | None = None) -> Iterator[Reading]:
        """Yield one reading for each page, as soon as it is known.

        `expect` is what this input is expected to say, a value of `expected`, in place of the
        reader's own; an empty string when nothing is known of it, which rejects it.

        Raises
        ------
        ImageError, BadImage, TooLarge
            When the input cannot be read at all; pages before the damaged one are yielded.
        """
        for reading, _, _ in self.examined(source, expect):
            yield reading

    def examined(
        self, source: Source, expect: str | None = None
    ) -> "Iterator[tuple[Reading, Page, Look | None]]":
        """Yield what `pages` yields, with the page and what was seen on it, None if blank."""
        start = time.perf_counter()
        given = scan(source, self.limits)
        for page in given.pages():
            spread = int(page.pixels.max()) - int(page.pixels.min())
            look = None if spread < _NO_INK else self.look(page, given.label)
            yield self._reading(given, page, look, start, expect), page, look
            start = time.perf_counter()

    def _reading(
        self, given: Scan, page: Page, look: "Look | None", start: float, expect: str | None
    ) -> Reading:
        low, middle, _ = levels(page.pixels)
        contrast = (middle - low) / 255
        quality = Quality(page.dpi, contrast, None, page.flags)
        whole = look is not None and look.whole
        threshold = self.page_threshold if whole else self.threshold
        decoded = None
        if look is None:
            reason, note = "blank", "no ink found"
        else:
            decoded = look.decoded
            found = {"skew_deg": look.sheet.skew_deg, "flags": look.sheet.flags}
            quality = _joined(quality, found)
            reason, note = "no_field", "no field found"
            if look.fields and decoded is None:
                reason, note = "poor_image", "more stands there than a line of writing holds"
        text, amount, characters = None, None, None
        if decoded is not None:
            quality = _joined(quality, decoded.quality)
            text, amount, reason, note = self._decide(
                decoded, threshold, self.expect if expect is None else expect
            )
            if reason is None and look.late:
                text, amount, reason = None, None, "poor_image"
                note = f"so much stands there that {PATIENCE:g} seconds were not enough"
            elif reason is None and look.either_way:
                text, amount, reason = None, None, "ambiguous"
                note = "it can be read either way up"
            if amount is not None and amount[1]:
                quality = _joined(quality, {"flags": ("cents_assumed",)})
            if reason is None:
                shape, (x, y, _, _) = page.pixels.shape, look.field.box
                moved = (c.moved(x, y) for c in decoded.characters)
                characters = tuple(
                    replace(c, box=look.sheet.on_page(c.box, shape)) for c in moved
                )
        return Reading(
            file=given.name,
            sha256=given.sha256,
            page=page.number,
            status="reject" if reason else "read",
            result=text,
            amount=amount[0] if amount else None,
            confidence=confidence(decoded),
            threshold=threshold,
            reason=reason,
            n_best=decoded.n_best if decoded else (),
            digits=characters,
            unexplained_ink=decoded.unexplained_ink if decoded else None,
            quality=quality,
            model=self.engine.name,
            model_sha256=self.engine.sha256,
            engine=self.engine.mode,
            version=version(),
            ms=1000 * (time.perf_counter() - start),
            code_line=look.code_line(page) if look else None,
            date=look.date_line(page) if look else None,
            grammar=self.grammar,
            note=note,
        )

    def warm(self, dpi: float | None = None) -> None:
        """Load the engine and compile its kernels: no page's time."""
        if not self._is_warm:
            from pipeline.warming import line

            self.engine.decode(line(), self.grammar, dpi)
            self._is_warm = True

    def look(self, page: Page, label: str) -> Look:
        """Find sheet, field, string and code line of a page; nothing is decided."""
        return search.look(self, page, label)

    def candidates(self, pixels: Grey, label: str) -> "list[Field]":
        """Return the candidate fields of a page, cheapest first. Raises BadImage."""
        return search.candidates(self, pixels, label)

    def decode(
        self, pixels: Grey, dpi: float | None = None, label: str = "image"
    ) -> "tuple[Decoded | None, Field | None]":
        """Decode the candidate fields of a page, cheapest first; keep the one of least penalty.

        pixels uint8 (rows, columns), paper light; `label` names the page in errors. Returns
        what was found, nothing decided, and the field; None where nothing could be.
        """
        return search.cheapest(self, pixels, self.candidates(pixels, label), dpi)[:2]

    @property
    def knows_where(self) -> bool:
        """Whether field or locator were given, so that no whole check is looked for."""
        return self.field != "auto" or self._given[1] is not None

    @property
    def locate(self) -> "Callable[[Grey], Sequence[Field]]":
        """The field locator."""
        from pipeline.fields import locate

        return self._given[1] or locate

    def _decide(
        self, decoded: "Decoded", threshold: float, expect: str | None
    ) -> tuple[str | None, tuple[str, bool] | None, str | None, str]:
        """Return text, amount with "cents assumed", reason and note: a read or a reject."""
        if decoded.reason is not None:
            return None, None, decoded.reason, decoded.note
        if not decoded.n_best:
            return None, None, "grammar", decoded.note
        text = decoded.n_best[0][0]
        is_amount = kind_of(self.grammar) == "amount"
        amount = money(text) if is_amount else None
        if is_amount and amount is None:
            return None, None, "grammar", "not a complete amount"
        if confidence(decoded) < threshold:
            low = f"confidence {confidence(decoded):.2f}, {threshold:.2f} needed"
            if decoded.disagreement:
                return None, None, "disagreement", decoded.disagreement
            return None, None, "ambiguous", decoded.note or low
        if expect is not None and expect != (amount[0] if amount else text):
            note = f"expected {expect}" if expect else "nothing is known of what to expect"
            return None, None, "expect", note
        return text, amount, None, decoded.note


def read(source: Source, **settings: object) -> Reading:
    """Read the first page of one input; `settings` are those of `CheckReader`."""
    return CheckReader(**settings).read(source)


def read_many(
    sources: Iterable[Source],
    *,
    progress: Callable[[int], None] | None = None,
    threads: int = 1,
    **settings: object,
) -> Iterator[Reading]:
    """Yield the readings of all pages of all inputs, in their order.

    `progress` is called with the number of inputs done. The first input that cannot be read
    ends the iteration with its `SnError`; `outcomes` goes on instead.
    """
    done = 0
    for _, outcome in outcomes(CheckReader(**settings), sources, threads=threads):
        if isinstance(outcome, Reading):
            yield outcome
        elif outcome is not None:
            raise outcome
        else:
            done += 1
            if progress:
                progress(done)


def outcomes(
    reader: CheckReader, sources: Iterable[Source], *, threads: int = 1
) -> Iterator[tuple[Source, Reading | Exception | None]]:
    """Yield what becomes of each input, in order: readings or an error, then None for its end.

    With one thread a reading is yielded as soon as it is known. With more, inputs are read
    ahead, at most two for each thread, and given out in their order.
    """

    def followed(source: Source) -> Iterator[Reading | Exception]:
        try:
            yield from reader.pages(source)
        except Exception as error:
            yield error

    if threads == 1:
        for source in sources:
            for outcome in followed(source):
                yield source, outcome
            yield source, None
        return
    ahead: deque[tuple[Source, Future[list[Reading | Exception]]]] = deque()

    def oldest() -> Iterator[tuple[Source, Reading | Exception | None]]:
        source, future = ahead.popleft()
        for outcome in future.result():
            yield source, outcome
        yield source, None

    pool = ThreadPoolExecutor(threads)
    try:
        for source in sources:
            ahead.append((source, pool.submit(lambda s: list(followed(s)), source)))
            if len(ahead) >= 2 * threads:
                yield from oldest()
        while ahead:
            yield from oldest()
    finally:
        pool.shutdown(cancel_futures=True)


def _rebuilt(settings: dict[str, object]) -> CheckReader:
    return CheckReader(**settings)


def _joined(seen: Quality, found: dict[str, object]) -> Quality:
    """Add what the recognition saw of the image to what the gate saw."""
    known = {key: value for key, value in found.items() if value is not None}
    return Quality(
        dpi=known.get("dpi", seen.dpi),
        contrast=known.get("contrast", seen.contrast),
        skew_deg=known.get("skew_deg", seen.skew_deg),
        flags=tuple(dict.fromkeys((*seen.flags, *known.get("flags", ())))),
    )
