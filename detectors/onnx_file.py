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
TENSOR_DIM, TENSOR_NAME, TENSOR_EXTERNAL = 1, 8, 13
NODE_OPERATOR = 4
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TENSOR_TYPE_ELEMENT, TENSOR_TYPE_SHAPE = 1, 1, 2
SHAPE_DIM, DIM_VALUE = 1, 1
ENTRY_KEY, ENTRY_VALUE = 1, 2
TYPES = {1: "float32", 2: "uint8", 6: "int32", 7: "int64", 10: "float16", 11: "float64"}

EXPORT = "export it to ONNX first"
OTHERS = (  # bytes, where they stand, and what they tell
    (b"version https://git-lfs", 0, "a pointer of Git LFS: run git lfs pull"),
    (b"<?xml", 0, f"a model of OpenVINO: {EXPORT}"),
    (b"<", 0, "a page of the web: download the file itself"),
    (b"PK\x03\x04", 0, f"a model of PyTorch, or a zip: {EXPORT}, or unpack it"),
    (b"\x80\x02", 0, f"a model of PyTorch: {EXPORT}"),
    (b"TFL3", 4, f"a model of TensorFlow Lite: {EXPORT}"),
    (b"\x89HDF", 0, f"a model of Keras: {EXPORT}"),
    (b"\x1f\x8b", 0, "a gzip file: unpack it"),
    (b"ptrt", 0, f"an engine of TensorRT: {EXPORT}"),
    (b'{"', 8, f"a file of safetensors: {EXPORT}"),
)

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
        initializers = [value for field, value in graph if field == GRAPH_INITIALIZER]
        others = {_other_file(value) for value in initializers} - {""}
        weights = [_tensor(value) for value in initializers]
        names = {name for name, _ in weights}
        inputs = [_value_info(value) for field, value in graph if field == GRAPH_INPUT]
        inputs = [item for item in inputs if item[0] not in names]
        outputs = [_value_info(value) for field, value in graph if field == GRAPH_OUTPUT]
        entries = [value for field, value in model if field == MODEL_METADATA]
        metadata = {_text(entry, ENTRY_KEY): _text(entry, ENTRY_VALUE) for entry in entries}
    except OSError as error:
        raise MambatrackError(f"weights {path} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError, StopIteration):
        raise MambatrackError(
            f"{path} is not an ONNX file, or is cut off{_likeness(path)}"
        ) from None
    missing = sorted(name for name in others if not (path.parent / name).is_file())
    if missing:
        raise MambatrackError(
            f"the weights of {path} lie in {missing[0]}, which is not beside it; copy both"
        )
    return OnnxHeader(
        tuple((name, shape) for name, shape, _ in inputs),
        tuple((name, shape) for name, shape, _ in outputs),
        tuple(TYPES.get(kind, "") for _, _, kind in inputs),
        metadata,
        tuple(weights),
        operators,
    )


def _likeness(path: Path) -> str:
    """What a file looks like instead, as the end of a message; "" where it is unknown."""
    with path.open("rb") as file:
        start = file.read(512)
    found = next((what for mark, at, what in OTHERS if start[at:].startswith(mark)), "")
    return f"; it looks like {found}" if found else ""


def _tensor(message: Any) -> tuple[str, Shape]:
    dims = [value for field, value in _fields(message) if field == TENSOR_DIM]
    return _text(message, TENSOR_NAME), tuple(each for each in dims if isinstance(each, int))


def _other_file(message: Any) -> str:
    """The file that holds the numbers of a tensor, "" where they are in this one."""
    entries = [value for field, value in _fields(message) if field == TENSOR_EXTERNAL]
    places = (_text(each, ENTRY_VALUE) for each in entries if _text(each, ENTRY_KEY) == "location")
    return next(places, "")


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
