"""Files that appear under their name only when they are whole, and their checksums."""

import glob
import hashlib
import os
import re
import secrets
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mambatrack.errors import MambatrackError

CHUNK = 1 << 18
TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}\.part")
PREFIX = 60  # characters of a file's name in that of its temporary file, as names are limited


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name at the end, or goes away on an error.

    A file that was there before keeps its mode; a new one gets the mode that the umask gives to
    every new file. At the end the content and the name are on the disk.
    Raises MambatrackError where ``path`` is something else than a file, such as a device.
    """
    if path.exists() and not path.is_file():
        raise MambatrackError(f"{path} is not a regular file; name another file")
    temporary = path.with_name(f"{_temporary_prefix(path)}{secrets.token_hex(4)}.part")
    try:
        temporary.touch(exist_ok=False)
        mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
        temporary.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
        yield temporary
        with temporary.open("rb") as file:
            temporary.chmod(mode)  # some libraries put another file in its place
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_output(path: str | Path, overwrite: bool = False) -> Path:
    """The path, if a file can be written there; else MambatrackError before any work is done."""
    path = Path(path)
    if path.is_dir():
        raise MambatrackError(f"{path} is a folder; name a file in it")
    if path.exists() and not overwrite:
        raise MambatrackError(f"{path} exists; use --overwrite or name another file")
    if not path.parent.is_dir():
        raise MambatrackError(f"the folder {path.parent} does not exist; create it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise MambatrackError(f"{path} is not writable; check its permissions")
    return path
