"""A detector of train-detector as an ONNX file."""

import numpy as np
import pytest
import torch

from mambatrack.cli import main
from mambatrack.config import DetectorConfig
from mambatrack.detectors import open_detector
from mambatrack.errors import MambatrackError
from mambatrack.learning import detector_onnx
from mambatrack.learning.detector_network import DetectorNetwork, inference_network
from mambatrack.learning.detector_onnx import LARGEST_ERROR, export_detector
from mambatrack.networks.backbone import Shape, folded_weights
from mambatrack.networks.model_files import write_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

SIDE = 64
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network():
    """Of random weights, in its head and its norms too."""
    torch.manual_seed(0)
    model = DetectorNetwork(Shape((4, 6), (9, 12, 15), (1, 1, 1)), 8)
    for out in model.out:
        torch.nn.init.normal_(out.weight)
        torch.nn.init.zeros_(out.bias)
    for _ in range(3):
        model(torch.rand(2, 3, 96, 96) - 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("detector") / "tiny.safetensors"
    card = {"architecture": {"kind": "detector", "side": SIDE, "neck": 8}, "licence": "free"}
    write_model(path, {name: each.half() for name, each in folded_weights(network).items()}, card)
    return path


@pytest.fixture(scope="module")
def exported(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    return export_detector(DetectorConfig(name="own", weights=str(weights)), out, False)


@torch.no_grad()
def test_weights_with_their_norms_folded_in_make_the_same_network(network):
    pictures = torch.rand(1, 3, 64, 96) - 0.5
    folded = {name: each.numpy() for name, each in folded_weights(network).items()}
    again = inference_network(folded)
    for one, two in zip(network(pictures), again(pictures), strict=True):
        assert torch.allclose(one, two, rtol=1e-4, atol=1e-4)


def test_the_file_has_standard_operators_alone_and_says_what_it_is(exported):
    model = onnx.load(exported.path)
    assert {node.domain for node in model.graph.node} == {""}
    told = {each.key: each.value for each in model.metadata_props}
    assert told["kind"] == "detector" and told["licence"] == "free"
    assert exported.side == SIDE and exported.error <= LARGEST_ERROR


@pytest.mark.parametrize("backend", ["onnxruntime", "opencv"])
def test_the_file_finds_what_the_weights_find(weights, exported, backend):
    own = open_detector(weights, conf=0.0)(IMAGE)
    found = open_detector(exported.path, conf=0.0, backend=backend)
    assert found.names == ("person",)
    assert len(own) > 3 and len(found(IMAGE)) == len(own)
    assert np.allclose(found(IMAGE).scores, own.scores, atol=1e-4)
    assert np.allclose(found(IMAGE).boxes, own.boxes, rtol=1e-3, atol=1e-2)


def test_a_file_that_is_not_exact_is_not_kept(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(detector_onnx, "write_onnx", lambda *given: given[3].touch())
    monkeypatch.setattr(detector_onnx, "_error", lambda path, own: 2e-4)
    with pytest.raises(MambatrackError, match=r"differs by 2.0e-04 .* is not written"):
        export_detector(DetectorConfig(weights=str(weights)), tmp_path / "d.onnx", False)
    assert not list(tmp_path.iterdir())


def test_the_command(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(detector_onnx, "write_onnx", lambda *given: given[3].touch())
    monkeypatch.setattr(detector_onnx, "_error", lambda path, own: 1e-6)
    out = tmp_path / "d.onnx"
    assert main(["export", "--weights", str(weights), "--out", str(out)]) == 0
    assert f"wrote {out}: detector of pictures of 64x64, differs" in capsys.readouterr().out
