"""A detector in an ONNX file, recognised from the file itself."""

import ast
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.batches import PictureRunner
from mambatrack.detectors.classes import chosen_labels, given_names
from mambatrack.detectors.images import DYNAMIC_SIDE, input_size, size_of
from mambatrack.detectors.layouts import PLAIN, Layout, layout_of
from mambatrack.detectors.nms import suppress
from mambatrack.detectors.onnx_session import Session, open_session
from mambatrack.detectors.rtmdet import RtmdetDetector
from mambatrack.detectors.yolox import YoloxDetector

PROBE_SIZE = 640, 640
LONGEST_SIDE = 1 << 13  # that a file may say it was trained with


class OnnxDetector:
    """names: of the classes, () where neither the file nor its layout tells them;  layout: that
    which the file has"""

    def __init__(self, session: Session, layout: Layout, config: DetectorConfig):
        self.names, self.layout = given_names(config, layout.names), layout
        self.run = PictureRunner(session, together=not layout.flat)
        self._conf, self._nms_iou, self._side = config.conf, config.nms_iou, config.side
        self._labels = chosen_labels(config.classes, self.names)
        self._normalisation = layout.normalisation_for(config.convention, config.weights)
        if session.input.type == "uint8":  # then the network normalises
            self._normalisation = PLAIN

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        return self.of_pictures([image])[0]

    def of_pictures(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The detections of each of several pictures of one size."""
        layout = self.layout
        size = _size(self.run.session, size_of(images[0]), layout.placement, self._side)
        found = []
        for placed, outputs in self.run(images, size, layout.placement, self._normalisation):
            arrays = [outputs[at] if layout.flat else outputs[at][0] for at in layout.order]
            boxes, scores, labels = layout.reader(arrays, size, self._conf)
            found.append(self._chosen(placed.back(boxes), scores, labels))
        return found

    def _chosen(self, boxes: NDArray, scores: NDArray, labels: NDArray) -> Detections:
        found = as_detections(np.column_stack([boxes, scores, labels]))
        if self._labels is not None:
            found = found.select(np.isin(found.labels, list(self._labels)))
        if not self.layout.overlapping:
            return found
        return found.select(suppress(found, self._nms_iou))


def open_onnx(config: DetectorConfig) -> OnnxDetector | YoloxDetector | RtmdetDetector:
    """The detector in the file ``config.weights``, which runs once here, on zeros.

    Raises MambatrackError for a file of which the layout is not known; see layout_of.
    """
    weights = config.weights
    session = open_session(weights, config.backend)
    size = _size(session, PROBE_SIZE)
    outputs = session(np.zeros((1, 3, size[1], size[0]), np.float32))
    layout = layout_of(session.header, outputs, size, weights)
    if layout == "yolox":
        return YoloxDetector(config, session)
    if isinstance(layout, str):
        return RtmdetDetector(config, session)
    return OnnxDetector(session, layout, config)


def _size(
    session: Session, picture: tuple[int, int], placement: str = "", side: int = 0
) -> tuple[int, int]:
    """Of the input, for a picture of (width, height); a stretched one becomes a square where the
    file leaves it open. side: the longer one then; 0: the one that an Ultralytics file tells it was
    trained with."""
    try:
        said = int(np.max(ast.literal_eval(session.header.metadata.get("imgsz", "0"))))
        side = side or (said if 0 < said <= LONGEST_SIDE else 0)
    except (ValueError, SyntaxError, TypeError, OverflowError, MemoryError, RecursionError):
        pass
    return input_size(
        session.input.shape, (1, 1) if placement == "stretched" else picture, side or DYNAMIC_SIDE
    )
