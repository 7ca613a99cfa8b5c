"""What an ONNX file says about itself, read from its protobuf wire format.

OpenCV does not tell the shape of a network's input, and neither backend explains well why a file
is no model; this reads the few fields that are needed and skips over the weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError

# field numbers of onnx.proto
MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
TENSOR_DIM, TENSOR_NAME = 1, 8
NODE_OPERATOR = 4
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TENSOR_TYPE_ELEMENT, TENSOR_TYPE_SHAPE = 1, 1, 2
SHAPE_DIM, DIM_VALUE = 1, 1
ENTRY_KEY, ENTRY_VALUE = 1, 2
TYPES = {1: "float32", 2: "uint8", 6: "int32", 7: "int64", 10: "float16", 11: "float64"}

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxHeader:
    """inputs, outputs: (name, shape) with None for a dynamic dimension; types: of the inputs, as
    numpy names them, "" for one that no detector has;  weights: (name, shape) of those inside
    operators: each that occurs"""

    inputs: tuple[tuple[str, Shape], ...]
    outputs: tuple[tuple[str, Shape], ...]
    types: tuple[str, ...]
    metadata: dict[str, str]
    weights: tuple[tuple[str, Shape], ...] = ()
    operators: frozenset[str] = frozenset()


def read_header(path: str | Path) -> OnnxHeader:
    """Raises MambatrackError where the file is absent or holds no ONNX graph."""
    path = Path(path)
    if not path.is_file():
        raise MambatrackError(f"weights {path} do not exist; expected an ONNX file")
    try:
        model = list(_fields(memoryview(path.read_bytes())))
        graph = list(_fields(next(value for field, value in model if field == MODEL_GRAPH)))
        nodes = [value for field, value in graph if field == GRAPH_NODE]
        if not nodes:
            raise ValueError
        operators = frozenset(_text(node, NODE_OPERATOR) for node in nodes)
        weights = [_tensor(value) for field, value in graph if field == GRAPH_INITIALIZER]
        names = {name for name, _ in weights}
        inputs = [_value_info(value) for field, value in graph if field == GRAPH_INPUT]
        inputs = [item for item in inputs if item[0] not in names]
        outputs = [_value_info(value) for field, value in graph if field == GRAPH_OUTPUT]
        entries = [value for field, value in model if field == MODEL_METADATA]
        metadata = {_text(entry, ENTRY_KEY): _text(entry, ENTRY_VALUE) for entry in entries}
    except OSError as error:
        raise MambatrackError(f"weights {path} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError, StopIteration):
        raise MambatrackError(f"{path} is not an ONNX file, or is cut off") from None
    return OnnxHeader(
        tuple((name, shape) for name, shape, _ in inputs),
        tuple((name, shape) for name, shape, _ in outputs),
        tuple(TYPES.get(kind, "") for _, _, kind in inputs),
        metadata,
        tuple(weights),
        operators,
    )


def _tensor(message: Any) -> tuple[str, Shape]:
    dims = [value for field, value in _fields(message) if field == TENSOR_DIM]
    return _text(message, TENSOR_NAME), tuple(each for each in dims if isinstance(each, int))


def _value_info(message: Any) -> tuple[str, Shape, int]:
    tensor = _child(_child(message, VALUE_TYPE), TYPE_TENSOR)
    element = next((value for field, value in _fields(tensor) if field == TENSOR_TYPE_ELEMENT), 0)
    dims = [dim for field, dim in _fields(_child(tensor, TENSOR_TYPE_SHAPE)) if field == SHAPE_DIM]
    return _text(message, VALUE_NAME), tuple(map(_dim, dims)), element


def _dim(message: Any) -> int | None:
    value = next((value for field, value in _fields(message) if field == DIM_VALUE), 0)
    return value if 0 < value < 2**31 else None


def _child(message: Any, wanted: int) -> Any:
    return next((value for field, value in _fields(message) if field == wanted), b"")


def _text(message: Any, wanted: int) -> str:
    return bytes(_child(message, wanted)).decode("utf-8")


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """(field number, int or bytes) of one protobuf message; raises ValueError for any other."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire not in (1, 2, 5) or field == 0:
            raise ValueError(f"wire type {wire}")
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size, at = _varint(message, at)
        if at + size > len(message):
            raise ValueError("cut off")
        yield field, message[at : at + size]
        at += size


def _varint(message: Any, at: int) -> tuple[int, int]:
    """-> (value, position behind it)."""
    value = 0
    for shift in range(0, 64, 7):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("varint too long")
