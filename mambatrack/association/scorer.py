"""The pair network: log-odds of every pair of track and detection, in the light of all others."""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.exits import LOWEST, Lowest, contested, part_of
from mambatrack.association.interface import Candidates, Floats, Scores
from mambatrack.networks.units import FEATURE_LIMIT

Weights = dict[str, NDArray[np.float32]]


class PairScorer:
    """pair_model.PairNetwork without its encoder, in numpy.

    weights: its state dict. Raises KeyError where a weight is missing.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]):
        self._weights = {
            name: array[:, None] if array.ndim == 1 else np.ascontiguousarray(array)
            for name, array in weights.items()
            if not name.startswith("encoder.")
        }
        self.rounds = len({name for name in weights if name.endswith("own.weight")})

    def tokens(self, features: Floats) -> Floats:
        """Features of pairs [F, K] as the encoder reads them [K, F]."""
        return np.ascontiguousarray(self._normal(features, "feature").T)

    def __call__(self, given: Candidates, code: Floats) -> Scores:
        """code [N, E]: what the encoder knows of each track."""
        weights = self._weights
        by_track = _Groups(given.tracks, given.track_count)
        by_detection = _Groups(given.detections, given.detection_count)
        hidden = self._linear("pair", self._normal(given.features, "feature"))
        hidden += (weights["history.weight"] @ code.T).take(given.tracks, axis=1)
        hidden = _relu(self._linear("reduce", _relu(hidden)))
        tracks, detections = by_track.largest(hidden), by_detection.largest(hidden)
        for i in range(self.rounds):
            mixed = self._linear(f"rounds.{i}.own", hidden)
            around = weights[f"rounds.{i}.track.weight"] @ tracks
            mixed += around.take(given.tracks, axis=1)
            around = weights[f"rounds.{i}.detection.weight"] @ detections
            mixed += around.take(given.detections, axis=1)
            hidden += _relu(mixed)
            tracks, detections = by_track.largest(hidden), by_detection.largest(hidden)
        seen = np.concatenate([detections, self._normal(given.alone, "alone")])
        lost = self._linear("track_out", _relu(self._linear("track", tracks)))[0]
        unmatched, person = self._linear("detection_out", _relu(self._linear("detection", seen)))
        odds = 2 * self._linear("out", hidden)[0]
        return Scores(odds - lost.take(given.tracks) - unmatched.take(given.detections), person)

    def _linear(self, name: str, x: Floats) -> Floats:
        y: Floats = self._weights[f"{name}.weight"] @ x
        y += self._weights[f"{name}.bias"]
        return y

    def _normal(self, x: Floats, name: str) -> Floats:
        x = (x - self._weights[f"{name}_mean"]) * self._weights[f"{name}_scale"]
        return np.clip(x, -FEATURE_LIMIT, FEATURE_LIMIT, out=x)


class Committee:
    """Several pair networks that were trained alike from different seeds: the mean of their
    log-odds. What one of them takes for a swap by accident, the others do not (deep ensembles,
    Lakshminarayanan et al., NeurIPS 2017).

    The code of a track is those of all, one behind the other, and so are the tokens. lowest: see
    exits.py.
    """

    def __init__(self, members: Many[PairScorer], code_sizes: Many[int], lowest: Lowest = LOWEST):
        self.members, self.code_sizes, self.lowest = members, list(code_sizes), lowest
        self._columns = _slices(code_sizes)

    def tokens(self, features: Floats) -> list[Floats]:
        """Of each member, as it scales them."""
        return [each.tokens(features) for each in self.members]

    def __call__(self, given: Candidates, code: Floats) -> Scores:
        """Of all in contested blocks, else of the first one."""
        first = self.members[0](given, code[:, self._columns[0]])
        (pairs,) = contested(given, first, self.lowest).nonzero()
        if len(pairs):
            part, rows, columns = part_of(given, pairs)
            own = Scores(first.pairs[pairs], first.people[columns])
            first.pairs[pairs], first.people[columns] = self._mean(part, code[rows], own)
        return first

    def _mean(self, given: Candidates, code: Floats, first: Scores) -> Scores:
        """Of the first member's scores and those of all others."""
        others = zip(self.members[1:], self._columns[1:], strict=True)
        scores = [first, *(each(given, code[:, columns]) for each, columns in others)]
        return Scores(*(np.mean(part, axis=0) for part in zip(*scores, strict=True)))


class CommitteeEncoder:
    """The encoders of a Committee as one."""

    def __init__(self, members: Many[Any]):
        self.members = members
        sizes = [each.carried_size for each in members]
        self.carried_size, self._columns = sum(sizes), _slices(sizes)

    def __call__(
        self, tokens: list[Floats], carried: Floats, rows: Indices | None = None
    ) -> Floats:
        """tokens [K, F] of each member; carried [N, R], of which ``rows`` [K] are changed in
        place -> codes [K, E]."""
        chosen = () if rows is None else (rows,)
        parts = zip(self.members, tokens, self._columns, strict=True)
        return np.concatenate(
            [each(own, carried[:, columns], *chosen) for each, own, columns in parts], axis=1
        )


def _slices(sizes: Many[int]) -> list[slice]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(first, end) for first, end in pairwise(ends)]


Scorer = PairScorer | Committee


class _Groups:
    """Pairs by one of their sides: index [K] from 0 to ``count``."""

    def __init__(self, index: Indices, count: int):
        ascending = index.argsort(kind="stable")
        of = index[ascending]
        self.order, self.count = ascending, count
        self.first = np.flatnonzero(np.diff(of, prepend=-1))
        self.present = of[self.first]

    def largest(self, hidden: Floats) -> Floats:
        """hidden [D, K] -> the maximum over each group [D, count], 0 for one without pairs."""
        most = np.zeros((len(hidden), self.count), np.float32)
        if len(self.first):
            ordered = hidden.take(self.order, axis=1)
            most[:, self.present] = np.maximum.reduceat(ordered, self.first, axis=1)
        return most


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)
