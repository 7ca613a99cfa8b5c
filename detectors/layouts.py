"""Which detector an ONNX file holds, told from what it says and from the shapes of its outputs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors import output_readers as readers
from mambatrack.detectors.classes import COCO_IDS, names_in, names_of
from mambatrack.detectors.images import Normalisation
from mambatrack.detectors.onnx_file import OnnxHeader
from mambatrack.detectors.onnx_input import shown_arrays
from mambatrack.detectors.yolox import CONVENTIONS, strides_of
from mambatrack.errors import MambatrackError

UNIT = Normalisation(rgb=True, mean=(0, 0, 0), std=(255, 255, 255))
PLAIN = Normalisation(rgb=True, mean=(0, 0, 0), std=(1, 1, 1))
IMAGENET = CONVENTIONS["legacy"]
BOXES_ONLY = ("detect", "segment", "pose")  # Ultralytics tasks whose first columns are boxes
SUPPORTED = (
    "Ultralytics YOLOv8 to YOLO26 ([1, 4 + C, N] or [1, n, 6]) and RT-DETR ([1, n, 4 + C]), YOLOv5 "
    "and YOLOv7 ([1, N, 5 + C]), YOLOX ([1, N, 5 + C]), RTMDet (dets [1, n, 5], labels [1, n]), "
    "RF-DETR (dets [1, n, 4], labels [1, n, C]), RT-DETR, D-FINE and DEIM (labels, boxes, scores, "
    "with the input orig_target_sizes), RT-DETR of transformers (logits, pred_boxes), "
    "YOLO-NAS ([1, N, 4], [1, N, C]), "
    "YOLO-NAS and YOLOv7 with their suppression ([n, 7] or four outputs, by their names), "
    "PaddleDetection with its suppression (inputs image, scale_factor and perhaps im_shape; [n, "
    "6]), torchvision ([n, 4], labels [n] and scores [n], of one picture), TensorFlow's Object "
    "Detection API (detection_boxes, detection_scores, detection_classes)"
)
# family -> what the names of four outputs end with: count, boxes, scores, classes
COUNTED = {
    "YOLO-NAS, suppressed": ("num_predictions", "pred_boxes", "pred_scores", "pred_classes"),
    "YOLOv7, suppressed": ("num_dets", "det_boxes", "det_scores", "det_classes"),
}
TENSORFLOW = "detection_boxes", "detection_scores", "detection_classes"
# kinds of numbers and columns of boxes, scores and labels
TORCHVISION: tuple[tuple[str, tuple[int, ...]], ...] = ("f", (4,)), ("f", ()), ("iu", ())

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """family: who makes such files;  order: of the outputs, as the reader takes them;  placement:
    of the picture in the input;  overlapping: whether the boxes have to be suppressed
    flat: the outputs have no dimension for the pictures;  legacy: normalisation of older files"""

    family: str
    reader: readers.Reader
    names: tuple[str, ...] = ()
    order: tuple[int, ...] = (0,)
    placement: str = "centre"
    normalisation: Normalisation = UNIT
    overlapping: bool = False
    flat: bool = False
    legacy: Normalisation | None = None

    def normalisation_for(self, convention: str, weights: str) -> Normalisation:
        """convention: the setting, which counts where files of this layout differ. Raises
        MambatrackError where it would have no effect."""
        if self.legacy is None and convention != "auto":
            raise MambatrackError(
                f"{weights} is {self.family}, of which all files take the same pixels; leave "
                "detector.convention at auto"
            )
        if self.legacy is None:
            return self.normalisation
        if convention == "auto":
            _log.warning("%s: pre-processing is taken to be 'current'; if boxes are poor, set "
                         "detector.convention to legacy", weights)  # fmt: skip
        return self.legacy if convention == "legacy" else self.normalisation


def layout_of(
    header: OnnxHeader, outputs: Sequence[NDArray], size: tuple[int, int], weights: str
) -> Layout | str:
    """The layout; "yolox" or "rtmdet" where the file is one for these detectors.

    outputs: for a picture of ``size`` (width, height). Raises MambatrackError for a file that is
    none of these, with the names and shapes of its outputs and what is supported.
    """
    names = names_in(header.metadata)
    task = header.metadata.get("task", "detect")
    if task not in BOXES_ONLY:
        raise _unknown(header, outputs, weights, f"an Ultralytics model for the task {task}")
    found: Layout | str | None = _of_suppressed(header, outputs, names)
    if found is not None:
        return found
    if outputs[0].ndim == 3 and (len(outputs) == 1 or task == "segment"):
        found = _of_one(header, outputs[0].shape[1:], names, size)
    elif len(outputs) == 2:
        found = _of_two(header, outputs, names, size)
    elif len(outputs) == 3:
        found = _of_three(header, outputs, names)
    if found is None:
        raise _unknown(header, outputs, weights, _resemblance(header, outputs))
    return found


def _of_suppressed(
    header: OnnxHeader, outputs: Sequence[NDArray], names: tuple[str, ...]
) -> Layout | None:
    """Of the files that give no more than the boxes that are left, those told by their names."""
    if _is_paddle(header):
        return _of_paddle(outputs, names)
    titles = [name for name, _ in header.outputs]
    bare = [name.removesuffix(":0") for name in titles]
    if all(name in bare for name in TENSORFLOW):
        order = tuple(map(bare.index, TENSORFLOW))
        return Layout(
            "TensorFlow", readers.of_tensorflow, names, order, _as_given(header), PLAIN, flat=True
        )
    if len(header.inputs) == 1 and len(outputs) >= len(TORCHVISION):
        found = [_only(outputs, *wanted) for wanted in TORCHVISION]
        if None not in found:
            order = tuple(at for at in found if at is not None)
            return Layout("torchvision", readers.boxes_scores_labels, names, order, flat=True)
    if _is_numbered(outputs) and titles[0].endswith("flat_predictions"):
        return Layout("YOLO-NAS, suppressed", readers.numbered_rows(5, 6), names, flat=True)
    if _is_numbered(outputs) and titles[0] == "output":
        return Layout("YOLOv7, suppressed", readers.numbered_rows(6, 5), names, flat=True)
    for family, ends in COUNTED.items():
        order = tuple(at for end in ends for at, name in enumerate(titles) if name.endswith(end))
        if len(order) == len(ends) == len(titles):
            return Layout(family, readers.counted_boxes, names, order)
    return None


def _only(outputs: Sequence[NDArray], kinds: str, columns: tuple[int, ...]) -> int | None:
    """The one output of rows of this kind and number of columns, None where it is not one."""
    found = [
        at for at, each in enumerate(outputs) if each.dtype.kind in kinds
        and each.ndim == 1 + len(columns) and each.shape[1:] == columns
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _as_given(header: OnnxHeader) -> str:
    """Where the size is open the network fits the picture in by itself, else it was trained with
    stretched ones."""
    return "centre" if None in header.inputs[0][1][1:] else "stretched"


def _is_numbered(outputs: Sequence[NDArray]) -> bool:
    """Whether there are rows of the boxes of all pictures, with the number of the picture."""
    return len(outputs) == 1 and outputs[0].ndim == 2 and outputs[0].shape[1] == 7


def _is_paddle(header: OnnxHeader) -> bool:
    return any(name == "scale_factor" for name, _ in header.inputs)


def _of_paddle(outputs: Sequence[NDArray], names: tuple[str, ...]) -> Layout | None:
    tables = [at for at, each in enumerate(outputs) if each.ndim == 2 and each.shape[1] == 6]
    if len(tables) != 1:
        return None
    return Layout(
        "PaddleDetection", readers.labelled_rows, names, (tables[0],), "stretched",
        flat=True, legacy=IMAGENET,
    )  # fmt: skip


def _of_one(
    header: OnnxHeader, shape: tuple[int, ...], names: tuple[str, ...], size: tuple[int, int]
) -> Layout | str | None:
    rows, columns = shape
    ultralytics = bool(header.metadata.get("task"))
    transposed = strides_of(columns, size) and rows >= 4 + max(1, len(names))
    if transposed and (ultralytics or not strides_of(rows, size)):
        classes = len(names) or rows - 4
        reader = readers.columns_of_anchors(classes)
        named = names or names_of(classes)
        return Layout("Ultralytics YOLO", reader, named, overlapping=True)
    if rows % 3 == 0 and strides_of(rows // 3, size) and columns > 5:
        named = names or names_of(columns - 5)
        return Layout("YOLOv5 or YOLOv7", readers.anchors_with_objectness, named, overlapping=True)
    if strides_of(rows, size) and columns > 5 and not ultralytics:
        return "yolox"
    if _is_rtdetr(header, columns, len(names)):
        named = names or names_of(columns - 4)
        return Layout("Ultralytics RT-DETR", readers.normalised_rows, named, placement="stretched")
    if columns == 6 or (columns > 6 and ultralytics):
        return Layout("YOLO, suppressed", readers.rows_with_labels, names)
    return None


def _is_rtdetr(header: OnnxHeader, columns: int, classes: int) -> bool:
    """Two classes make as many columns as rows with a label have: then the description decides."""
    described = "detr" in header.metadata.get("description", "").lower()
    return columns == 4 + classes and classes > 0 and (described or columns != 6)


def _of_two(
    header: OnnxHeader, outputs: Sequence[NDArray], names: tuple[str, ...], size: tuple[int, int]
) -> Layout | str | None:
    shapes = [output.shape for output in outputs]
    if len(shapes[0]) == 3 and shapes[0][2] == 5 and shapes[1] == shapes[0][:2]:
        return "rtmdet"
    if {len(shape) for shape in shapes} != {3} or shapes[0][1] != shapes[1][1]:
        return None
    titles = [name for name, _ in header.outputs]
    boxes = next((at for at, name in enumerate(titles) if name in ("dets", "pred_boxes")), None)
    if boxes is None:
        boxes = 0 if shapes[0][2] == 4 else 1
    if shapes[boxes][2] != 4:
        return None
    order, classes = (boxes, 1 - boxes), shapes[1 - boxes][2]
    if set(titles) == {"dets", "labels"}:
        named = names or (COCO_IDS if classes == len(COCO_IDS) else names_of(classes))
        return Layout("RF-DETR", readers.boxes_and_logits, named, order, "stretched", IMAGENET)
    named = names or names_of(classes)
    if set(titles) == {"logits", "pred_boxes"}:
        return Layout("RT-DETR", readers.boxes_and_logits, named, order, "stretched")
    if strides_of(shapes[0][1], size):
        return Layout("YOLO-NAS", readers.corners_and_scores, named, order, overlapping=True)
    return None


def _of_three(
    header: OnnxHeader, outputs: Sequence[NDArray], names: tuple[str, ...]
) -> Layout | None:
    titles = [name for name, _ in header.outputs]
    if set(titles) != {"labels", "boxes", "scores"} or len(header.inputs) != 2:
        return None
    order = titles.index("boxes"), titles.index("scores"), titles.index("labels")
    shapes = [outputs[at].shape for at in order]
    if shapes[0] != (*shapes[1], 4) or shapes[1] != shapes[2]:
        return None
    reader = readers.boxes_scores_labels
    return Layout("RT-DETR or D-FINE", reader, names, order, "stretched")


def _resemblance(header: OnnxHeader, outputs: Sequence[NDArray]) -> str:
    shapes = [output.shape for output in outputs]
    if _is_paddle(header):
        return "PaddleDetection without its suppression; export it with it"
    if any(len(shape) >= 4 for shape in shapes):
        return "feature maps of a head that is not decoded; export it with the decoding inside"
    if _is_numbered(outputs):
        return (
            "YOLOv7 or YOLO-NAS with the suppression inside, whose output is named output or "
            "flat_predictions, which tells where score and class are"
        )
    if len(shapes) == 2 and any(shape[-1:] == (4,) for shape in shapes):
        return "boxes and logits of a DETR whose pre-processing its names do not tell"
    return "none of these"


def _unknown(
    header: OnnxHeader, outputs: Sequence[NDArray], weights: str, resemblance: str
) -> MambatrackError:
    titles = [name for name, _ in header.outputs]
    found = tuple((name, np.shape(each)) for name, each in zip(titles, outputs, strict=True))
    return MambatrackError(
        f"{weights}: this detector is not known. Inputs {shown_arrays(header.inputs)}; "
        f"{len(found)} output(s) {shown_arrays(found)}; it resembles {resemblance}. "
        f"Supported: {SUPPORTED}"
    )
