"""Model files of every layout, with the same boxes planted in their outputs."""

import numpy as np

from tiny_onnx import detector, write_onnx

IMAGE = np.full((96, 128, 3), (10, 20, 30), np.uint8)  # 64 x 48 in an input of 64 x 64
BOXES = np.array([[8, 8, 40, 80], [70, 20, 110, 76]], np.float32)  # in pixels of the image
CENTRED = BOXES / 2 + [0, 8, 0, 8]
STRETCHED = BOXES * [0.5, 64 / 96, 0.5, 64 / 96]
SCORES, LABELS = np.array([0.875, 0.5], np.float32), np.array([0, 2])
NAMES = {"names": "{0: 'person', 1: 'dog', 2: 'car'}"}
ULTRALYTICS = {**NAMES, "task": "detect", "stride": "32"}
PADDLE = {
    "im_shape": (1, 2), "image": (1, 3, 64, 64), "scale_factor": (1, 2),
}  # fmt: skip
SIZED = {"images": ("N", 3, 64, 64), "orig_target_sizes": ("N", 2)}
ANCHORS = 84


def cxcywh(boxes):
    return np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])


def table(columns, count, scores=3):
    """[count, columns + scores] whose first rows have these columns and then a score for each
    class; weak noise elsewhere."""
    rows = np.random.default_rng(0).uniform(0, 0.05, (count, columns.shape[1] + scores))
    rows[:2, : columns.shape[1]] = columns
    rows[[0, 1], columns.shape[1] + LABELS] = SCORES
    return rows.astype(np.float32)


def logits(scores):
    return np.log(scores / (1 - scores)).astype(np.float32)


def labelled(boxes, count=20):
    rows = np.zeros((count, 6), np.float32)
    rows[:2] = np.column_stack([boxes, SCORES, LABELS])
    return rows


def with_objectness(count):
    rows = np.zeros((count, 8), np.float32)
    rows[:2] = np.column_stack([cxcywh(CENTRED), SCORES, np.eye(3)[LABELS]])
    return rows


UNIT = cxcywh(STRETCHED) / 64
HEAD = table(cxcywh(CENTRED), ANCHORS)
MASKS = np.zeros((1, 32, 16, 16), np.float32)
QUERIES, WIDE = table(UNIT, 20), table(UNIT, 20, 91)
RESULT = {
    "labels": np.array([[0, 2, 1]]),
    "boxes": np.vstack([STRETCHED, STRETCHED[:1]]).astype(np.float32)[None],
    "scores": np.array([[*SCORES, 0.01]], np.float32),
}
NUMBERED = np.zeros((5, 7), np.float32)  # weak noise of other classes behind the planted boxes
NUMBERED[:, 1:5], NUMBERED[2:, 5:] = CENTRED[0], 0.01
FLAT, END2END = NUMBERED.copy(), NUMBERED.copy()
FLAT[:2, 1:] = np.column_stack([CENTRED, SCORES, LABELS])
END2END[:2, 1:] = np.column_stack([CENTRED, LABELS, SCORES])
COUNT = np.array([[2]])
FILLED = {  # what follows is filling with a high score
    "boxes": np.vstack([CENTRED, CENTRED[:1]]).astype(np.float32)[None],
    "scores": np.array([[*SCORES, 0.9]], np.float32),
    "classes": np.array([[0, 2, 1]]),
}
EMPTY = np.array([[-1, 0.9, 0, 0, 0, 0]], np.float32)
PADDLED = np.vstack([np.column_stack([LABELS, SCORES, STRETCHED]), EMPTY]).astype(np.float32)
VISION = {"boxes": CENTRED.astype(np.float32), "labels": LABELS, "scores": SCORES}
OBJECTS = {
    "boxes": (STRETCHED[None, :, [1, 0, 3, 2]] / 64).astype(np.float32),
    "classes": LABELS[None].astype(np.float32),
    "scores": SCORES[None],
}
# family -> outputs, metadata, inputs
FILES = {
    "Ultralytics YOLO": ({"output0": HEAD.T[None]}, ULTRALYTICS, None),
    "Ultralytics YOLO without metadata": ({"output0": HEAD.T[None]}, {}, None),
    "Ultralytics YOLO of segments": (
        {"output0": np.hstack([HEAD, np.ones((84, 32))]).T[None].astype(np.float32), "b": MASKS},
        {**ULTRALYTICS, "task": "segment"},
        None,
    ),
    "YOLO, suppressed": ({"output0": labelled(CENTRED)[None]}, ULTRALYTICS, None),
    "YOLOv5 or YOLOv7": ({"output0": with_objectness(252)[None]}, NAMES, None),
    "Ultralytics RT-DETR": ({"output0": QUERIES[None]}, ULTRALYTICS, None),
    "RF-DETR": (
        {"dets": QUERIES[None, :, :4].copy(), "labels": logits(QUERIES[None, :, 4:])}, {}, None,
    ),
    "RF-DETR of COCO": (
        {"dets": WIDE[None, :, :4].copy(), "labels": logits(WIDE[None, :, 4:])}, {}, None,
    ),
    "RT-DETR": (
        {"logits": logits(QUERIES[None, :, 4:]), "pred_boxes": QUERIES[None, :, :4].copy()},
        {},
        {"pixel_values": ("batch", 3, "height", "width")},
    ),
    "RT-DETR or D-FINE": (RESULT, {}, SIZED),
    "YOLO-NAS": (
        {"a": table(CENTRED, ANCHORS)[None, :, :4].copy(), "b": HEAD[None, :, 4:].copy()}, {}, None,
    ),
    "YOLO-NAS, suppressed": ({"graph2_flat_predictions": FLAT}, {}, None),
    "YOLO-NAS, suppressed, of four outputs": (
        {"graph2_num_predictions": COUNT}
        | {f"graph2_pred_{name}": array for name, array in FILLED.items()},
        {}, None,
    ),
    "YOLOv7, suppressed": ({"output": END2END}, {}, None),
    "YOLOv7, suppressed, of four outputs": (
        {"num_dets": COUNT} | {f"det_{name}": array for name, array in FILLED.items()}, {}, None,
    ),
    "PaddleDetection": (
        {"multiclass_nms3_0.tmp_0": PADDLED, "multiclass_nms3_0.tmp_2": np.array([3], np.int32)},
        {}, PADDLE,
    ),
    "PaddleDetection without im_shape": (
        {"count": np.array([3], np.int32), "rows": PADDLED}, {},
        {name: shape for name, shape in PADDLE.items() if name != "im_shape"},
    ),
    "torchvision": ({"a": VISION["boxes"], "b": LABELS, "c": SCORES}, {}, None),
    "torchvision of masks, of one picture": (
        VISION | {"masks": np.zeros((2, 1, 64, 64), np.float32)}, {}, {"image": (3, 64, 64)},
    ),
    "TensorFlow": (
        {f"detection_{name}": array for name, array in OBJECTS.items()}
        | {"num_detections": COUNT.astype(np.float32)[0]},
        {}, {"input_tensor": (1, 64, 64, 3)},
    ),
}  # fmt: skip


def opened(tmp_path, title, backend="onnxruntime", **settings):
    outputs, metadata, inputs = FILES[title]
    types = {"orig_target_sizes": 7, "input_tensor": 2}
    if title == "RT-DETR":  # where the size is open, the layout is told at 640 x 640
        inputs = {"pixel_values": ("batch", 3, 64, 64)}
    path = write_onnx(tmp_path / "a.onnx", outputs, inputs, types, metadata)
    return detector(name="onnx", weights=path, backend=backend, **settings)
