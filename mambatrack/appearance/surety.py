"""How sure it is that somebody is one of those who are known, by codes of what they look like."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.returns import return_odds

Mask = NDArray[np.bool_]
STRANGERS = 0.5  # share of new tracks that are nobody of the gallery
NONE = np.zeros(0, np.float32)
UNEXPECTED = 1e-4  # share of similarities, of several cameras, that are of neither distribution
ELSEWHERE = 0.8  # factor on log-odds, as people look less like themselves on another camera
MOST_LATER = 5.5  # log-odds of whom another camera saw before, as strangers look alike by chance
LIKELIEST = 16  # codes of which it is asked whether they are one person's
BLOCK = 256  # codes of which the largest is looked for first


def surety(
    calibration: Calibration, similarities: Floats, together: Mask | None = None,
    joint: float = 0.0, among: Floats | None = NONE, here: Mask | None = None,
) -> Floats:  # fmt: skip
    """[G] probability that somebody is each of those with these similarities [G], of whom it is one
    at most. together [G]: which are in view elsewhere at the same time, as a share ``joint`` of all
    new tracks is, where anybody is; among: as of return_odds(), None of results of several cameras;
    here [G]: whom the same camera saw last, all where it is None."""
    odds = _odds(calibration, similarities, among, here)
    at_once = np.zeros(len(odds), bool) if together is None else together
    if here is not None and at_once.any():
        odds[at_once] = _odds(calibration, similarities[at_once], None)
    joint = joint if at_once.any() else 0.0
    strangers = (1 - joint) * (STRANGERS if not at_once.all() else 1.0)
    back = (1 - joint) - strangers
    seen, left = int(np.count_nonzero(at_once)), int(np.count_nonzero(~at_once))
    shares = np.where(at_once, joint / max(seen, 1), back / max(left, 1))
    weights = np.exp(odds) * shares
    return weights / (strangers + weights.sum())


def _odds(
    calibration: Calibration, similarities: Floats, among: Floats | None, here: Mask | None = None
) -> Floats:
    """Of several cameras, nobody looks as exactly like himself as on one: their light is not the
    same. So there the bell curves of the calibration count, of one width for both kinds."""
    if among is None:
        return ELSEWHERE * calibration.log_odds(similarities, UNEXPECTED)
    odds = return_odds(calibration, similarities, among)
    if here is None or here.all():
        return odds
    there = np.minimum(_odds(calibration, similarities, None), MOST_LATER)
    return np.where(here, odds, there)


def likeliest(sure: Floats) -> NDArray[np.int64]:
    """The rows [R] of the largest, of which it is worth to ask whether they are one person's."""
    if len(sure) <= LIKELIEST:
        return np.arange(len(sure))
    largest = np.maximum.reduceat(sure, np.arange(0, len(sure), BLOCK))
    least = np.sort(largest)[-LIKELIEST] if len(largest) > LIKELIEST else sure.min()
    (rows,) = (sure >= least).nonzero()  # a partition of all of them takes ten times as long
    return rows[(-sure[rows]).argsort(kind="stable")[:LIKELIEST]]


def of_people(
    sure: Floats,
    rows: NDArray[np.int64],
    codes: Floats,
    calibration: Calibration,
    apart: Mask | None = None,
    among: Floats | None = NONE,
    here: Mask | None = None,
) -> Floats:
    """sure [G] that somebody is each of those who are known -> that he is the person of each, who
    may be known by several codes, as he was not known again in between. rows [R]: who are looked
    at, with their codes [R, E]. apart [R, R]: which of them are two people for certain; among: as
    of surety(); here [R, R]: which two one camera saw, all where it is None."""
    odds = _odds(calibration, codes @ codes.T, among, here)
    prior = (1 - STRANGERS) / max(len(sure) - 1, 1)
    same = prior / (prior + (1 - prior) * np.exp(-odds))
    if apart is not None:
        same[apart] = 0.0
    np.fill_diagonal(same, 1.0)
    people = sure.copy()
    people[rows] = np.minimum(same @ sure[rows], 1.0)
    return people
