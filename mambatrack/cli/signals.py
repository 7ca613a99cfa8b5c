"""SIGINT, SIGTERM and SIGHUP: one way to stop, in which every file is closed and readable."""

import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

Item = TypeVar("Item")

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
AGAIN_S = 0.05


class Interruption:
    """While it is entered, the first signal is noted, so that the frame at hand is finished and
    every output holds the same frames; the second is a KeyboardInterrupt at once. Within at_once()
    the first one is.

    A KeyboardInterrupt that came where Python can only print it, as in a destructor, comes again.
    A program that was started to outlive its terminal (nohup) still does. Outside of the main
    thread, where Python takes no signals, nothing is noted.
    """

    def __init__(self) -> None:
        self._count = 0
        self._at_once = False
        self._again: threading.Timer | None = None

    def __enter__(self) -> "Interruption":
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._printed
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._hook
        if self._again is not None:
            self._again.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        """Whether a signal came."""
        return self._count > 0

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal came; to be called between two frames."""
        if self:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Work that may be left at any point: a KeyboardInterrupt comes without delay."""
        before, self._at_once = self._at_once, True
        try:
            yield
        finally:
            self._at_once = before

    def until(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items until a signal comes, which ends the wait for one at once."""
        while not self:
            try:
                with self.at_once():
                    item = next(items)
            except (StopIteration, KeyboardInterrupt):
                return
            yield item

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        _leave_lost_terminal()
        if self._at_once or self._count > 1:
            raise KeyboardInterrupt

    def _printed(self, unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._hook(unraisable)
            return
        self._again = threading.Timer(AGAIN_S, _interrupt)
        self._again.daemon = True
        self._again.start()


@contextmanager
def resumable(command: str, quiet: bool = False) -> Iterator[Interruption]:
    """Work that a signal ends at once, and that the same command goes on with, which is said."""
    with Interruption() as interruption:
        try:
            with interruption.at_once():
                yield interruption
        except KeyboardInterrupt:
            if not quiet:
                print(f"stopped; the same mambatrack {command} goes on from here", file=sys.stderr)
            raise


def _leave_lost_terminal() -> None:
    """What would be said on a terminal that is gone, which is an error, is said to nobody."""
    for descriptor in (1, 2):
        with suppress(OSError):
            device = stat.S_ISCHR(os.fstat(descriptor).st_mode)
            if device and not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


def _interrupt() -> None:
    """SIGINT for the main thread, also while that waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)
