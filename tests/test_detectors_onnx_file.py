import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.detectors.onnx_file import read_header
from mambatrack.errors import MambatrackError
from shared import needs
from tiny_onnx import _field, _node, _number, detector, heads, write_onnx

BACKENDS = ["opencv", "onnxruntime"]
RAW = heads([], 3, [], [])[0]


def test_the_header_of_a_file_is_read(tmp_path):
    inputs = {"image": ("n", 3, "height", 640)}
    path = write_onnx(tmp_path / "a.onnx", {"out": RAW}, inputs, metadata={"author": "me"})
    header = read_header(path)
    assert header.inputs == (("image", (None, 3, None, 640)),)
    assert header.outputs == (("out", (84, 8)),)
    assert header.metadata == {"author": "me"} and header.types == ("float32",)


def test_weights_listed_among_the_inputs_are_none(tmp_path):
    inputs = {"image": (1, 3, 64, 64), "fixed_out": RAW.shape}
    path = write_onnx(tmp_path / "a.onnx", {"out": RAW}, inputs)
    assert read_header(path).inputs == (("image", (1, 3, 64, 64)),)


def test_the_header_of_a_real_file_is_read():
    header = read_header(needs("models/bytetrack_nano.onnx"))
    assert header.inputs == (("images", (1, 3, 608, 1088)),)
    assert header.outputs == (("output", (1, 13566, 6)),)


@pytest.mark.parametrize("content", [b"", b"no model", bytes(64), bytes(range(256)), b"PK\3\4zip"])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(MambatrackError, match="a.onnx is not an ONNX file, or is cut off"):
        read_header(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "a page of the web: download the file itself"),
        (b'<?xml version="1.0"?><net name="m"/>', "OpenVINO: export it to ONNX"),
        (b"PK\3\4" + bytes(60), "PyTorch, or a zip"),
        (b"\x80\2}q\0.", "PyTorch: export it to ONNX"),
        (b"\x1c\0\0\0TFL3" + bytes(60), "TensorFlow Lite"),
        (b"\x89HDF\r\n", "Keras"),
        (b"\x1f\x8b\x08\0" + bytes(20), "gzip file: unpack it"),
        (b"ptrt" + bytes(60), "TensorRT"),
        (b'\x08\0\0\0\0\0\0\0{"a":{}}', "safetensors"),
    ],
)
def test_what_a_file_is_instead_is_said(tmp_path, content, words):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(MambatrackError, match=f"is not an ONNX file, .*it looks like .*{words}"):
        read_header(tmp_path / "a.onnx")


def test_weights_in_a_file_that_is_not_there_are_told(tmp_path):
    path = tmp_path / "a.onnx"
    entry = _field(1, b"location") + _field(2, b"a.onnx.data")
    tensor = _number(1, 1) + _number(2, 1) + _field(8, b"w") + _field(13, entry) + _number(14, 1)
    graph = _node("w", "out", "Identity") + _field(5, tensor)
    path.write_bytes(_number(1, 8) + _field(7, graph))
    with pytest.raises(MambatrackError, match="weights of .* lie in a.onnx.data, which is not b"):
        read_header(path)
    (tmp_path / "a.onnx.data").write_bytes(bytes(4))
    assert read_header(path).weights == (("w", (1,)),)


@settings(deadline=None)
@given(st.data())
def test_a_cut_off_file_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "a.onnx"
    write_onnx(path, {"output": RAW[None]})
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(MambatrackError, match="not an ONNX file, or is cut off"):
        read_header(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "bytes.onnx"
    path.write_bytes(content)
    with contextlib.suppress(MambatrackError):
        assert read_header(path).metadata is not None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("inputs", "kind", "found"),
    [
        ({"a": (1, 3, 64, 64), "b": (1, 3)}, 1, r"a \[1, 3, 64, 64\], b \[1, 3\]"),
        ({"a": (1, 1, 64, 64)}, 1, r"a \[1, 1, 64, 64\]"),
        ({"a": (1, 3, 64, 64)}, 7, r"\(int64\)"),
        ({}, 1, "its inputs are none"),
    ],
)
def test_a_network_with_other_inputs_is_refused(tmp_path, backend, inputs, kind, found):
    path = write_onnx(tmp_path / "a.onnx", {"output": RAW[None]}, inputs, kind)
    with pytest.raises(MambatrackError, match=found + ".*expected one image"):
        detector(weights=path, backend=backend)


def test_opencv_says_what_it_cannot_run(tmp_path):
    model = tmp_path / "a.onnx"
    write_onnx(model, {"output": RAW[None]})
    model.write_bytes(model.read_bytes().replace(b"Identity", b"NoSuchOp"))
    for backend in BACKENDS:
        with pytest.raises(MambatrackError, match="cannot run .*a.onnx"):
            detector(weights=str(model), backend=backend)
