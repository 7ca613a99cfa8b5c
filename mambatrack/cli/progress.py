"""How far the work is: a bar with speed and remaining time on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Any

INTERVAL_S = 5.0  # between plain lines


class Progress:
    """Shows how many units are done, on stderr.

    unit: "frames" or "steps";  total: None where the end is not known;  quiet: shows nothing
    """

    def __init__(self, unit: str, total: int | None, quiet: bool = False, title: str = ""):
        self._unit, self._total, self._title = unit, total, title
        self._first: tuple[int, float] | None = None
        self._printed = 0.0
        self._done = 0
        self._bar: Any = None
        self._quiet = quiet
        if not quiet and sys.stderr.isatty():
            self._bar = _bar(unit)
            self._task = self._bar.add_task(title or "tracking", total=total, rate=0.0)

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, done: int) -> None:
        now = time.monotonic()
        again, self._done = done < self._done, done
        if self._first is None or again:  # where a source is read twice, from the start once more
            if again and self._bar:
                self._bar.reset(self._task, rate=0.0)
            self._first = done, now  # what comes before is set-up or an earlier run
            self._printed = now
        rate = (done - self._first[0]) / max(now - self._first[1], 1e-9)
        if self._bar:
            self._bar.update(self._task, completed=done, rate=rate)
        elif not self._quiet and now - self._printed >= INTERVAL_S:
            self._printed = now
            print(self._line(done, rate), file=sys.stderr, flush=True)

    def _line(self, done: int, rate: float) -> str:
        title = f"{self._title}: " if self._title else ""
        if self._total is None:
            return f"{title}{done} {self._unit}, {rate:.1f} a second"
        left = max(self._total - done, 0) / max(rate, 1e-3)
        return (
            f"{title}{done} of {self._total} {self._unit}, {rate:.1f} a second, {left:.0f} s left"
        )


def _bar(unit: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, {{task.fields[rate]:.1f}} a second"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
