"""Files that appear under their name only when they are whole, and their checksums."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mambatrack.errors import MambatrackError

CHUNK = 1 << 18


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name at the end, or goes away on an error."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
