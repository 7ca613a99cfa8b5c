"""RTMDet from an ONNX file with the suppression inside, as MMDeploy exports it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.batches import PictureRunner
from mambatrack.detectors.classes import chosen_labels, given_names, names_of
from mambatrack.detectors.images import DYNAMIC_SIDE, Normalisation, input_size, size_of
from mambatrack.detectors.onnx_session import Session, open_session
from mambatrack.errors import MambatrackError

NORMALISATION = Normalisation(
    rgb=False, mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)
)
HEAD = "bbox_head.rtm_cls"  # its weights have a row for each class
PROBE_SIZE = 320, 320


class RtmdetDetector:
    """names: of as many classes as the weights of the head are for, () where that cannot be told.
    The suppression, with its threshold, is part of the file.

    session: of the file config.weights where it is open already
    """

    def __init__(self, config: DetectorConfig, session: Session | None = None):
        weights = config.weights
        if config.backend == "opencv":
            raise MambatrackError(
                "RTMDet needs onnxruntime: OpenCV fails on outputs whose length depends on the "
                "image; pip install 'mambatrack[onnx]' and leave detector.backend at auto"
            )
        session = session or open_session(weights, "onnxruntime")
        self.run, self._weights = PictureRunner(session), weights
        self._shape, self._side = session.input.shape, config.side or DYNAMIC_SIDE
        self._conf = config.conf
        heads = (shape for name, shape in session.header.weights if HEAD in name)
        count = next((shape[0] for shape in heads if shape and shape[0]), 0)
        self.names = given_names(config, names_of(count))
        self._labels = chosen_labels(config.classes, self.names)
        size = input_size(self._shape, PROBE_SIZE)
        self._read(session(np.zeros((1, 3, size[1], size[0]), np.float32)))

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        return self.of_pictures([image])[0]

    def of_pictures(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The detections of each of several pictures of one size."""
        size = input_size(self._shape, size_of(images[0]), self._side)
        found = []
        for placed, outputs in self.run(images, size, "corner", NORMALISATION):
            boxes, labels = self._read(outputs)
            kept = boxes[:, 4] >= self._conf
            if self._labels is not None:
                kept &= np.isin(labels, list(self._labels))
            rows = np.column_stack([placed.back(boxes[:, :4]), boxes[:, 4], labels])
            found.append(as_detections(rows[kept]))
        return found

    def _read(self, outputs: Sequence[NDArray]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """``boxes [n, 5]`` xyxy score, ``labels [n]``; refuses any other output."""
        shapes = [output.shape for output in outputs]
        fitting = (
            len(shapes) == 2
            and len(shapes[0]) == 3
            and shapes[0][2] == 5
            and shapes[1] == shapes[0][:2]
        )
        if not fitting:
            found = ", ".join(str(list(shape)) for shape in shapes)
            raise MambatrackError(
                f"{self._weights}: {len(shapes)} output(s) of shape {found}; an RTMDet file with "
                "the suppression inside has two, dets [1, n, 5] and labels [1, n]"
            )
        labels = outputs[1][0].astype(np.int64)
        return outputs[0][0], labels
