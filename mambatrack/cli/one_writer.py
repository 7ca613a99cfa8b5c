"""One run at a time writes a file or folder: what another run writes is refused before any work.

A lock is an empty file in a folder of the user, locked by the system, which lets go of it however
the process ends. It is of one machine and one user; where the system has no such locks, there are
none.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mambatrack.errors import MambatrackError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

STREAMS = Path("/dev"), Path("/proc")  # which several may write to


@contextmanager
def one_writer(paths: Iterable[str | Path]) -> Iterator[None]:
    """While it is entered, no other run writes these files and folders, by whatever name. Raises
    MambatrackError where one does."""
    with ExitStack() as stack:
        named = {Path(os.path.realpath(path)): Path(path) for path in paths if _writes()}
        for place, path in named.items():
            if not any(each in place.parents for each in STREAMS):
                stack.enter_context(_locked(place, path))
        yield


def _writes() -> bool:
    """Whether this process is the one that writes, of several that torchrun started."""
    return fcntl is not None and os.environ.get("RANK", "0") == "0"


@contextmanager
def _locked(place: Path, path: Path) -> Iterator[None]:
    lock = None
    with suppress(OSError):
        folder = _folder()
        lock = folder / hashlib.sha256(os.fsencode(place)).hexdigest()
    if lock is None:
        yield
        return
    descriptor = _taken(lock)
    if descriptor is None:
        raise MambatrackError(
            f"another run of mambatrack writes {path}; wait until it has ended, or name another"
        )
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # before it is free, so that nobody waits for a name that goes
        os.close(descriptor)


def _folder() -> Path:
    """Where the locks are, and nobody else can put anything. Raises OSError where there is none."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder /= f"mambatrack-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(folder)
    return folder


def _taken(lock: Path) -> int | None:
    """The open lock, None where another run has it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass  # whoever had it has just ended
        os.close(descriptor)
