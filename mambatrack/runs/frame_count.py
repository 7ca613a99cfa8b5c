"""Counts the frames that are done, of all jobs at work together, in whatever process each is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Count = Callable[[], None]


def _nobody() -> None:
    """Where nobody counts."""


_count: Count = _nobody  # of this process


def frame_done(_: int = 0) -> None:
    """One more frame is done; may be given to Run.go as its report."""
    _count()


@contextmanager
def counted_by(count: Count) -> Iterator[None]:
    """Within it, ``count`` is called for each frame that is done in this process."""
    global _count
    before, _count = _count, count
    try:
        yield
    finally:
        _count = before


def count_in(frames: Any) -> None:
    """From now on the frames of this process are counted in a value of several processes
    (multiprocessing.Value)."""
    global _count

    def count() -> None:
        with frames.get_lock():
            frames.value += 1

    _count = count
