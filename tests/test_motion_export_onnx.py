import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mambatrack import MambatrackError
from mambatrack.errors import MissingExtra
from mambatrack.evaluation.quantisation import quantise
from mambatrack.motion import export_onnx as exporting
from mambatrack.motion.export_onnx import LARGEST_ERROR, export
from mambatrack.motion.loading import load_predictor
from mambatrack.networks import onnx_writing
from mambatrack.networks.model_files import new_model
from mambatrack.networks.weight_files import read_stored

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

Q = 3
SPREAD = [[0.1, 0.1, 0.2, 0.2]] * 12


def weights(folder, kind, unit):
    torch.manual_seed(0)
    model = new_model(kind, 8, 1, 4, 3)
    for parameter in model.head[-1].parameters():  # far from 0, so that an error would show
        torch.nn.init.normal_(parameter)
    path = folder / f"{kind}-{unit}.safetensors"
    save_file(model.state_dict(), path)
    card = {
        "architecture": {"kind": kind, "d_model": 8, "layers": 1, "d_state": 4, "window": Q,
                         "back": 3},
        "normalisation": {"unit": unit},
        "spread": SPREAD,
        "licence": "free",
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


SMALL = "in 8 bits: "
NETWORKS = ("window-box", f"{SMALL}window-image", "causal-box", f"{SMALL}causal-back-box")


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    path = weights(folder, *request.param.removeprefix(SMALL).rsplit("-", 1))
    if request.param.startswith(SMALL):
        path = quantise(path, folder / "small.safetensors").path
    return path, export(path, folder / "predictor.onnx")


def session_of(done):
    session = onnxruntime.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def walk(frames, tracks, seed=0):
    """[frames, tracks, 4] float32 cxcywh."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 3, (frames, tracks, 4)) * [1, 1, 0.2, 0.2]
    return (np.array([500, 300, 60, 150]) + np.cumsum(steps, axis=0)).astype(np.float32)


def test_the_file_says_what_it_is_and_how_exact(exported):
    _, done = exported
    metadata = onnxruntime.InferenceSession(done.path).get_modelmeta().custom_metadata_map
    assert metadata == done.metadata and metadata["licence"] == "free"
    assert json.loads(metadata["spread"]) == SPREAD
    assert metadata["kind"] == done.kind and done.error <= LARGEST_ERROR
    assert [shape[0] for shape in done.outputs.values()] == ["tracks"] * len(done.outputs)
    assert ("image_size" in done.inputs) == (metadata["unit"] == "image")


def test_matrices_in_eight_bits_stay_so(exported):
    path, done = exported
    initializers = onnx.load(done.path).graph.initializer
    numbers = [each for each in initializers if each.data_type == onnx.TensorProto.INT8]
    stored = read_stored(path)
    products = [name for name, each in stored.items() if each.dtype == np.int8]
    products = [name for name in products if not name.endswith(("conv", "A_log"))]
    assert len(numbers) >= len(products) and bool(numbers) == (path.stem == "small")


def test_the_window_predicts_what_the_predictor_of_the_tracker_does(exported):
    path, done = exported
    if done.kind != "window":
        pytest.skip("another kind of network")
    predictor = load_predictor(path, (1920, 1080), "cpu")
    run, boxes = session_of(done), walk(6, 5)
    more = [np.array([1920, 1080], np.float32)] if "image_size" in done.inputs else []
    windows = np.repeat(boxes[0][:, None], Q + 1, axis=1)
    state = predictor.start(boxes[0])
    for frame in range(1, 6):
        counts = np.full(5, min(frame, Q + 1))
        wanted, _ = predictor.predict(state)
        np.testing.assert_allclose(run(windows, counts, *more)[0], wanted, atol=1e-3)
        predictor.correct(state, np.arange(len(boxes[frame])), boxes[frame])
        windows = np.concatenate([windows[:, 1:], boxes[frame][:, None]], axis=1)


def test_the_step_predicts_what_the_predictor_of_the_tracker_does_across_a_gap(exported):
    path, done = exported
    if done.kind == "window":
        pytest.skip("another kind of network")
    predictor = load_predictor(path, None, "cpu")
    run, boxes, one = session_of(done), walk(14, 4), np.ones(4, np.float32)
    carried = np.zeros((4, done.inputs["carried"][1]), np.float32)
    state = predictor.start(boxes[0])
    newest, previous, sizes, spans, unseen = boxes[0], boxes[0], 0 * one, one, 0 * one
    seen, kept = boxes[0], None
    for frame in range(1, 14):
        wanted, spread = predictor.predict(state)
        found, scales, sizes, carried = run(newest, previous, spans, unseen, sizes, carried)
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        measured = np.array(json.loads(done.metadata["spread"]))
        factor = measured[np.minimum(unseen + 1, len(measured)).astype(int) - 1]
        np.testing.assert_allclose(factor * scales * wanted[:, [2, 3, 2, 3]], spread, rtol=1e-3)
        kept = carried if unseen[0] == 0 else kept
        gap = unseen + 1
        if 3 <= frame <= 10:  # longer than the size is forecast
            previous, newest, spans, unseen = newest, found, one, gap
            continue
        predictor.correct(state, np.arange(len(boxes[frame])), boxes[frame])
        previous, seen, newest = seen, boxes[frame], boxes[frame]
        spans, unseen, carried = gap, 0 * one, kept


@pytest.mark.parametrize("error", [1.1 * LARGEST_ERROR, float("nan")])
def test_a_file_that_is_not_exact_is_not_kept(tmp_path, monkeypatch, error):
    (tmp_path / "old.onnx").write_text("old")
    monkeypatch.setattr(exporting, "_write", lambda graph, metadata, path: path.touch())
    monkeypatch.setattr(exporting, "_check", lambda graph, path: ({}, {}, error))
    with pytest.raises(MambatrackError, match="differs from torch"):
        export("mamba", tmp_path / "old.onnx", overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["old.onnx"]
    assert (tmp_path / "old.onnx").read_text() == "old"


def test_what_cannot_be_exported_is_said_first(tmp_path, monkeypatch):
    with pytest.raises(MambatrackError, match="kalman has no network"):
        export("kalman", tmp_path / "a.onnx")
    (tmp_path / "a.onnx").touch()
    with pytest.raises(MambatrackError, match="exists"):
        export("mamba", tmp_path / "a.onnx")
    monkeypatch.setattr(onnx_writing, "PACKAGES", ("onnx_of_tomorrow",))
    with pytest.raises(MissingExtra, match=r"mambatrack\[export\]"):
        export("mamba", tmp_path / "b.onnx")
