"""Opens a file as bytes: unpacked, guarded against archives that swell, and turned into UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from wellheard.base.errors import BadInput, Place
from wellheard.sources.files.format import Compression

CHUNK = 8 << 20
SWELL = 250  # text seldom packs better than 1 : 50
SWELL_FROM = 64 << 20  # below this size even an archive that swells does no harm
LARGEST_WORKBOOK = 1 << 30  # unpacked; a workbook is held in memory
LARGEST_UNPACKED = 2 << 30  # of a file that must lie unpacked on disk to be read


# RuntimeError is how zipfile asks for a password.
BROKEN = (EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


class Bytes(Protocol):
    """Anything that gives the next bytes, and none at the end."""

    def read(self, size: int) -> bytes: ...


class Unpacked:
    """The bytes of a file, unpacked. Raises BadInput when the packing is cut off, damaged, or swells beyond reason."""

    def __init__(self, path: Path, compression: Compression | None) -> None:
        self.path = path
        self.given = 0
        self.compression = compression
        self._closing = contextlib.ExitStack()
        try:
            self._open(path, compression)
        except OSError as error:
            self._closing.close()
            raise missing(path, error) from error
        except BROKEN as error:
            self._closing.close()
            raise damaged(path, error) from error

    def _open(self, path: Path, compression: Compression | None) -> None:
        if compression == "zip":
            archive = self._closing.enter_context(zipfile.ZipFile(path))
            member = sole_member(archive, path)
            self._taken: Any = lambda: max(member.compress_size, 1)
            self._stream: Any = self._closing.enter_context(archive.open(member))
            return
        raw = self._closing.enter_context(pa.OSFile(str(path), "rb"))
        self._taken = raw.tell
        self._stream = raw
        if compression is not None:
            self._stream = self._closing.enter_context(pa.CompressedInputStream(raw, compression))

    def read(self, size: int) -> bytes:
        """Up to `size` more bytes; fewer only at the end."""
        parts: list[bytes] = []
        missing = size
        try:
            while missing > 0 and (part := self._stream.read(missing)):
                parts.append(part)
                missing -= len(part)
        except (OSError, *BROKEN) as error:
            raise damaged(self.path, error) from error
        self.given += size - missing
        self._refuse_swelling()
        return b"".join(parts)

    def _refuse_swelling(self) -> None:
        if self.compression is None or self.given < SWELL_FROM:
            return
        if self.given > SWELL * max(int(self._taken()), 1):
            raise BadInput(
                f"the file unpacks to more than {SWELL} times its size",
                hint="If it is meant to, unpack it yourself and import the result.",
                place=Place(file=str(self.path)),
            )

    def close(self) -> None:
        self._closing.close()

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def missing(path: Path, error: OSError) -> BadInput:
    """The error for a file that is not there or may not be read."""
    return BadInput(
        f"the file cannot be opened ({error.strerror or error})",
        hint="Check the path, and that you may read it.",
        place=Place(file=str(path)),
    )


def damaged(path: Path, error: Exception) -> BadInput:
    """The error for a file that breaks off or does not hold what its first bytes promise."""
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadInput(
        f"the file is cut off or damaged ({detail})",
        hint="Fetch or export it again; a copy that was interrupted looks like this.",
        place=Place(file=str(path)),
    )


def sole_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The one file in a zip archive, leaving out folders and what macOS adds. Raises BadInput when it is not one."""
    members = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        names = ", ".join(info.filename for info in members[:5]) or "nothing"
        raise BadInput(
            f"the archive holds {len(members)} files ({names}), and one is needed",
            hint="Unpack it and import each file by itself.",
            place=Place(file=str(path)),
        )
    return members[0]


def refuse_bomb(path: Path, file: str | IO[bytes]) -> None:
    """Raises BadInput when a workbook, which is a zip archive, swells beyond reason as it is opened."""
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (OSError, *BROKEN) as error:
        raise damaged(path, error) from error
    unpacked, packed = sum(info.file_size for info in members), sum(info.compress_size for info in members)
    if not isinstance(file, str):
        file.seek(0)
    if unpacked > LARGEST_WORKBOOK or (unpacked > SWELL_FROM and unpacked > SWELL * packed):
        raise BadInput(
            f"the workbook unpacks to {unpacked >> 20} MB",
            hint="Save the sheet as CSV and import that.",
            place=Place(file=str(path)),
        )


@contextlib.contextmanager
def seekable(path: Path, compression: Compression | None) -> Iterator[str | IO[bytes]]:
    """The path itself, or for a packed file an unpacked temporary copy that goes with the block."""
    if compression is None:
        yield str(path)
        return
    with tempfile.TemporaryFile() as copy:
        with Unpacked(path, compression) as stream:
            while chunk := stream.read(CHUNK):
                copy.write(chunk)
                if stream.given > LARGEST_UNPACKED:
                    raise BadInput(
                        f"the file unpacks to more than {LARGEST_UNPACKED >> 30} GB",
                        hint="Unpack it yourself and import the result.",
                        place=Place(file=str(path)),
                    )
        copy.seek(0)
        yield copy


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Stands a lone surrogate in place of bytes that the codec does not know, so that their row is refused later."""
    if isinstance(error, UnicodeDecodeError):
        return "\udcff", error.end
    raise error


codecs.register_error("wellheard.mark", _mark)


class Utf8:
    """The text of a stream as UTF-8, without its byte order mark.

    Bytes that the encoding does not know become bytes that UTF-8 does not know either: the reader of rows finds them.
    """

    def __init__(self, stream: Bytes, encoding: str) -> None:
        self._stream = stream
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("wellheard.mark")
        self._started = False
        self._ended = False

    def read(self, size: int) -> bytes:
        """About `size` more bytes, none at the end."""
        while not self._ended:
            chunk = self._stream.read(size)
            self._ended = not chunk
            text = self._recode(chunk)
            if not self._started and text:
                self._started = True
                text = text.removeprefix(codecs.BOM_UTF8)
            if text:
                return text
        return b""

    def _recode(self, chunk: bytes) -> bytes:
        if self._decoder is None:
            return chunk
        return self._decoder.decode(chunk, final=self._ended).encode("utf-8", "surrogatepass")
