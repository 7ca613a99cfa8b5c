"""Embedders by name and from files: ONNX and OpenVINO, and what is said of files that are none."""

import hashlib
import sys

import numpy as np
import pytest

from mambatrack.config import load_config
from mambatrack.detectors import download
from mambatrack.embedders import named
from mambatrack.embedders.loading import configured_embedder, open_embedder
from mambatrack.embedders.networks import NORMALISATIONS, as_blob
from mambatrack.errors import MambatrackError, MissingExtra
from shared import needs
from tiny_onnx import write_onnx

PICTURE = np.arange(100 * 60 * 3, dtype=np.uint8).reshape(100, 60, 3)
BOXES = np.array([[5, 10, 30, 90], [20, 5, 55, 95], [0, 0, 1, 1]], float)


def network(folder, output, inputs=None):
    """A file that answers with ``output`` whatever it is given."""
    shapes = {"images": (1, 3, 64, 32)} if inputs is None else inputs
    return write_onnx(folder / "net.onnx", {"out": output}, shapes)


def test_off_is_none():
    assert load_config().appearance.embedder == "auto"  # chosen by track and live
    assert configured_embedder(load_config().appearance) is None
    chosen = load_config(overrides={"appearance.embedder": "colour"}).appearance
    assert configured_embedder(chosen).name == "colour"


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1, 1)])
def test_a_file_that_takes_one_crop_at_a_time(tmp_path, shape):
    values = np.array([3, 0, 4, 0], np.float32).reshape(shape)
    embedder = open_embedder(network(tmp_path, values))
    vectors, usable = embedder(PICTURE, BOXES)
    assert (embedder.name, embedder.size, embedder.crop_size) == ("net", 4, (32, 64))
    assert usable.tolist() == [True, True, False]
    assert np.allclose(vectors[:2], [0.6, 0, 0.8, 0])


def test_a_file_that_says_any_number_and_gives_one(tmp_path):
    embedder = open_embedder(
        network(tmp_path, np.ones((1, 4), np.float32), {"images": ("n", 3, 64, 32)})
    )
    with pytest.raises(MambatrackError, match=r"\[1, 4\] for 2 crops; expected numbers \[2, 4\]"):
        embedder(PICTURE, BOXES)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.ones((1, 4, 2), np.float32), r"\[1, 4, 2\] for 1 crops"),
        (np.ones(4, np.float32), r"\[4\] for 1 crops"),
        (np.full((1, 4), np.inf, np.float32), "not finite"),
    ],
)
def test_outputs_that_are_no_vectors(tmp_path, output, message):
    with pytest.raises(MambatrackError, match=message):
        open_embedder(network(tmp_path, output))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own-model", "unknown embedder 'own-model'; known: colour, own, person-"),
        ("nothing.onnx", "nothing.onnx is not there"),
        ("nothing.xml", "nothing.xml is not there"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(MambatrackError, match=message):
        open_embedder(name)


def test_normalisations():
    crop = np.array([10, 20, 30], np.uint8).reshape(1, 1, 1, 3)
    of = {name: as_blob(crop, each).ravel().tolist() for name, each in NORMALISATIONS.items()}
    assert of["bgr"] == [10, 20, 30] and of["rgb"] == [30, 20, 10]
    assert of["half"] == pytest.approx([(value - 127.5) / 127.5 for value in (30, 20, 10)])
    assert of["imagenet"] == pytest.approx(
        [(30 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225],
        abs=1e-4,
    )


def test_openvino_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    (tmp_path / "net.xml").write_text("<net/>")
    with pytest.raises(MissingExtra, match=r"mambatrack\[openvino\]"):
        open_embedder(str(tmp_path / "net.xml"))


@pytest.mark.parametrize(
    ("content", "message"), [(None, "lie in a .bin"), (b"", "openvino cannot run")]
)
def test_an_ir_file_that_is_none(tmp_path, content, message):
    pytest.importorskip("openvino", reason="needs the extra [openvino]")
    (tmp_path / "net.xml").write_text("<net/>")
    if content is not None:
        (tmp_path / "net.bin").write_bytes(content)
    with pytest.raises(MambatrackError, match=message):
        open_embedder(str(tmp_path / "net.xml"))


@pytest.mark.parametrize(
    "name", ["osnet_x0_25_msmt17.onnx", "person-reidentification-retail-0288.xml"]
)
def test_real_networks(name):
    path = needs(f"models/reid/{name}")
    if path.suffix == ".xml":
        pytest.importorskip("openvino", reason="needs the extra [openvino]")
    embedder = open_embedder(str(path))
    together, usable = embedder(PICTURE, BOXES)
    apart = np.concatenate([embedder(PICTURE, box[None]).vectors for box in BOXES])
    assert usable.tolist() == [True, True, False]
    assert np.allclose(together, apart, atol=1e-4)
    assert np.allclose(np.linalg.norm(together[:2], axis=1), 1, atol=1e-5)


def test_named_files_lie_together_in_the_cache(tmp_path, monkeypatch):
    parts = {"a/net.xml": b"xml", "a/net.bin": b"weights"}
    digests = {path: hashlib.sha256(each).hexdigest() for path, each in parts.items()}
    files = tuple(
        named.Published("net", "MIT", f"https://host/{path}", digests[path], len(each))
        for path, each in parts.items()
    )
    for path, each in parts.items():
        (tmp_path / path.rpartition("/")[2]).write_bytes(each)
    monkeypatch.setattr(download, "_download", lambda *given: pytest.fail("it is there"))
    model = named.NamedEmbedder("net", "bgr", "MIT", files)
    assert named.fetch_embedder(model, tmp_path) == tmp_path / "net.xml"
    (tmp_path / "net.bin").write_bytes(b"changed")
    with pytest.raises(MambatrackError, match="is not the published net"):
        named.fetch_embedder(model, tmp_path)


def test_every_named_embedder_says_where_it_comes_from():
    for name, model in named.named_embedders().items():
        assert model.licence and model.normalisation in NORMALISATIONS, name
        assert all(
            each.url.startswith("https://") and len(each.sha256) == 64 for each in model.files
        )
