"""Objects that move by more than their size from frame to frame: balls, or people at one frame a
second.

Such a one does not overlap where it was, so no association has it among its candidates, and it
would start as another track in every frame. Here a detection that is about to start a track goes on
as a lost one instead, where one is known to move so fast, or where that is what this scene is like.
"""

from collections.abc import Sequence

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.crowds import MOST_PAIRS
from mambatrack.association.interface import Association
from mambatrack.association.pairs import Pairs, best
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.motion.predictor import Predictor
from mambatrack.track_table import NOBODY, TrackTable

FAST = 0.5  # sizes per update; who is so fast is lost for it
BRISK = 0.25  # the same where many are
STEPS = 5  # updates; who was lost for longer may be anywhere
STEPS_ONCE = 2  # the same of a track that was seen once, so that nobody knows where it goes
KNOWN = 3  # detections that tell how fast a track is
FEWEST = 3  # brisk ones of a class that tell what a scene is like
SHARE = 0.5  # of the tracks of a class that were seen in the last STEPS
LIKENESS = 0.5  # of the logarithms of width and height, at most


def reach_of(config: TrackerConfig, association: Association) -> float:
    """The setting; 0 by overlap, which matches nothing else."""
    return 0.0 if association.match_odds is None else config.reach


def follow_leaps_of_all(
    tables: Sequence[TrackTable],
    found: Detections,
    births: Sequence[Indices],
    predictor: Predictor,
    reach: float,
) -> tuple[list[Indices], Indices]:
    """follow_leaps() in the table of each hypothesis -> what starts still, of each, and the ids [.]
    of the tracks that were moved in the first."""
    followed = [
        follow_leaps(table, found, found.centred, own, predictor, reach)
        for table, own in zip(tables, births, strict=True)
    ]
    return [born for born, _ in followed], followed[0][1]


def follow_leaps(
    table: TrackTable,
    found: Detections,
    boxes: Boxes,
    born: Indices,
    predictor: Predictor,
    reach: float,
) -> tuple[Indices, Indices]:
    """After the matched tracks were moved to their detections: moves lost tracks to detections that
    would start others, in the table and in the predictor's state.

    found, boxes [M, 4]: the detections, and the same as cxcywh pixels; born [.]: those that would
    start tracks; reach: as the setting of this name. -> those that still do [.], and the ids [.] of
    the tracks that were moved
    """
    rows, places = _leaps(table, found, boxes, born, reach)
    if not len(rows):
        return born, NOBODY
    seen = born[places]
    moved = boxes.take(seen, axis=0)
    predictor.correct(table["motion"], rows, moved)
    table["streak"][rows] = 0  # where it was says nothing of the detector's noise
    table.observe(rows, moved, found, seen)
    return np.delete(born, places), table["ids"][rows]


def _leaps(
    table: TrackTable, found: Detections, boxes: Boxes, born: Indices, reach: float
) -> tuple[Indices, Indices]:
    """Rows of the table [K], and places in ``born`` of the detections [K] where they are now."""
    rows = _able(table) if len(born) else NOBODY
    if not len(rows) or len(rows) * len(born) > MOST_PAIRS:
        return NOBODY, NOBODY
    steps = table["gap"] / table.span
    last, now = table["last"][rows, None], boxes[None, born]
    size = np.sqrt(last[..., 2] * last[..., 3] * now[..., 2] * now[..., 3]) ** 0.5
    moved = (table.velocity[rows] * table["gap"][rows, None])[:, None]
    step = now[..., :2] - last[..., :2]
    from_last, from_expected = (
        np.linalg.norm(each, axis=-1) / size for each in (step, step - moved)
    )
    like = (np.abs(np.log(now[..., 2:] / last[..., 2:])) <= LIKENESS).all(axis=-1)
    like &= table["labels"][rows, None] == found.labels[None, born]
    reached = np.minimum(from_last, from_expected) <= reach * steps[rows, None]
    tracks, places = (like & reached).nonzero()
    nearness = 1 / (1 + from_expected[tracks, places])
    chosen = best(Pairs(tracks, places, nearness))
    return rows[tracks[chosen]], places[chosen]


def _able(table: TrackTable) -> Indices:
    """Rows of the lost tracks that may have leapt: those known to be fast and, where so many of
    their class are brisk or were seen in a single update, all of it."""
    if not ((table["gap"] > 0) & (table["gap"] <= STEPS * table.span)).any():
        return NOBODY
    missed, hits = table["gap"] / table.span, table["hits"]
    size = np.sqrt(table["last"][:, 2] * table["last"][:, 3])
    speed = np.linalg.norm(table.velocity, axis=1) * table.span / size
    recent, lost = missed <= STEPS, missed > 0
    fleeting = recent & ((speed >= BRISK) | ((hits == 1) & lost))
    if not fleeting.any():
        return NOBODY
    _, of = np.unique(table["labels"], return_inverse=True)
    count, all_recent = np.bincount(of, fleeting), np.bincount(of, recent)
    usual = (count >= FEWEST) & (count >= SHARE * all_recent)
    known = (speed >= FAST) & (hits >= KNOWN)
    near = (hits > 1) | (missed <= STEPS_ONCE)
    return (lost & recent & (known | (usual[of] & near))).nonzero()[0]
