"""Tracks of several results joined where they are one person, by codes of what they look like.

Each pair gets a probability, by the calibration of the streams and by who else could be meant; two
that are seen in one picture together are two people. The best pairs, all of them weighed at once (a
matching of largest weight), become one person each with one code, and so on until nobody is sure
enough of anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats, of_length_1
from mambatrack.appearance.surety import likeliest, of_people, surety

MOST_SURE = 1 - 1e-6

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Link:
    """Two of the tracks, by place, that are one person, and those who were found to be it too.

    probability: that they are one person, when they were joined;  similarity: of the two
    """

    one: int
    other: int
    probability: float
    similarity: float


def link(
    codes: Floats, looks: NDArray[np.int64], apart: Mask, calibration: Calibration, least: float
) -> tuple[NDArray[np.int64], list[Link]]:
    """Which of N tracks are one person.

    codes [N, E]: of length 1, of so many looks [N] each;  apart [N, N]: who are two for certain;
    least: probability from which two are one, at least .5
    -> people [N], of each track the place of the first one of that person; and the links, by which
    each of them follows, in the order in which they were found
    """
    people = np.arange(len(codes))
    links: list[Link] = []
    while True:
        firsts = np.unique(people)
        member = people == firsts[:, None]  # [P, N]
        merged = of_length_1(member @ (codes * looks[:, None]))
        kept_apart = (member.astype(np.float32) @ apart @ member.T) > 0
        sure = pair_surety(merged.astype(np.float32), kept_apart, calibration)
        pairs = best_pairs(sure, least)
        if not pairs:
            return people, links
        for one, other in pairs:
            links.append(_link(codes, member[one], member[other], float(sure[one, other])))
            people[member[other]] = firsts[one]


def pair_surety(codes: Floats, apart: Mask, calibration: Calibration) -> Floats:
    """[P, P] probability that two are one person, as far as both of them say so."""
    sure = np.zeros((len(codes), len(codes)), np.float32)
    alike = codes @ codes.T
    able = ~apart & ~np.eye(len(codes), dtype=bool)
    for row in np.flatnonzero(able.any(axis=1)).tolist():
        others = np.flatnonzero(able[row])
        told = surety(calibration, alike[row, others], among=None)
        rows = likeliest(told)
        near = others[rows]
        two = apart[np.ix_(near, near)]
        sure[row, others] = of_people(told, rows, codes[near], calibration, two, None)
    return np.minimum(sure, sure.T)


def best_pairs(sure: Floats, least: float) -> Sequence[tuple[int, int]]:
    """Of each at most one pair, of which the probability is ``least``: those whose log-odds have
    the largest sum, the surest first."""
    one, other = np.nonzero(np.triu(sure, 1) >= least)
    told = np.clip(sure[one, other].astype(np.float64), 0.5, MOST_SURE)
    graph: nx.Graph = nx.Graph()
    graph.add_weighted_edges_from(zip(one, other, np.log(told / (1 - told)) + 1e-9, strict=True))
    pairs = [(int(min(pair)), int(max(pair))) for pair in nx.max_weight_matching(graph)]
    return sorted(pairs, key=lambda pair: (-sure[pair], pair))


def _link(codes: Floats, one: Mask, other: Mask, probability: float) -> Link:
    """Of two people the two tracks that look most alike."""
    ours, theirs = one.nonzero()[0], other.nonzero()[0]
    alike = codes[ours] @ codes[theirs].T
    row, column = np.unravel_index(int(alike.argmax()), alike.shape)
    return Link(int(ours[row]), int(theirs[column]), probability, float(alike[row, column]))
