"""YOLOX from an ONNX file: both pre-processing conventions, raw and decoded heads, any classes."""

import logging
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.batches import PictureRunner
from mambatrack.detectors.classes import chosen_labels, given_names, names_of
from mambatrack.detectors.images import DYNAMIC_SIDE, Normalisation, input_size, size_of
from mambatrack.detectors.nms import suppress
from mambatrack.detectors.onnx_session import Session, open_session
from mambatrack.errors import MambatrackError

CONVENTIONS = {
    "current": Normalisation(rgb=False, mean=(0, 0, 0), std=(1, 1, 1)),
    "legacy": Normalisation(rgb=True, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
}
STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32, 64), (16, 32))
PROBE_SIZE = 640, 640

_log = logging.getLogger(__name__)


class YoloxDetector:
    """names: of the classes;  convention: "legacy" or "current";  decoded: the head gives pixels

    session: of the file config.weights where it is open already
    The network runs once when it is opened, on an input of zeros, so that a file with other outputs
    is refused before any work starts.
    """

    def __init__(self, config: DetectorConfig, session: Session | None = None):
        weights, convention = config.weights, config.convention
        session = session or open_session(weights, config.backend)
        self.run, self._weights = PictureRunner(session), weights
        self._shape, self._side = session.input.shape, config.side or DYNAMIC_SIDE
        self._conf, self._nms_iou = config.conf, config.nms_iou
        size = input_size(self._shape, PROBE_SIZE)
        head = self._head(session(np.zeros((1, 3, size[1], size[0]), np.float32)))
        self.decoded = is_decoded(head, size)
        self.names = given_names(config, names_of(head.shape[1] - 5))
        self._labels = chosen_labels(config.classes, self.names)
        if convention == "auto":
            convention = session.header.metadata.get("convention", "")
        if convention not in CONVENTIONS:
            convention = guess_convention(len(self.names), weights)
        self.convention = convention

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        return self.of_pictures([image])[0]

    def of_pictures(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The detections of each of several pictures of one size."""
        size = input_size(self._shape, size_of(images[0]), self._side)
        found = []
        for placed, outputs in self.run(images, size, "corner", CONVENTIONS[self.convention]):
            head = self._head(outputs)
            boxes, scores, labels = read_head(head, size, self.decoded, self._conf)
            rows = np.column_stack([placed.back(boxes), scores, labels])
            found.append(self._chosen(as_detections(rows)))
        return found

    def _chosen(self, found: Detections) -> Detections:
        if self._labels is not None:
            found = found.select(np.isin(found.labels, list(self._labels)))
        return found.select(suppress(found, self._nms_iou))

    def _head(self, outputs: Sequence[NDArray]) -> NDArray[np.float32]:
        """``head [A, 5 + C]``; refuses any other output."""
        shapes = [list(output.shape) for output in outputs]
        if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][0] != 1 or shapes[0][2] < 6:
            raise MambatrackError(
                f"{self._weights}: {len(shapes)} output(s) of shape "
                f"{', '.join(map(str, shapes))}; a YOLOX file has one, [1, anchors, 5 + classes]"
            )
        head: NDArray[np.float32] = outputs[0][0]
        return head


def guess_convention(classes: int, weights: str) -> str:
    """A model of one class is taken for one of ByteTrack's ("legacy"), any other for "current"."""
    guess = "legacy" if classes == 1 else "current"
    level = logging.INFO if classes == 80 else logging.WARNING
    message = "%s: classes: %d, so pre-processing is taken to be %r; if boxes are poor, set %s"
    _log.log(level, message, weights, classes, guess, "detector.convention")
    return guess


def read_head(
    head: NDArray[np.float32], size: tuple[int, int], decoded: bool, conf: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """``head [A, 5 + C]``: box, objectness, class scores -> boxes [N, 4] xyxy in pixels of the
    input, scores [N] = objectness * best class score >= conf, labels [N]."""
    hopeful = np.flatnonzero(head[:, 4] >= conf)
    labels = head[hopeful, 5:].argmax(axis=1)
    scores = head[hopeful, 4] * head[hopeful, 5 + labels]
    good = scores >= conf
    rows = hopeful[good]
    boxes = head[rows, :4]
    if not decoded:
        cells, strides = anchors(len(head), size)
        with np.errstate(over="ignore"):
            boxes = np.concatenate([boxes[:, :2] + cells[rows], np.exp(boxes[:, 2:])], axis=1)
        boxes *= strides[rows, None]
    with np.errstate(invalid="ignore"):  # what is not finite is dropped with the detections
        return cxcywh_to_xyxy(boxes), scores[good], labels[good]


def is_decoded(head: NDArray[np.float32], size: tuple[int, int]) -> bool:
    """Whether ``head [A, 5 + C]`` holds pixels, not offsets from the cells of the grid.

    A centre lies near its own cell in both cases. Raw, columns 0 and 1 are a small offset, in
    cells; decoded, they are small only after the cell's own position is subtracted. So the reading
    that leaves the smaller distances (median over all anchors) is the right one; measured, by
    a factor above 30 on blank input and on noise.
    """
    cells, strides = anchors(len(head), size)
    as_raw = np.abs(head[:, :2])
    as_pixels = np.abs(head[:, :2] / strides[:, None] - cells)
    return bool(np.median(as_pixels) < np.median(as_raw))


def strides_of(count: int, size: tuple[int, int]) -> tuple[int, ...] | None:
    """The usual strides that make ``count`` anchors of an input of ``size``, if any do."""
    for strides in STRIDES:
        if sum((size[0] // stride) * (size[1] // stride) for stride in strides) == count:
            return strides
    return None


@lru_cache(maxsize=8)
def anchors(count: int, size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cells ``[A, 2]`` (x, y in cells) and strides ``[A]`` of an input of ``size``, fine to coarse.

    The strides are those of the usual layouts that make ``count`` anchors.
    """
    strides = strides_of(count, size)
    if strides is None:
        raise MambatrackError(
            f"the head has {count} anchors, which no known YOLOX layout (strides 8, 16, 32 and "
            f"the like) makes of an input of {size[0]}x{size[1]} pixels"
        )
    grids = [(size[0] // stride, size[1] // stride) for stride in strides]
    cells = [np.indices((h, w))[::-1].reshape(2, -1).T for w, h in grids]
    steps = [np.full(w * h, stride) for (w, h), stride in zip(grids, strides, strict=True)]
    return np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)
