"""What the boxes of a whole sequence look like: every clean box is looked at once, while there are
pictures, so that the sequence can be tracked several times without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import Calibration, Prior, Similarities
from mambatrack.appearance.clean import clean
from mambatrack.appearance.codes import Codes
from mambatrack.appearance.embedder import Embeddings, Floats, of_length_1
from mambatrack.appearance.looks import KNOWN
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections, as_detections
from mambatrack.tracks import Tracks


@dataclass(frozen=True)
class FrameLooks:
    """boxes [K, 4] xyxy of one frame, in which something is to be seen, and their vectors [K, E]"""

    boxes: Boxes
    vectors: NDArray[np.float16]


class SequenceLooks:
    """found: of each frame so far; frames: what its clean boxes look like"""

    def __init__(self, appearance: Appearance):
        self.appearance = appearance
        self.found: list[Detections] = []
        self.frames: list[FrameLooks] = []

    def note(self, image: Any, detections: Any) -> None:
        """The next frame. image: as Tracker.update takes it, None where there is none;
        detections: likewise."""
        found = as_detections(detections)
        self.found.append(found)
        boxes = found.boxes
        rows = np.arange(0 if image is None or not np.size(image) else len(boxes))
        self.appearance.boxes += len(rows)
        rows = rows[clean(boxes, rows)]
        vectors = np.zeros((0, self.appearance.embedder.size), np.float32)
        if len(rows) and not self.appearance.gave_up:
            vectors, usable = self.appearance.look(image, boxes[rows])
            rows, vectors = rows[usable], vectors[usable]
        self.frames.append(FrameLooks(boxes[rows[: len(vectors)]], vectors.astype(np.float16)))

    def of_tracks(
        self, boxes: Sequence[Boxes], tracks: Sequence[NDArray[np.int64]], count: int
    ) -> tuple[Floats, NDArray[np.int64], Calibration]:
        """boxes [N, 4] of each frame, and the tracks [N] that they are on, from 1, 0 for none ->
        the sums of what each of so many tracks looks like [count, E], its looks [count], and what
        similarities are worth: each look is compared with all others of its track, and with those
        of the tracks that are seen with it."""
        again, seen = self.again(), []
        for frame, own, of in zip(self.frames, boxes, tracks, strict=True):
            vectors, usable = again(frame, own)
            usable &= of > 0
            if usable.any():
                seen.append((of[usable], vectors[usable]))
        sums = np.zeros((count, again.size), np.float32)
        looks = np.zeros(count, np.int64)
        for of, vectors in seen:
            np.add.at(sums, of, vectors)
            np.add.at(looks, of, 1)
        same, others = Similarities(), Similarities()
        for of, vectors in seen:
            known = looks[of] > KNOWN
            products = vectors[known] @ sums[of[known]].T
            lengths = np.maximum(np.linalg.norm(sums[of[known]], axis=1), 1e-9)
            own = products.diagonal()
            same.note((own - 1) / np.sqrt(np.maximum(lengths**2 - 2 * own + 1, 1e-9)))
            others.note((products / lengths)[~np.eye(len(own), dtype=bool)])
        return sums, looks, Calibration(same, others, again.prior)

    def codes(self, tracks: Sequence[Tracks]) -> tuple[Codes, Calibration]:
        """tracks: of each frame -> what each id looks like that was seen clean, and what
        similarities are worth."""
        count = max((int(each.ids.max(initial=0)) for each in tracks), default=0) + 1
        numbers = [_ids_of(*each) for each in zip(self.found, tracks, strict=True)]
        boxes = [each.boxes for each in self.found]
        sums, looks, calibration = self.of_tracks(boxes, numbers, count)
        (ids,) = looks.nonzero()
        return Codes(ids, of_length_1(sums[ids]), looks[ids]), calibration

    def again(self) -> "LookedUp":
        """An embedder that tells what was seen."""
        own = self.appearance.embedder
        return LookedUp(own.name, own.size, getattr(own, "prior", None))


def _ids_of(found: Detections, tracks: Tracks) -> NDArray[np.int64]:
    """[N] of the track that each detection of a frame is on, 0 for none. Its box is not the one
    that is looked for: it may be steadied."""
    ids = np.zeros(len(found), np.int64)
    _, here, there = np.intersect1d(found.rows, tracks.det_ind, return_indices=True)
    ids[here] = tracks.ids[there]
    return ids


class LookedUp:
    """An Embedder whose pictures are FrameLooks: it looks at nothing, and knows what was seen."""

    def __init__(self, name: str, size: int, prior: Prior | None = None):
        self.name, self.size, self.prior = name, size, prior

    def __call__(self, image: Any, boxes: Boxes) -> Embeddings:
        rows, places = (boxes[:, None] == image.boxes).all(axis=2).nonzero()
        vectors: Floats = np.zeros((len(boxes), self.size), np.float32)
        vectors[rows] = image.vectors[places]
        usable = np.zeros(len(boxes), bool)
        usable[rows] = True
        return Embeddings(vectors, usable)
