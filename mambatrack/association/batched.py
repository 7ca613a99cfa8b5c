"""The learned association of several tables, each network called once for all of them.

Pairs of different tables have no track and no detection in common, so what the network says of one
does not depend on the others.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.features import Candidates
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.scorer import Scores
from mambatrack.networks.units import CODE_LIMIT
from mambatrack.track_table import TrackTable

LARGE = 64  # tracks from which a call for each table costs less than to copy them into one


def score_all(
    association: LearnedAssociation, described: Sequence[tuple[TrackTable, Candidates]]
) -> list[Scores]:
    """The scores of the candidates of each table."""
    codes = [association.codes(table) for table, _ in described]
    if len(described) < 2:
        return [association.scorer(own, codes[0]) for _, own in described]
    given = [own for _, own in described]
    scores = association.scorer(_join(given), np.concatenate(codes))
    pairs = np.split(scores.pairs, _ends([len(each.tracks) for each in given]))
    people = np.split(scores.people, _ends([each.alone.shape[1] for each in given]))
    return [Scores(*both) for both in zip(pairs, people, strict=True)]


def remember_all(
    association: LearnedAssociation, chosen: Sequence[tuple[TrackTable, Candidates, Indices]]
) -> None:
    """LearnedAssociation.remember of the chosen pairs of each table."""
    counts = [len(pairs) for _, _, pairs in chosen]
    if len(chosen) < 2 or sum(counts) > LARGE:
        for table, given, pairs in chosen:
            association.remember(given, table, pairs)
        return
    size = association.code_size
    if not any(counts):
        return
    features = [given.features.take(pairs, axis=1) for _, given, pairs in chosen]
    tokens = association.scorer.tokens(np.concatenate(features, axis=1))
    rows = [given.tracks[pairs] for _, given, pairs in chosen]
    memories = [table["memory"] for table, _, _ in chosen]
    carried = np.concatenate(
        [memory[own, size:] for memory, own in zip(memories, rows, strict=True)]
    )
    code = np.clip(association.encoder(tokens, carried), -CODE_LIMIT, CODE_LIMIT)
    moved = np.concatenate([code, carried], axis=1)
    for memory, own, new in zip(memories, rows, np.split(moved, _ends(counts)), strict=True):
        memory[own] = new


def _join(given: Sequence[Candidates]) -> Candidates:
    """All pairs, with the tracks and detections of each behind those of the ones before."""
    tracks = np.cumsum([0, *(each.track_count for each in given)])
    detections = np.cumsum([0, *(each.alone.shape[1] for each in given)])
    return Candidates(
        np.concatenate([each.tracks + i for each, i in zip(given, tracks, strict=False)]),
        np.concatenate([each.detections + i for each, i in zip(given, detections, strict=False)]),
        np.concatenate([each.features for each in given], axis=1),
        np.concatenate([each.alone for each in given], axis=1),
        int(tracks[-1]),
    )


def _ends(counts: Sequence[int]) -> NDArray[np.int64]:
    """Where all but the last end when they are put one behind the other."""
    return np.cumsum(counts)[:-1]
