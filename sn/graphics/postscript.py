"""The PostScript driver: one operator per operation, sizes first, x and y last."""

from pathlib import Path

from sn.graphics.window import BACKGROUND, FOREGROUND, GRAY, Driver, Window

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 504, 720, 36
PROLOGUE = """\
/BEGINPAGE { gsave translate scale 0 setgray 1 setlinewidth /Helvetica 11 font } bind def
/ENDPAGE { grestore showpage } bind def
/font { exch findfont exch dup neg exch pop dup neg matrix scale makefont setfont } bind def
/SF { exch findfont [ 1 0 0 -1 0 0 ] makefont exch scalefont setfont } bind def
/SC { setrgbcolor } bind def
/SCFG { 0 setgray } bind def
/SCBG { 1 setgray } bind def
/SCGRAY { 0.5 setgray } bind def
/L0 { [] 0 setdash } bind def
/L1 { [1 2] 0 setdash } bind def
/L2 { [4 3] 0 setdash } bind def
/L3 { [4 2 1 2] 0 setdash } bind def
/DL { newpath 4 2 roll moveto lineto stroke } bind def
/box { newpath moveto exch dup 0 rlineto exch 0 exch rlineto neg 0 rlineto closepath } bind def
/DR { box stroke } bind def
/FR { box fill } bind def
/CLIP { initclip box clip } bind def
/DC { newpath 0 360 arc stroke } bind def
/FC { newpath 0 360 arc fill } bind def
/turned { neg exch neg } bind def
/DA { newpath turned arcn stroke } bind def
/FA { 4 index 4 index newpath moveto turned arcn closepath fill } bind def
/PSTART { newpath moveto } bind def
/FP { lineto } bind def
/PEND { lineto closepath fill } bind def
/DT { moveto show } bind def
"""


class PostScript(Driver):
    """Writes PostScript when the window is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pages: list[list[str]] = []
        self.on_page = False
        self.width = self.height = 0
        self.scale = 1.0

    def open(self, window: Window) -> None:
        """Fit the window to the page."""
        self.width, self.height = window.width, window.height
        while self.width * self.scale > PAGE_WIDTH or self.height * self.scale > PAGE_HEIGHT:
            self.scale *= 0.72

    def emit(self, text: str) -> None:
        """Write a line on the page, beginning one if needed."""
        if not self.on_page:
            self.on_page = True
            scale = f"{self.scale:f} {-self.scale:f}"
            self.pages.append([f"{scale} {MARGIN} {PAGE_HEIGHT + MARGIN} BEGINPAGE"])
        self.pages[-1].append(text)

    def close(self) -> None:
        """Write the file."""
        right = MARGIN + int(self.width * self.scale)
        bottom = PAGE_HEIGHT + MARGIN - int(self.height * self.scale)
        parts = [
            "%!PS-Adobe-2.0 EPSF-2.0\n",
            f"%%Title: {self.path.name}\n",
            f"%%BoundingBox: {MARGIN} {bottom} {right} {PAGE_HEIGHT + MARGIN}\n",
            PROLOGUE,
        ]
        for number, page in enumerate(self.pages, 1):
            parts.append(f"%%Page: {number} {number}\n" + "\n".join(page) + "\nENDPAGE\n\n")
        parts.append(f"%%Trailer\n%%Pages: {len(self.pages)} 1\n")
        self.path.write_text("".join(parts), "latin-1")

    def clear(self) -> None:
        """Go on on a new page."""
        self.on_page = False

    def color(self, color: int) -> None:
        """Set a colour; components are multiples of 1/256."""
        known = {FOREGROUND: "SCFG", BACKGROUND: "SCBG", GRAY: "SCGRAY"}
        if color in known:
            self.emit(known[color])
        else:
            parts = [(color >> shift & 255) / 256 for shift in (16, 8, 0)]
            self.emit("{:f} {:f} {:f} SC".format(*parts))

    def font(self, name: str, size: int) -> None:
        """Set a font."""
        self.emit(f"{size} /{name} SF")

    def line_style(self, style: int) -> None:
        """Set a dash pattern."""
        self.emit(f"L{style}")

    def clip(self, x: int, y: int, width: int, height: int) -> None:
        """Set the clipping rectangle."""
        self.emit(f"{width} {height} {x} {y} CLIP")

    def line(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Draw a line."""
        self.emit(f"{x1} {y1} {x2} {y2} DL")

    def rectangle(self, x: int, y: int, width: int, height: int, *, fill: bool) -> None:
        """Draw or fill a rectangle."""
        self.emit(f"{width} {height} {x} {y} {'FR' if fill else 'DR'}")

    def circle(self, x: int, y: int, radius: int, *, fill: bool) -> None:
        """Draw or fill a circle."""
        self.emit(f"{x} {y} {radius} {'FC' if fill else 'DC'}")

    def arc(self, x: int, y: int, radius: int, start: int, end: int, *, fill: bool) -> None:
        """Draw an arc or fill a sector."""
        self.emit(f"{x} {y} {radius} {start} {end} {'FA' if fill else 'DA'}")

    def polygon(self, points: list[tuple[int, int]]) -> None:
        """Fill a polygon."""
        for place, (x, y) in enumerate(points):
            word = "FP"
            if place == 0:
                word = "PSTART"
            elif place == len(points) - 1:
                word = "PEND"
            self.emit(f"{x} {y} {word}")

    def text(self, x: int, y: int, text: str) -> None:
        """Write text."""
        escaped = "".join(
            f"\\{c}" if c in "()\\" else c if " " <= c <= "~" else f"\\{ord(c):03o}"
            for c in text
        )
        self.emit(f"({escaped}) {x} {y} DT")

    def _bytes(self, values: list[str]) -> None:
        for start in range(0, len(values), 16):
            self.emit("".join(values[start : start + 16]))

    def squares(
        self, x: int, y: int, columns: int, apart: int, sides: list[int], color: int
    ) -> None:
        """Write a map of signed sides, two hexadecimal digits each."""
        rows = -(-len(sides) // columns)
        self.emit(f"{columns} {rows} {apart} {apart} {x} {y} HM")
        filled = sides + [0] * (columns * rows - len(sides))
        self._bytes([f"{side & 255:02X}" for side in filled])

    def pixels(
        self, x: int, y: int, columns: int, apart: int, colors: list[int], color: int
    ) -> None:
        """Write a map of colours."""
        rows = -(-len(colors) // columns)
        filled = colors + [colors[-1]] * (columns * rows - len(colors))
        if all(c & 255 == c >> 8 & 255 == c >> 16 for c in filled):
            self.emit(f"{columns} {rows} {apart} {apart} {x} {y} PM")
            self._bytes([f"{c & 255:02x}" for c in filled])
            return
        self.emit(f"{columns} {rows} 8 {apart} {apart} {x} {y} CPM")
        for start in range(0, len(filled), 8):
            self.emit("".join(f"{c:06x}" for c in filled[start : start + 8]))
