"""Tables of tracks that hypotheses were given up in, for the next copies."""

import ctypes
from collections.abc import Sequence
from typing import Any

from mambatrack.track_table import TrackTable


class SpareTables:
    """All of one tracker, and so of the same sizes."""

    def __init__(self) -> None:
        self._tables: list[TrackTable] = []
        self._addresses: Any = None  # of the newest in_c

    def __len__(self) -> int:
        return len(self._tables)

    def __getstate__(self) -> dict[str, Any]:
        return {"_tables": self._tables, "_addresses": None}  # which belong to these alone

    def put(self, tables: Sequence[TrackTable]) -> None:
        self._tables += tables
        self._addresses = None

    def fill(self, count: int, like: TrackTable) -> None:
        """There are ``count`` at least."""
        self.put([like.empty() for _ in range(count - len(self))])

    def take(self) -> TrackTable | None:
        """One of them, if there is any."""
        self._addresses = None
        return self._tables.pop() if self._tables else None

    def take_all(self) -> list[TrackTable]:
        tables, self._tables, self._addresses = self._tables, [], None
        return tables

    @property
    def in_c(self) -> tuple[int, int]:
        """How many there are, and where the addresses of their columns lie for the C library: good
        until one is put or taken."""
        if self._addresses is None:
            places = [table.in_c.at for table in self._tables]
            self._addresses = (ctypes.c_void_p * len(places))(*places)
            self._told = len(places), ctypes.addressof(self._addresses)
        return self._told
