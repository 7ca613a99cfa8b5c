"""Trackers' states in one file, which is whole at any moment: a restart goes on with the same ids.

The file is a line of JSON with version and checksum, a line of JSON with names and numbers, and the
arrays as safetensors; nothing in it is run when it is read.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mambatrack.errors import MambatrackError
from mambatrack.files import regular
from mambatrack.tracking.saved_state import StateDict

FORMAT, VERSION = "mambatrack state", 1
DAMAGED = ValueError, LookupError, TypeError, AttributeError, RecursionError
LONGEST_HEADER = 1000  # bytes


class StateFile:
    """The states of several sources, by name. One process writes it at a time.

    path: its folder must be there; the file before the newest is kept beside it as NAME.bak
    every_s: seconds between two saves, for due(); save() itself always writes
    Raises MambatrackError where there is no such folder.
    """

    def __init__(self, path: str | Path, every_s: float = 5.0):
        self.path, self.every_s, self._saved = Path(path), every_s, -float("inf")
        if not self.path.parent.is_dir() or self.path.is_dir():
            raise MambatrackError(
                f"no state can be kept in {self.path}: expected a file in a folder that is there"
            )
        self.backup = self.path.with_name(f"{self.path.name}.bak")
        self._new = self.path.with_name(f".{self.path.name}.new")

    def due(self) -> bool:
        """Whether ``every_s`` seconds have passed since the last save."""
        return time.monotonic() - self._saved >= self.every_s

    def save(self, states: Mapping[str, StateDict]) -> None:
        """Replaces the file in one step; only its owner may read it. Raises MambatrackError, with
        the old file in place, where it cannot be written."""
        content = pack(states)
        try:
            self._write(content)
            if self.path.exists():
                self._keep_old()
            self._new.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            with suppress(OSError):  # a file system that nothing can be written to
                self._new.unlink(missing_ok=True)
            raise MambatrackError(
                f"the state cannot be written to {self.path}: {error.strerror or error}"
            ) from None
        self._saved = time.monotonic()

    def load(self) -> dict[str, StateDict]:
        """The states by source, none where there is no file yet. Raises MambatrackError where the
        file is damaged or of another version; it stays as it is."""
        try:
            content = regular(self.path).read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise MambatrackError(
                f"{self.path} cannot be read: {error.strerror or error}"
            ) from None
        try:
            return unpack(content)
        except MambatrackError as error:
            older = f", restore the one before from {self.backup}" if self.backup.exists() else ""
            raise MambatrackError(f"{self.path} {error}; move it away{older}") from None

    def _write(self, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(self._new, flags, 0o600), "wb") as file:
            os.chmod(self._new, 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _keep_old(self) -> None:
        """A second name for the file that is about to be replaced; a copy where there are none."""
        second = self._new.with_suffix(".bak")
        second.unlink(missing_ok=True)
        try:
            os.link(self.path, second)
        except OSError:
            shutil.copy2(self.path, second)
        second.replace(self.backup)


def pack(states: Mapping[str, StateDict]) -> bytes:
    """The content of a state file."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    plain = []
    for index, (name, state) in enumerate(states.items()):
        numbers = {key: each for key, each in state.items() if not isinstance(each, np.ndarray)}
        plain.append({"name": name, "values": numbers})
        arrays |= {
            f"{index}/{key}": np.ascontiguousarray(each)
            for key, each in state.items()
            if isinstance(each, np.ndarray)
        }
    body = json.dumps(plain, allow_nan=False).encode() + b"\n" + save(arrays)
    head = {"format": FORMAT, "version": VERSION, "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(head).encode() + b"\n" + body


def unpack(content: bytes) -> dict[str, StateDict]:
    """States by name. Raises MambatrackError with what is wrong."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    end = content.find(b"\n", 0, LONGEST_HEADER)
    body = content[end + 1 :]
    _check_head(content[: max(end, 0)], body)
    try:
        line, _, tensors = body.partition(b"\n")
        arrays, plain = load(tensors), json.loads(line)
        states: dict[str, Any] = {}
        for index, each in enumerate(plain):
            own = {
                key.partition("/")[2]: array
                for key, array in arrays.items()
                if key.startswith(f"{index}/")
            }
            states[each["name"]] = {**each["values"], **own}
        return states
    except (*DAMAGED, SafetensorError) as error:
        raise MambatrackError(f"is damaged: {str(error).splitlines()[0]}") from None


def _check_head(head: bytes, body: bytes) -> None:
    try:
        stated = json.loads(head)
    except ValueError:
        stated = None
    if not isinstance(stated, dict) or stated.get("format") != FORMAT:
        raise MambatrackError("is no state of mambatrack, or damaged")
    if stated.get("version") != VERSION:
        raise MambatrackError(f"is a state of version {stated.get('version')!r}, not {VERSION}")
    if stated.get("sha256") != hashlib.sha256(body).hexdigest():
        raise MambatrackError("is damaged: its checksum is another")


def _sync_folder(folder: Path) -> None:
    """Makes a rename last, where folders can be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
