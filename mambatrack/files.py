"""Files that appear under their name only when they are whole, and their checksums; what is written
is none of what is read."""

import errno
import glob
import hashlib
import os
import re
import secrets
import stat
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.errors import MambatrackError, reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 18
UNNAMED = tuple(  # errors of writing that name no file; not every system has all of them
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO") if hasattr(errno, name)
)
TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}\.part")
Identity = tuple[int, int]  # device and inode
PREFIX = 60  # characters of a file's name in that of its temporary file, as names are limited


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name at the end, or goes away on an error.

    A file that was there before keeps its mode; a new one gets the mode that the umask gives to
    every new file. A link stays one, and its file is replaced. At the end the content and the name
    are on the disk.
    Raises MambatrackError where ``path`` is something else than a file, such as a device, and
    OSError with ``path`` where it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise MambatrackError(f"{path} is not a regular file; name another file")
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f"{_temporary_prefix(place)}{secrets.token_hex(4)}.part")
    try:
        with naming(path, temporary):
            temporary.touch(exist_ok=False)
            mode = stat.S_IMODE((place if place.exists() else temporary).stat().st_mode)
            temporary.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
            yield temporary
            with temporary.open("rb") as file:
                temporary.chmod(mode)  # some libraries put another file in its place
                os.fsync(file.fileno())
            temporary.replace(place)
        _sync_folder(place.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """An OSError of writing, which on a full disk has no name or that of a temporary file, is
    raised with ``path``; one of another file or of a connection that is read, as it is."""
    try:
        yield
    except OSError as error:
        of = error.filename2 or error.filename
        if of is None and error.errno not in UNNAMED:
            raise
        if of is not None and os.fspath(of) not in (str(temporary), str(path)):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_text(path: Path, text: str) -> None:
    """The text in UTF-8 under this name, all of it or nothing."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The content under this name, all of it or nothing; a device or pipe gets it as it is. Raises
    OSError with ``path`` where it cannot be written."""
    if path.exists() and not path.is_file():
        with naming(path):
            path.write_bytes(content)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _sync_folder(folder: Path) -> None:
    """Names of files reach the disk, on file systems that can say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _temporary_prefix(path: Path) -> str:
    """How the names of temporary files for ``path`` begin: its own name, a long one cut and told
    from others that begin alike."""
    name = path.name
    if len(name) > PREFIX:
        name = f"{name[: PREFIX - 9]}~{zlib.crc32(os.fsencode(name)):08x}"
    return f".{name}-"


def remove_temporaries_of(path: Path) -> None:
    """Removes what writers of ``path`` left when they were killed. None may be at work."""
    for each in path.parent.glob(f"{glob.escape(_temporary_prefix(path))}*.part"):
        each.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Removes what writers left in ``folder`` when they were killed. No writer may be at work."""
    for each in folder.iterdir():
        if TEMPORARY.fullmatch(each.name):
            each.unlink(missing_ok=True)


def regular(path: Path) -> Path:
    """The path of a file that can be read again and has an end. Raises OSError for a pipe, a socket
    or a device."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file", str(path))
    return path


def read_arrays(path: Path) -> "dict[str, NDArray]":
    """All arrays of an .npz file by name. Raises FileNotFoundError, and MambatrackError for a file
    that is damaged, or none such."""
    import numpy as np

    try:
        with np.load(regular(path), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib and numpy tell of damage in a dozen ways
        reason = reason_of(error).partition("\n")[0] or type(error).__name__
        raise MambatrackError(f"{path} is damaged: {reason}") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_if_there(path: Path | None) -> str:
    """The same, "" where there is no such file."""
    return sha256(path) if path is not None and path.is_file() else ""


def check_output(path: str | Path, overwrite: bool = False) -> Path:
    """The path, if a file can be written there; else MambatrackError before any work is done."""
    path = Path(path)
    if path.is_dir():
        raise MambatrackError(f"{path} is a folder; name a file in it")
    if path.exists() and not overwrite and not _is_stream(path):
        raise MambatrackError(f"{path} exists; use --overwrite or name another file")
    if not path.parent.is_dir():
        raise MambatrackError(f"the folder {path.parent} does not exist; create it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise MambatrackError(f"{path} is not writable; check its permissions")
    return path


def _is_stream(path: Path) -> bool:
    """A pipe, a terminal or /dev/null, in which nothing is written over."""
    mode = path.stat().st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


@dataclass(frozen=True)
class Read:
    """A file or folder that a run reads.

    said: what it is to the run, as "the source"
    counts: whether a file below a folder is read, by its path
    """

    path: Path
    said: str
    counts: Callable[[Path], bool] = lambda path: True


def identity(path: str | Path | int) -> Identity | None:
    """What tells a file or folder from all others, whatever its names; None where there is none, or
    a device or pipe. path: may be an open file's number"""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    kept = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return (status.st_dev, status.st_ino) if kept else None


def check_apart(read: Iterable[Read], written: Iterable[Path]) -> None:
    """Raises MambatrackError where a file that will be written is read too, or is named twice.

    Files are compared by identity: another name, a link and another case are the same file.
    """
    written = list(written)
    _check_named_once(written)
    there = {found: path for path in written if (found := identity(path)) is not None}
    for each in read if there else ():
        for place, name in files_of(each):
            if place in there:
                same = "" if name == there[place] else f", by the name {name}"
                raise MambatrackError(
                    f"{there[place]} is {each.said} itself{same}; name another file"
                )


def _check_named_once(paths: Iterable[Path]) -> None:
    """Names that differ in case or in how an accent is written are one file on many systems."""
    taken: set[object] = set()
    for path in paths:
        place = Path(os.path.realpath(path))
        folded = unicodedata.normalize("NFC", place.name).casefold()
        keys = {(identity(place.parent) or place.parent, folded), identity(place)} - {None}
        if keys & taken:
            raise MambatrackError(f"{path} is named for two outputs; give each its own file")
        taken |= keys


def files_of(read: Read) -> Iterator[tuple[Identity, Path]]:
    """The identity and a name of each file that is read; links to folders are followed, once."""
    found = identity(read.path)
    if found is None or not read.path.is_dir():
        yield from [] if found is None else [(found, read.path)]
        return
    seen, waiting = {found}, [read.path]
    while waiting:
        for entry in _entries(waiting.pop()):
            path = Path(entry.path)
            place = identity(path)
            if place is None:
                continue
            if not path.is_dir():
                if read.counts(path):
                    yield place, path
            elif place not in seen:
                seen.add(place)
                waiting.append(path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []  # who reads the folder says why it cannot be read
