"""What a program sees of the file system: search path, libraries, the walls of ``--safe``."""

import os
from pathlib import Path

from sn.errors import UntrustedForm

LIBRARY = Path(__file__).parent / "lib"
SUFFIXES: tuple[str, ...] = ("", ".lsh", ".sn", ".tl")


def latin(path: Path | str) -> str:
    """Return a file name as SN has it, one character per byte."""
    return os.fsencode(path).decode("latin-1")


class FileAccess:
    """The part of an interpreter that turns names into paths, and refuses some.

    Parameters
    ----------
    safe: refuse what a program of unknown origin must not do
    library: folders searched for library files before our own
    root: in safe mode, the folder below which files may be read
    writable: in safe mode, the folder below which files may be written, if any
    """

    def __init__(
        self,
        safe: bool,
        library: tuple[str | Path, ...],
        root: str | Path,
        writable: str | Path | None,
    ) -> None:
        self.safe = safe
        self.root = Path(root).resolve()
        self.writable = None if writable is None else Path(writable).resolve()
        self.library = [Path(folder) for folder in library]
        self.path: list[str] = ["."]
        self.loading: list[Path] = []

    def trust(self, what: str) -> None:
        """Refuse something in safe mode."""
        if self.safe:
            raise UntrustedForm(f"{what} is refused in safe mode")

    def check_name(self, name: str) -> Path:
        """Refuse names that would run a shell in the original; return the path."""
        if name.startswith("|"):
            raise UntrustedForm("a file name beginning with | never runs a command here")
        return Path(os.fsdecode(name.encode("latin-1")))

    def readable_path(self, path: Path) -> Path:
        """Return a path that may be read."""
        if not self.may_read(path):
            raise UntrustedForm("reading outside the program's folder is refused")
        return path

    def may_read(self, path: Path) -> bool:
        """Tell whether a path may be looked at."""
        if not self.safe:
            return True
        real = path.resolve()
        allowed = [self.root, LIBRARY, *self.library, self.writable]
        return any(real.is_relative_to(folder.resolve()) for folder in allowed if folder)

    def writable_path(self, path: Path) -> Path:
        """Return a path that may be written."""
        if self.safe and (
            self.writable is None or not path.resolve().is_relative_to(self.writable)
        ):
            raise UntrustedForm("writing files is refused in safe mode")
        return path

    def read_text(self, path: Path) -> str:
        """Return a file's bytes as latin-1 text."""
        return self.readable_path(path).read_bytes().decode("latin-1")

    def search(
        self, name: str, suffixes: tuple[str, ...] = SUFFIXES, *, refuse: bool = True
    ) -> Path | None:
        """Find a file on the search path; refuse what may not be read, there or not."""
        path = self.check_name(name)
        folders = [Path()] if path.is_absolute() else [Path(folder) for folder in self.path]
        folders += [*self.library, LIBRARY]
        for folder in folders:
            for suffix in suffixes:
                candidate = folder / (str(path) + suffix)
                if self.may_read(candidate) and candidate.is_file():
                    return candidate
        if refuse:
            self.readable_path(path)
        return None

    def library_path(self, name: str) -> Path | None:
        """Find a library file; "sn28/netenv" is also found as plain "netenv" in ours."""
        path = self.check_name(name)
        if self.loading and not path.is_absolute():
            for suffix in SUFFIXES:
                candidate = self.loading[-1].parent / (str(path) + suffix)
                if self.may_read(candidate) and candidate.is_file():
                    return candidate
        found = self.search(name, refuse=False)
        if found is None and len(path.parts) > 1:
            for suffix in SUFFIXES:
                candidate = LIBRARY / (path.name + suffix)
                if candidate.is_file():
                    return candidate
        return found or self.search(name)

    def read_file(self, name: str, suffix: str = "") -> bytes:
        """Return a data file's bytes, found with or without its default suffix."""
        return self.data_path(name, suffix).read_bytes()

    def data_path(self, name: str, suffix: str = "") -> Path:
        """Find a data file: on the search path, with or without its default suffix."""
        suffixes = ("", "." + suffix) if suffix else ("",)
        found = self.search(name, suffixes)
        return found or self.readable_path(self.check_name(name))

    def write_file(self, name: str, suffix: str, data: bytes) -> None:
        """Write a data file, adding its default suffix."""
        path = self.check_name(name)
        if suffix and not path.suffix:
            path = path.with_name(f"{path.name}.{suffix}")
        self.writable_path(path).write_bytes(data)
