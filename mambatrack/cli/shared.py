"""What several commands share: exit codes, signals, refusals."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mambatrack.config import Config
from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from mambatrack.runs.engines import Engine


OK, FAILED, INTERRUPTED = 0, 1, 130


def refuse_offline(config: Config, source: str) -> None:
    """Raises MambatrackError where what is tracked as it comes should be tracked offline."""
    if config.tracker.offline:
        raise MambatrackError(
            f"tracker.offline decides after the last frame; {source} has to be tracked as it comes"
        )


def engine_of(options: argparse.Namespace, config: Config) -> "Engine":
    """Where sequences are worked on; a network that detects asks a cluster for a GPU."""
    from mambatrack.runs.engines import Engine

    gpu = config.detector.name not in ("auto", "file", "motion")
    return Engine(options.engine, options.workers, options.address or "", gpu)


@contextmanager
def resumable(command: str, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """SIGTERM is Ctrl-C, and either says that the same command goes on from what is finished.

    What it gives is to be called now and then in long work: a KeyboardInterrupt that came while
    Python could only print it, as in a destructor, comes again.
    """
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    def check() -> None:
        if stopped:
            raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield check
    except KeyboardInterrupt:
        if not quiet:
            print(f"stopped; the same mambatrack {command} goes on from here", file=sys.stderr)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM, so that the frame at hand is finished and every output holds the
    same frames; the second one interrupts at once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def can_show() -> bool:
    """Whether --show can be had; says why where not."""
    from mambatrack.outputs.screen import display_problem

    problem = display_problem()
    if problem:
        print(f"--show is left out: {problem}", file=sys.stderr)
    return problem is None
