"""The memory of a tracker that knows the whole sequence: people who come back have one id.

Each track is compared, in the order in which they begin, with all who left before it began, as
memory.py does; but both are known from end to end, and so are their codes.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats, of_length_1
from mambatrack.appearance.gallery import Gallery
from mambatrack.appearance.returns import similarities_among
from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.appearance.surety import likeliest, of_people, surety
from mambatrack.assignment import Indices
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.offline_sequence import OfflineSequence
from mambatrack.tracking.people import ENOUGH


def people_of(
    sequence: OfflineSequence, looks: SequenceLooks, ids: Indices, memory: MemoryConfig, rate: float
) -> Indices:
    """ids [D]: of the track of each detection, from 1 in the order in which they begin, -1 for none
    -> by id, from 0, the first id of the same person [N + 1]. rate: frames a second, where no times
    are known."""
    of = np.maximum(ids, 0)
    count = int(of.max(initial=0)) + 1
    boxes = [each.boxes for each in sequence.found]
    known = looks.of_tracks(boxes, np.split(of, sequence.first[1:-1]), count)
    first, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    first[of[::-1]], last[of] = sequence.frame[::-1], sequence.frame  # the last one written stays
    seconds = sequence.seconds(rate)
    return _first_tracks(*known, seconds[first], seconds[last], memory)


def _first_tracks(
    sums: Floats,
    looks: Indices,
    calibration: Calibration,
    begun: NDArray[np.float64],
    ended: NDArray[np.float64],
    memory: MemoryConfig,
) -> Indices:
    """sums [P, E] of what tracks look like, of so many looks [P] each, which begin and end at these
    seconds [P] -> of each the first track [P] of the same person."""
    people, codes, sums = np.arange(len(sums)), of_length_1(sums), sums.copy()
    gallery = Gallery(sums.shape[1], memory.size)
    (known,) = (looks >= ENOUGH).nonzero()
    leaving = known[ended[known].argsort(kind="stable")].tolist()
    for row in known[begun[known].argsort(kind="stable")].tolist():
        while leaving and ended[leaving[0]] < begun[row]:
            own = people[[leaving.pop(0)]]
            gallery.add(own, of_length_1(sums[own]), ended[people == own].max(keepdims=True))
        gallery.forget_before(begun[row] - memory.seconds)
        old = _recognised(codes[row], gallery, calibration, memory.surety)
        if old is not None:
            gallery.forget(np.array([old]))
            sums[old] += sums[row]
            people[row] = old
    return people


def _recognised(
    code: Floats, gallery: Gallery, calibration: Calibration, least: float
) -> int | None:
    """Who of the gallery has this code [E], at this probability; of several the first."""
    if not len(gallery):
        return None
    among = similarities_among(gallery.codes, np.arange(len(gallery)))
    sure = surety(calibration, gallery.codes @ code, among=among)
    rows = likeliest(sure)
    sure = of_people(sure, rows, gallery.codes[rows], calibration, among=among)
    able = gallery.ids[sure >= least]
    return int(able.min()) if len(able) else None
