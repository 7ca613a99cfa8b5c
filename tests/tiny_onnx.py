"""Small ONNX files written by hand, which ignore their image and answer with fixed arrays, and the
heads of a YOLOX network of 64 x 64 pixels to put into them."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mambatrack.config import DetectorConfig
from mambatrack.detectors import open_detector
from mambatrack.detectors.yolox import anchors

SIZE = 64, 64  # 8 * 8 + 4 * 4 + 2 * 2 = 84 anchors
TYPES = {
    np.dtype(np.float32): 1,
    np.dtype(np.int32): 6,
    np.dtype(np.int64): 7,
    np.dtype(np.float16): 10,
}


def write_onnx(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    inputs: Mapping[str, tuple] | None = None,
    input_type: int | Mapping[str, int] = 1,
    metadata: Mapping[str, str] | None = None,
    weights: Mapping[str, tuple[int, ...]] | None = None,
    operator: str = "Identity",
) -> str:
    """A file whose outputs are these arrays; inputs: name -> shape, a text dimension is dynamic;
    input_type: ONNX's number of the type, of all inputs or of each that is not float32;
    weights: shapes of further arrays of zeros, which nothing uses; operator: that gives the
    outputs."""
    inputs = {"images": (1, 3, 64, 64)} if inputs is None else inputs
    graph = b"".join(_node(f"fixed_{name}", name, operator) for name in outputs)
    graph += _field(2, b"graph")
    arrays = {f"fixed_{name}": array for name, array in outputs.items()}
    arrays |= {name: np.zeros(shape, np.float32) for name, shape in (weights or {}).items()}
    graph += b"".join(_field(5, _tensor(name, array)) for name, array in arrays.items())
    types = dict.fromkeys(inputs, input_type) if isinstance(input_type, int) else input_type
    graph += b"".join(_field(11, _value(n, s, types.get(n, 1))) for n, s in inputs.items())
    graph += b"".join(_field(12, _value(n, a.shape, TYPES[a.dtype])) for n, a in outputs.items())
    model = _number(1, 8) + _field(8, _field(1, b"") + _number(2, 13)) + _field(7, graph)
    for key, value in (metadata or {}).items():
        model += _field(14, _field(1, key.encode()) + _field(2, value.encode()))
    path.write_bytes(model)
    return str(path)


def heads(boxes, classes, scores, labels, size=SIZE, count=84):
    """Raw and decoded head [A, 5 + C] that hold these xyxy boxes, one for each anchor from the
    first; the other anchors have a score of 0 and a box of their own cell."""
    cells, strides = anchors(count, size)
    decoded = np.zeros((count, 5 + classes), np.float32)
    decoded[:, :2] = (cells + 0.5) * strides[:, None]
    decoded[:, 2:4] = strides[:, None]
    for row, (box, score, label) in enumerate(zip(boxes, scores, labels, strict=True)):
        decoded[row, :2] = (np.array(box[:2]) + box[2:]) / 2
        decoded[row, 2:4] = np.array(box[2:]) - box[:2]
        decoded[row, 4], decoded[row, 5 + label] = score, 1
    raw = decoded.copy()
    raw[:, :2] = decoded[:, :2] / strides[:, None] - cells
    raw[:, 2:4] = np.log(decoded[:, 2:4] / strides[:, None])
    return raw, decoded


def detector(**settings):
    """Opened from these settings, YOLOX of the current convention where they say nothing."""
    usual = {} if "name" in settings else {"name": "yolox", "convention": "current"}
    return open_detector(DetectorConfig(**{**usual, **settings}))


def without_onnxruntime(monkeypatch):
    """As if onnxruntime were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )


def _node(source: str, target: str, operator: str) -> bytes:
    return _field(
        1, _field(1, source.encode()) + _field(2, target.encode()) + _field(4, operator.encode())
    )


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_number(1, size) for size in array.shape)
    return (
        dims
        + _number(2, TYPES[array.dtype])
        + _field(8, name.encode())
        + _field(9, array.tobytes())
    )


def _value(name: str, shape: tuple, kind: int) -> bytes:
    dims = [_field(2, d.encode()) if isinstance(d, str) else _number(1, d) for d in shape]
    tensor = _number(1, kind) + _field(2, b"".join(_field(1, dim) for dim in dims))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
