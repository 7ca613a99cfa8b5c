"""How the camera moved, from boxes alone: the shift on which people agree that nobody expected.

Where a motion model expects each person is compared with where somebody alike is seen. People walk
where they like, the camera moves all of them alike. So each pair of an expected and a seen box is
tried as the shift of all, and the best one is refined; how much likelier it makes what is seen than
no shift, with as much doubt of each prediction as the motion model has, says whether it may be
believed. Before a camera that stands that is little, of people who walk together too, as their walk
is expected. What one frame says is not believed unless the frames before said so too, or it says it
loudly. Where of many people hardly anybody is near his place, and no shift of any size explains it,
the view was cut.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import CUT, IDENTITY, UNKNOWN, CameraMotion

Floats = NDArray[np.float64]

LEAST_PEOPLE = 5  # who agree
LEAST_SHARE = 0.6  # of the people, who agree
MOST_PEOPLE = 100  # that are looked at
MOST_SHIFTS = 300  # that are tried
REACH = 1.0  # sizes of a box, that a shift is looked for in
ALIKE = 0.3  # difference in the logarithms of width and height, up to which two boxes may be one
DOUBT, LEAST_DOUBT = 1.5, 0.04  # times the spread of a prediction, of a size
FREEDOM = 3.0  # of Student's distribution of the errors
WORST = 4.0  # log-likelihood that one person can lose
NEAR = 9.0  # squared errors of doubt, within which a person agrees
REFINEMENTS = 5
MEMORY = 0.05  # weight of the newest frame in the mean of the gains
MOVING = 1.5  # mean gain, from which on the camera is one that moves
QUIET, LOUD = 3.0, 8.0  # gain that is believed of a camera that moves, and of any
LEAST_FOR_CUT = 8  # people before a cut, and boxes after it
MOST_FOR_CUT = 0.2  # of the people, who may have somebody alike near their place after a cut


class Agreed(NamedTuple):
    """shift [2] pixels; gain: in log-likelihood over no shift; people who agree, and their share"""

    shift: Floats
    gain: float
    people: int
    share: float


class BoxCamera:
    """The shifts from frame to frame of one tracker.

    evidence: running mean of the gains
    """

    def __init__(self, evidence: float = 0.0):
        self.evidence = evidence

    def __call__(self, expected: Boxes, spread: Boxes, seen: Boxes) -> CameraMotion:
        """expected [N, 4] cxcywh of people seen in the frame before, spread [N, 4] of these
        predictions; seen [M, 4] cxcywh -> the shift, where it can be believed; CUT where the view
        was cut for certain; else UNKNOWN."""
        if is_cut(expected, spread, seen):
            return CUT
        found = agreed_shift(expected, spread, seen)
        if found is None or found.people < LEAST_PEOPLE:
            return UNKNOWN
        self.evidence += MEMORY * (float(np.clip(found.gain, 0, LOUD)) - self.evidence)
        enough = QUIET if self.evidence > MOVING else LOUD
        if found.share < LEAST_SHARE or found.gain < enough:
            return UNKNOWN
        transform = IDENTITY.copy()
        transform[:2, 2] = found.shift
        return CameraMotion(transform, min(found.gain / LOUD, 1.0))


def is_cut(expected: Boxes, spread: Boxes, seen: Boxes) -> bool:
    """Whether of many people hardly anybody is where he was, nor where a shift of all puts him."""
    if min(len(expected), len(seen)) < LEAST_FOR_CUT:
        return False
    _, alike = alike_boxes(expected[:MOST_PEOPLE].astype(np.float64), seen, REACH)
    if alike.any(axis=1).mean() > MOST_FOR_CUT:
        return False
    found = agreed_shift(expected, spread, seen, np.inf)
    return found is None or found.share < LEAST_SHARE


def agreed_shift(
    expected: Boxes, spread: Boxes, seen: Boxes, reach: float = REACH
) -> Agreed | None:
    """The shift of at most ``reach`` sizes of a box that most people agree on; None where there are
    too few."""
    count = min(len(expected), MOST_PEOPLE)
    if min(count, len(seen)) < LEAST_PEOPLE:
        return None
    expected, spread = expected[:count].astype(np.float64), spread[:count]
    sizes = np.sqrt(expected[:, 2] * expected[:, 3])
    steps, alike = alike_boxes(expected, seen, reach)
    person, _ = alike.nonzero()
    if len(person) < LEAST_PEOPLE:
        return None
    steps = steps[alike]
    doubt = np.hypot(DOUBT * spread[:, :2].mean(axis=1), LEAST_DOUBT * sizes)[person]
    tried = steps[:: -(-len(steps) // MOST_SHIFTS)]
    losses = [_losses(steps, shift, doubt, person, count) for shift in (np.zeros(2), *tried)]
    total = np.sum(losses, axis=1)
    best = int(total.argmin())
    shift = _refined(steps, tried[best - 1] if best else np.zeros(2), doubt)
    loss = _losses(steps, shift, doubt, person, count)
    people = int((loss < _loss(np.array(NEAR))).sum())
    return Agreed(shift, float(total[0] - loss.sum()), people, people / count)


def alike_boxes(
    expected: NDArray[np.floating], seen: Boxes, reach: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """[N, M, 2] steps from each expected to each seen box, and [N, M] which of them are within
    reach and lead to a box of about that size."""
    sizes = np.sqrt(expected[:, 2] * expected[:, 3])
    steps = seen[None, :, :2] - expected[:, None, :2]
    logs = np.abs(np.log(seen[None, :, 2:] / expected[:, None, 2:])).max(axis=2)
    near = np.hypot(steps[..., 0], steps[..., 1]) < reach * sizes[:, None]
    return steps, near & (logs < ALIKE)


def _loss(squares: Floats) -> Floats:
    """Of squared errors in units of doubt, of two coordinates together."""
    return (FREEDOM + 2) / 2 * np.log1p(squares / FREEDOM)


def _losses(
    steps: Floats, shift: Floats, doubt: Floats, person: NDArray[np.int64], count: int
) -> Floats:
    """[count] the least loss of each person under a shift, WORST where nobody is near."""
    losses = np.full(count, WORST)
    np.minimum.at(losses, person, _loss(((steps - shift) ** 2).sum(axis=1) / doubt**2))
    return losses


def _refined(steps: Floats, shift: Floats, doubt: Floats) -> Floats:
    """The mean of the steps near a shift, those far from it weighing less."""
    for _ in range(REFINEMENTS):
        squares = ((steps - shift) ** 2).sum(axis=1) / doubt**2
        weights = (squares < 2 * NEAR) / (1 + squares / FREEDOM) / doubt**2
        if weights.sum() == 0:
            return shift
        shift = (steps * weights[:, None]).sum(axis=0) / weights.sum()
    return shift
