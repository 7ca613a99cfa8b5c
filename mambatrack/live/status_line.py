"""How every source is doing, on stderr: always on a terminal, every few seconds elsewhere."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from mambatrack.errors import counted
from mambatrack.live.updates import SourceStatus

INTERVAL_S = 10.0  # between plain lines
REFRESH_S = 0.25


class StatusLine:
    """A line per source. quiet: shows nothing"""

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._live: Any = None
        self._next = time.monotonic() + INTERVAL_S
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._next = 0.0

    def __enter__(self) -> "StatusLine":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def update(self, statuses: Sequence[SourceStatus], paused: bool = False) -> None:
        """Shows them if it is time to."""
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        lines = [describe(status) for status in statuses] + ["paused"] * paused
        if self._live:
            from rich.text import Text

            self._next = now + REFRESH_S
            self._live.update(Text("\n".join(lines)), refresh=True)
        else:
            self._next = now + INTERVAL_S
            print("; ".join(lines), file=sys.stderr, flush=True)


def describe(status: SourceStatus) -> str:
    """In one line."""
    parts = [
        f"{status.name}: {status.state}",
        f"{status.fps:.1f} frames a second",
        f"{status.latency_ms:.0f} ms late",
        f"{status.dropped} dropped",
    ]
    if status.reconnects:
        parts.append(f"{counted(status.reconnects, 'time')} lost and back")
    if status.camera:
        parts.append(str(status.camera))
    parts += [reason for reason in (status.error, status.problem) if reason]
    return ", ".join(parts)
