"""An ONNX file run by OpenCV or by onnxruntime."""

import importlib.util

import numpy as np
import pytest

from mambatrack.detectors.onnx_session import OpenCVSession, OrtSession, open_session
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
        ({"a": (3, 64, 64)}, 1, r"a \[3, 64, 64\];"),
        ({"a": (1, 3, 64, 64)}, 7, r"a \[1, 3, 64, 64\] \(int64\)"),
        ({"a": (1, 3, 64, "w"), "b": (1, 4)}, 1, r"a \[1, 3, 64, \?\], b \[1, 4\];"),
    ],
)
def test_a_network_that_takes_no_picture_is_refused(tmp_path, inputs, kind, found):
    path = write_onnx(tmp_path / "a.onnx", OUTPUTS, inputs, kind)
    with pytest.raises(MambatrackError, match=f"a.onnx: .*{found}.*expected one image"):
        open_session(path)


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
