"""Early exit by block: where the first network of a committee is sure, the others are not asked.

A block is what candidate pairs connect: no network hears anything across blocks.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import ALTERNATIVE_LOG_ODDS
from mambatrack.association.crowds import cluster_of
from mambatrack.association.problem import Candidates, Floats, FrameProblem, Question, Scores

EXIT_LOG_ODDS = 1.5  # that are a clear margin: a single network decides then as all three do


class Lowest(NamedTuple):
    """Log-odds of a match, and of a detection that starts a track, at least."""

    match: float = 0.0
    birth: float = 0.0


LOWEST = Lowest()


def sure_by(question: Question) -> float:
    """The margin of what is clear where nothing but the decision counts, and with it what comes
    near: of those blocks that are the same in all tables, where tables are compared."""
    return margin(question.several or question.compared)


def margin(near: bool) -> float:
    """The same where what comes near the decision counts, and where it does not."""
    return ALTERNATIVE_LOG_ODDS if near else EXIT_LOG_ODDS


def with_margins(
    problems: Sequence[FrameProblem], questions: Sequence[Question]
) -> list[FrameProblem]:
    """With the margins by which the scores of each may be rough."""
    firsts = [number for number, each in enumerate(questions) if not each.beside]
    margins = list[float | Floats]()
    for first, end in pairwise([*firsts, len(questions)]):
        least = sure_by(questions[first])
        margins += _among(problems[first:end], least) if end - first > 1 else [least]
    return [
        each._replace(candidates=each.candidates._replace(sure_by=own))
        for each, own in zip(problems, margins, strict=True)
    ]


def _among(problems: Sequence[FrameProblem], least: float) -> list[Floats]:
    """[K] of each table of one tracker: ``least`` in blocks that are the same in all, which add the
    same to the likelihood of each; elsewhere the odds themselves count, and it is infinite."""
    pairs = zip(*map(_pairs_of_detections, problems), strict=True)
    same, margins = np.array([len(set(own)) == 1 for own in pairs], bool), []
    for tracks, detections, *_ in (each.candidates for each in problems):
        block = cluster_of(tracks, detections) if len(tracks) else tracks
        other = np.isin(block, block[~same[detections]])
        margins.append(np.where(other, np.float32(np.inf), np.float32(least)))
    return margins


def _pairs_of_detections(problem: FrameProblem) -> list[bytes]:
    """Of each detection [M] all that is known of its pairs."""
    table, _, _, (tracks, detections, features, *_) = problem
    parts = table["ids"][tracks][:, None], table["memory"][tracks], features.T
    known = np.concatenate([np.ascontiguousarray(each).view(np.uint8) for each in parts], axis=1)
    return [known[detections == j].tobytes() for j in range(problem.candidates.detection_count)]


def contested(given: Candidates, scores: Scores, lowest: Lowest) -> NDArray[np.bool_]:
    """[K] which candidates lie in blocks where these scores are not sure: each track takes its best
    detection or none, or each detection its best track or none, and in both cases a second choice
    is near, two want the same, or it is not clear whether what is left is a person."""
    if not len(given.tracks):
        return np.zeros(0, bool)
    sides = (given.tracks, given.track_count), (given.detections, given.detection_count)
    margin = np.broadcast_to(np.float32(given.sure_by), len(given.tracks))
    worth = scores.pairs - np.float32(lowest.match)
    person = np.abs(scores.people - np.float32(lowest.birth))[given.detections]
    block, unsure = cluster_of(given.tracks, given.detections), []
    for (own, count), (other, others) in (sides, sides[::-1]):
        best = _best(worth, own, count)[own]
        near = worth > best - margin
        choices = np.bincount(own[near], minlength=count)[own] + (best < margin)
        wanted = np.bincount(other[near], minlength=others)
        left = np.ones(given.detection_count, bool)
        left[given.detections[near]] = False
        bad = (choices != 1) | (wanted[other] > 1) | (left[given.detections] & (person < margin))
        unsure.append(np.isin(block, block[bad]))
    both: NDArray[np.bool_] = unsure[0] & unsure[1]
    return both


def _best(worth: Floats, own: Indices, count: int) -> Floats:
    """The best of each of one side [count], that of none being 0."""
    best = np.zeros(count, np.float32)
    np.fmax.at(best, own, worth)
    return best


def part_of(given: Candidates, pairs: Indices) -> tuple[Candidates, Indices, Indices]:
    """Some candidates [.] alone, and the tracks and detections that they are of, ascending: whole
    blocks are scored as among all."""
    rows, tracks = np.unique(given.tracks[pairs], return_inverse=True)
    columns, detections = np.unique(given.detections[pairs], return_inverse=True)
    features, alone = given.features[:, pairs], given.alone[:, columns]
    return Candidates(tracks, detections, features, alone, len(rows)), rows, columns
