"""The trackers' states kept in a file while they run, and gone on with after a restart."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mambatrack.errors import MambatrackError
from mambatrack.live.source import LiveSource
from mambatrack.tracking.state_file import StateFile
from mambatrack.tracking.tracker import Tracker


class StateKeeper:
    """Saves the states every few seconds, in a thread of its own: a slow disk holds nobody up.

    A failure to write is told once, on stderr, and tried again. Raises MambatrackError where the
    file is damaged or does not fit; it stays as it is.
    """

    def __init__(self, file: StateFile, sources: Sequence[LiveSource], trackers: Sequence[Tracker]):
        self._file, self._sources, self._trackers = file, sources, trackers
        self._pool = ThreadPoolExecutor(1, "state")
        self._saving: Future[None] | None = None
        self._next = time.monotonic() + file.every_s
        self._told = False

    def resume(self) -> int:
        """Loads what the file holds of these sources and starts them; their one clock goes on, the
        time since the file was written included -> how many there were. What it holds of others is
        lost with the first save, which is told: in it nothing would be forgotten in time."""
        states = self._file.load()
        others = set(states) - {each.name for each in self._sources}
        if others:
            print(
                f"warning: {self._file.path} also holds the tracks of {', '.join(sorted(others))}"
                ", which are dropped, as they are no sources of this run",
                file=sys.stderr,
            )
        known = 0
        for source, tracker in zip(self._sources, self._trackers, strict=True):
            if source.name in states:
                self._load(tracker, source.name, states[source.name])
                known += 1
        age = max(time.time() - self._file.path.stat().st_mtime, 0.0) if states else 0.0
        clocks = [
            each.clock - each.state.behind for each in self._trackers if each.clock is not None
        ]
        for source in self._sources:
            source.start(time_s=max(clocks) + age if clocks else 0.0)
        return known

    def _load(self, tracker: Tracker, name: str, state: dict[str, Any]) -> None:
        try:
            tracker.load_state_dict(state)
        except MambatrackError as error:
            raise MambatrackError(f"{self._file.path}, source {name}: {error}") from None

    def turn(self) -> None:
        """Begins to save, if it is time to and the last one is done. Call it between frames."""
        if time.monotonic() < self._next or (self._saving and not self._saving.done()):
            return
        self._check()
        self._next = time.monotonic() + self._file.every_s
        self._saving = self._pool.submit(self._file.save, self._states())

    def close(self) -> None:
        """Saves what is there now. Raises MambatrackError where it cannot be written."""
        self._pool.shutdown()
        self._file.save(self._states())

    def _states(self) -> dict:
        pairs = zip(self._sources, self._trackers, strict=True)
        return {source.name: tracker.state_dict() for source, tracker in pairs}

    def _check(self) -> None:
        try:
            if self._saving:
                self._saving.result()
        except MambatrackError as error:
            if not self._told:
                print(f"warning: {error}", file=sys.stderr)
            self._told = True
