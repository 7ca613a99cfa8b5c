"""Which identity was seen when, in the last minutes."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from mambatrack.class_names import class_name
from mambatrack.tracks import Tracks

WINDOW_S = 300.0
STEP_S = 0.2
MOST_IDENTITIES = 300
MOST_SPANS = 60


@dataclass
class _Identity:
    """spans: [state, start, end] in seconds of the caller's clock, oldest first."""

    label: int
    first: float
    spans: deque[list[float]] = field(default_factory=lambda: deque(maxlen=MOST_SPANS))


class Timeline:
    """Spans of time in which each identity was tentative, seen or predicted.

    Memory is bounded: ``WINDOW_S`` seconds, the newest ``MOST_IDENTITIES`` identities and
    ``MOST_SPANS`` spans of each; finer than ``STEP_S`` nothing is told apart.
    """

    def __init__(self) -> None:
        self._identities: OrderedDict[int, _Identity] = OrderedDict()  # latest seen last
        self._last = -STEP_S

    def add(self, tracks: Tracks, now: float) -> None:
        """The tracks of a frame that came at ``now`` seconds, ascending."""
        for was, identity in tracks.known_again.items():
            self._join(was, identity)
        if now - self._last < STEP_S:
            return
        rows = zip(tracks.ids.tolist(), tracks.state.tolist(), tracks.labels.tolist(), strict=True)
        for identity, state, label in rows:
            known = self._identities.setdefault(identity, _Identity(label, now))
            known.label = label
            _extend(known.spans, state, now, self._last)
            self._identities.move_to_end(identity)
        self._last = now
        self._forget(now)

    def _join(self, was: int, identity: int) -> None:
        """Who was taken for somebody new has been ``identity`` all along."""
        known = self._identities.pop(was, None)
        if known is None:
            return
        before = self._identities.pop(identity, known)
        if before is not known:
            known.first = before.first
            began = known.spans[0][1]
            old = [[state, start, min(end, began)] for state, start, end in before.spans
                   if start < began]  # fmt: skip
            known.spans = deque([*old, *known.spans], MOST_SPANS)
        self._identities[identity] = known

    def _forget(self, now: float) -> None:
        while self._identities:
            oldest = next(iter(self._identities))
            end = self._identities[oldest].spans[-1][2]
            if end >= now - WINDOW_S and len(self._identities) <= MOST_IDENTITIES:
                return
            del self._identities[oldest]

    def rows(self, now: float, names: tuple[str, ...]) -> list[list[Any]]:
        """[id, class, age, [[state, began, ended], ...]] by id; times in seconds ago."""
        return [
            [identity, class_name(names, known.label), round(now - known.first, 1), [
                [state, round(min(now - start, WINDOW_S), 1), round(now - end, 1)]
                for state, start, end in known.spans if end > now - WINDOW_S
            ]]
            for identity, known in sorted(self._identities.items())
        ]  # fmt: skip


def _extend(spans: deque[list[float]], state: int, now: float, before: float) -> None:
    """Lets the last span grow where it goes on, else begins one where the last ended."""
    continues = spans and spans[-1][2] == before
    if continues and spans[-1][0] == state:
        spans[-1][2] = now
    else:
        spans.append([state, before if continues else now, now])
