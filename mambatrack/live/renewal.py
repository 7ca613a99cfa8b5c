"""Files of a long run that are begun anew every so many hours."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

from mambatrack.runs.output_files import OutputFiles
from mambatrack.runs.run_outputs import Output
from mambatrack.sources.frames import Frame
from mambatrack.tracks import Tracks

MIDNIGHT = datetime(1970, 1, 1)  # of some day

Files = list[OutputFiles]


class Renewal:
    """When files are begun: at the full hours that are multiples of ``hours``, counted from
    midnight by the clock on the wall; a clock that is set back begins none.

    files: of each source, those with their newest names
    """

    def __init__(
        self, files: Files, hours: float | None = None,
        renamed: Callable[[], Files] | None = None, now: Callable[[], datetime] = datetime.now,
    ):  # fmt: skip
        """renamed: gives the files with the names of now; hours: None for never"""
        self.files, self._renamed, self._now = files, renamed, now
        self._period = None if hours is None else timedelta(hours=hours)
        self.count = 0  # of renewals
        self._index = self._index_now()

    def turn(self) -> None:
        """Renames the files if it is time to."""
        index = self._index_now()
        if index > self._index and self._renamed is not None:
            self._index, self.count = index, self.count + 1
            self.files = self._renamed()

    def _index_now(self) -> int:
        return 0 if self._period is None else (self._now() - MIDNIGHT) // self._period


class RenewedOutputs:
    """Outputs of a source into files, which are closed and opened again after a renewal."""

    def __init__(
        self, renewal: Renewal, number: int,
        opened: Callable[[OutputFiles, ExitStack], Sequence[Output]],
    ):  # fmt: skip
        self._renewal, self._number, self._opened = renewal, number, opened
        self._stack = ExitStack()
        self._open()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._renewal.turn()
        if self._count != self._renewal.count:
            self.close()
            self._open()
        for output in self._outputs:
            output.write(frame, tracks)

    def close(self) -> None:
        self._stack.close()

    def _open(self) -> None:
        self._count = self._renewal.count
        try:
            self._outputs = self._opened(self._renewal.files[self._number], self._stack)
        except BaseException:
            self.close()
            raise
