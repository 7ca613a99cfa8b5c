"""Newest-only fan-out to the watchers: nobody waits for anybody, and nothing queues up."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

Payload = bytes | str

MOST_WATCHERS = 256


class Demand(NamedTuple):
    """What is asked for now.

    watchers: of the pictures of each source; events: watchers of tracks alone; clients: all
    changes: how often anybody came or chose other sources, and so has the newest frame to get
    """

    watchers: Mapping[int, int]
    events: int
    clients: int
    changes: int


class Watcher:
    """One connection: a slot for each kind of message, where the newest replaces the one before.

    sources: those it watches, None for all. pictures: whether it gets them, or events only.
    """

    def __init__(self, pictures: bool):
        self.pictures = pictures
        self.sources: frozenset[int] | None = None
        self._slots: dict[str, Payload] = {}
        self._ready = asyncio.Event()
        self._closed = False

    def wants(self, source: int | None) -> bool:
        return source is None or self.sources is None or source in self.sources

    def put(self, kind: str, payload: Payload) -> None:
        self._slots[kind] = payload
        self._ready.set()

    def close(self) -> None:
        self._closed = True
        self._ready.set()

    async def next(self) -> Payload | None:
        """The next message, as soon as there is one; None at the end."""
        while not self._slots and not self._closed:
            self._ready.clear()
            await self._ready.wait()
        return None if self._closed else self._slots.pop(next(iter(self._slots)))


class Hub:
    """All watchers; used in the server's loop only, but for ``demand``, which any may read."""

    def __init__(self, sources: int):
        self.demand = Demand({}, 0, 0, 0)
        self._sources, self._watchers = sources, set[Watcher]()
        self._closed = False

    @property
    def full(self) -> bool:
        return self._closed or len(self._watchers) >= MOST_WATCHERS

    def join(self, pictures: bool) -> Watcher:
        watcher = Watcher(pictures)
        self._watchers.add(watcher)
        self._count(1)
        return watcher

    def choose(self, watcher: Watcher, sources: frozenset[int] | None) -> None:
        watcher.sources = sources
        self._count(1)

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        self._count(0)

    def publish(
        self, kind: str, payload: Payload, pictures: bool, source: int | None = None
    ) -> None:
        """Gives a message to everyone who wants it. pictures: to those who get pictures, else to
        those who get events. source: what it is about, None for all."""
        key = kind if source is None else f"{kind}-{source}"
        for watcher in self._watchers:
            if watcher.pictures == pictures and watcher.wants(source):
                watcher.put(key, payload)

    def close(self) -> None:
        self._closed = True
        for watcher in self._watchers:
            watcher.close()

    def _count(self, changes: int) -> None:
        viewers = [watcher for watcher in self._watchers if watcher.pictures]
        self.demand = Demand(
            {
                source: sum(watcher.wants(source) for watcher in viewers)
                for source in range(self._sources)
            },
            len(self._watchers) - len(viewers),
            len(self._watchers),
            self.demand.changes + changes,
        )
