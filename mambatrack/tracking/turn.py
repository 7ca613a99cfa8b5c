"""One call at a time, where a second one would lose what the first one changes."""

from collections.abc import Sequence

from mambatrack.errors import MambatrackError


class Turn:
    """Held while a call runs; whoever comes meanwhile gets a MambatrackError and does not wait.

    Copies and pickles as part of what it guards, which a lock does not.
    """

    def __init__(self) -> None:
        self._free = [True]  # taking the only element of a list is one step for all threads

    def __enter__(self) -> None:
        try:
            self._free.pop()
        except IndexError:
            raise MambatrackError(
                "update() was called while another update() of the same tracker was running; "
                "frames come one after the other: call it from one thread, or use a Tracker for "
                "each thread"
            ) from None

    def __exit__(self, *_: object) -> None:
        self._free.append(True)


class Turns:
    """Several held at once, or none."""

    def __init__(self, turns: Sequence[Turn]):
        self._turns = turns

    def __enter__(self) -> None:
        held = 0
        try:
            for turn in self._turns:
                turn.__enter__()
                held += 1
        except BaseException:
            self._turns = self._turns[:held]
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for turn in self._turns:
            turn.__exit__()
