"""An ONNX file run by OpenCV or by onnxruntime."""

import importlib.util

import numpy as np
import pytest

from mambatrack.detectors.onnx_session import OpenCVSession, OrtSession, open_session, reason_of
from mambatrack.errors import MambatrackError, MissingExtra
from tiny_onnx import without_onnxruntime, write_onnx

BLOB = np.zeros((1, 3, 64, 64), np.float32)
OUTPUTS = {
    "first": np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    "second": np.arange(4, dtype=np.float32).reshape(1, 4),
}
installed = importlib.util.find_spec("onnxruntime") is not None
needs_onnxruntime = pytest.mark.skipif(not installed, reason="needs the extra [onnx]")
BACKENDS = ["opencv", pytest.param("onnxruntime", marks=needs_onnxruntime)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_come_in_the_order_of_the_header(tmp_path, backend):
    session = open_session(write_onnx(tmp_path / "a.onnx", OUTPUTS), backend)
    assert session.backend == backend
    found = session(BLOB)
    assert [name for name, _ in session.header.outputs] == list(OUTPUTS)
    for array, expected in zip(found, OUTPUTS.values(), strict=True):
        np.testing.assert_array_equal(array, expected)


@needs_onnxruntime
def test_auto_takes_onnxruntime_where_it_is(tmp_path, monkeypatch):
    path = write_onnx(tmp_path / "a.onnx", OUTPUTS)
    assert isinstance(open_session(path), OrtSession)
    without_onnxruntime(monkeypatch)
    assert isinstance(open_session(path), OpenCVSession)
    with pytest.raises(MissingExtra, match=r"mambatrack\[onnx\]"):
        open_session(path, "onnxruntime")


@pytest.mark.parametrize(
    ("inputs", "kind", "found"),
    [
        ({}, 1, "its inputs are none"),
        ({"a": (1, 3, 64, 64), "b": (1, 3, 64, 64)}, 1, r"a \[1, 3, 64, 64\], b \[1, 3, 64, 64\]"),
        ({"a": (1, 64, 64)}, 1, r"a \[1, 64, 64\];"),
        ({"a": (1, 3, 64, 64)}, 7, r"a \[1, 3, 64, 64\] \(int64\)"),
        ({"a": (1, 3, 64, "w"), "b": (1, 4)}, 1, r"a \[1, 3, 64, \?\], b \[1, 4\];"),
    ],
)
def test_a_network_that_takes_no_picture_is_refused(tmp_path, inputs, kind, found):
    path = write_onnx(tmp_path / "a.onnx", OUTPUTS, inputs, kind)
    with pytest.raises(MambatrackError, match=f"a.onnx: .*{found}.*expected one image"):
        open_session(path)


@needs_onnxruntime
@pytest.mark.parametrize(("said", "threads"), [("1", 1), ("3,2", 3), ("", 0), ("all", 0)])
def test_threads_are_those_that_the_environment_allows(tmp_path, monkeypatch, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    session = open_session(write_onnx(tmp_path / "a.onnx", OUTPUTS), "onnxruntime")
    options = session._session.get_session_options()
    assert options.intra_op_num_threads == threads
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MambatrackError, match=r"none\.onnx"):
        open_session(tmp_path / "none.onnx")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_that_cannot_be_run_is_named(tmp_path, backend):
    path = tmp_path / "a.onnx"
    write_onnx(path, OUTPUTS)
    path.write_bytes(path.read_bytes().replace(b"Identity", b"Idantity"))
    with pytest.raises(MambatrackError, match="cannot run .*a.onnx"):
        open_session(path, backend)(BLOB)


def replaced(path, old, new):
    content = path.read_bytes()
    assert old in content and len(old) == len(new)
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_operation_that_the_backend_lacks_is_named(tmp_path, backend):
    write_onnx(tmp_path / "a.onnx", OUTPUTS)
    path = replaced(tmp_path / "a.onnx", b"Identity", b"Unknowns")
    with pytest.raises(MambatrackError, match="cannot run .*Unknowns"):
        open_session(path, backend)


@needs_onnxruntime
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((2, 3, 64, 64), "index: 0 Got: 2 Expected: 1"),
        ((1, 3, 32, 64), "index: 2 Got: 32 Expected: 64"),
        ((1, 3, 64), "Got: 3 Expected: 4"),
    ],
)
def test_a_size_that_does_not_fit_is_told_in_full(tmp_path, shape, said):
    session = open_session(write_onnx(tmp_path / "a.onnx", OUTPUTS), "onnxruntime")
    with pytest.raises(MambatrackError, match=said):
        session(np.zeros(shape, np.float32))


@needs_onnxruntime
@pytest.mark.parametrize(("opset", "said"), [(13, ""), (99, "till opset")])
def test_an_opset_that_is_too_new_is_told(tmp_path, opset, said):
    write_onnx(tmp_path / "a.onnx", OUTPUTS)
    path = replaced(tmp_path / "a.onnx", b"\x0a\x00\x10\x0d", bytes([10, 0, 16, opset]))
    if not said:
        assert open_session(path, "onnxruntime")(BLOB)
        return
    with pytest.raises(MambatrackError, match=f"Opset {opset} .*{said}"):
        open_session(path, "onnxruntime")


@pytest.mark.parametrize("shape", [(1, 3, 1 << 16, 1 << 15), (1, 1 << 15, 1 << 16, 3)])
def test_a_picture_that_no_memory_holds_is_refused(tmp_path, shape):
    with pytest.raises(MambatrackError, match="more than 67108864 pixels"):
        open_session(write_onnx(tmp_path / "a.onnx", OUTPUTS, {"a": shape}))


def test_both_ends_of_a_long_message_are_shown():
    said = reason_of("[ONNXRuntimeError] : 1 : FAIL : first\n" + "between " * 200 + "\nlast\n")
    assert said.startswith("FAIL : first between") and said.endswith("between last")
    assert len(said) < 700 and "\n" not in said


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_network_that_overflows_is_told(tmp_path, backend, kind):
    path = write_onnx(tmp_path / "a.onnx", {"first": np.full((1, 2, 3), np.nan, kind)})
    session = open_session(path, backend)
    with pytest.warns(UserWarning, match=r"a\.onnx gives numbers that are none \(NaN\)"):
        session(BLOB)


def test_a_network_that_gives_nothing_is_refused(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", {"first": np.zeros((1, 0, 3), np.float32)})
    with pytest.raises(MambatrackError, match="gave nothing for a picture"):
        open_session(path, "opencv")(BLOB)
