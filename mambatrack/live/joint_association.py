"""The learned association of several trackers, each network called once for all of them.

Pairs of different trackers have no track and no detection in common, so what the network says of
one does not depend on the others.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.association import Indices
from mambatrack.detections import Detections
from mambatrack.learned_association import CODE_LIMIT, LearnedAssociation, Scores
from mambatrack.overlap_association import Associated, Association
from mambatrack.pair_features import Candidates, describe_pairs
from mambatrack.prediction import Boxes
from mambatrack.tracks import TrackTable

Occasion = tuple[TrackTable, Detections, Boxes]  # what an Association is called with


def associate_all(association: Association, occasions: Sequence[Occasion]) -> list[Associated]:
    """What ``association`` gives for each of them, which are of different tables."""
    if len(occasions) < 2 or not isinstance(association, LearnedAssociation):
        return [association(*each) for each in occasions]
    given = [describe_pairs(*each, association.config.class_aware) for each in occasions]
    tables = [table for table, _, _ in occasions]
    codes = np.concatenate([association.codes(table) for table in tables])
    scores = _apart(association.scorer(join(given), codes), given)
    decided = [
        association.choose(own, odds, found)
        for own, odds, (_, found, _) in zip(given, scores, occasions, strict=True)
    ]
    _remember(association, given, tables, [chosen for chosen, _ in decided])
    return [
        Associated(own.tracks[chosen], own.detections[chosen], born)
        for own, (chosen, born) in zip(given, decided, strict=True)
    ]


def join(given: Sequence[Candidates]) -> Candidates:
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


def _apart(scores: Scores, given: Sequence[Candidates]) -> list[Scores]:
    pairs = np.split(scores.pairs, _ends([len(each.tracks) for each in given]))
    people = np.split(scores.people, _ends([each.alone.shape[1] for each in given]))
    return [Scores(*both) for both in zip(pairs, people, strict=True)]


def _remember(
    association: LearnedAssociation, given: Sequence[Candidates], tables: Sequence[TrackTable],
    chosen: Sequence[Indices],
) -> None:  # fmt: skip
    """LearnedAssociation.remember of all."""
    counts, size = [len(each) for each in chosen], association.code_size
    if not any(counts):
        return
    features = [own.features.take(pairs, axis=1) for own, pairs in zip(given, chosen, strict=True)]
    tokens = association.scorer.tokens(np.concatenate(features, axis=1))
    rows = [own.tracks[pairs] for own, pairs in zip(given, chosen, strict=True)]
    memories = [table["memory"] for table in tables]
    carried = np.concatenate(
        [memory[own, size:] for memory, own in zip(memories, rows, strict=True)]
    )
    code = np.clip(association.encoder(tokens, carried), -CODE_LIMIT, CODE_LIMIT)
    moved = np.concatenate([code, carried], axis=1)
    for memory, own, new in zip(memories, rows, np.split(moved, _ends(counts)), strict=True):
        memory[own] = new


def _ends(counts: Sequence[int]) -> NDArray[np.int64]:
    """Where all but the last end when they are put one behind the other."""
    return np.cumsum(counts)[:-1]
