import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mambatrack import MambatrackError, load_config, load_predictor
from mambatrack.boxes import cxcywh_to_xyxy, iou
from mambatrack.datasets.people import read_people
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.motion_losses import generalised_iou, identity_loss, rollout_loss
from mambatrack.learning.motion_teacher import Teacher
from mambatrack.learning.motion_training import train
from mambatrack.learning.motion_windows import WindowSampler, detector_errors
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.export_onnx import export
from mambatrack.networks.model_files import new_model
from mambatrack.networks.window import MotionPredictor, offset_scale, window_offsets
from worlds import write_training_data

SMALL = {"d_model": 8, "layers": 1, "d_state": 2, "steps": 6, "warmup": 4, "checkpoint_every": 3,
         "batch_size": 8}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


def settings_of(**changes):
    values = SMALL | changes
    return load_config(None, {f"training.{key}": value for key, value in values.items()}).training


def sampler(data, **changes):
    people = [read_people(each) for each in find_sequences(data)]
    return WindowSampler(people, **({"q": 10, "rollout": 4} | changes))


def test_windows_are_the_ground_truth_in_order(data):
    drawn = sampler(data, truncated=0.0).batch(np.random.default_rng(0), 64)
    assert drawn.history.shape == (64, 11, 4) and drawn.future.shape == (64, 4, 4)
    people = [read_people(each) for each in find_sequences(data)]
    known = {tuple(np.round(box, 3)) for each in people for box in each.boxes.reshape(-1, 4)}
    mirror = np.array([-1, 1, 1, 1], np.float32)
    for row in range(64):
        track = np.concatenate([drawn.history[row, 11 - drawn.counts[row] :], drawn.future[row]])
        ways = [{tuple(np.round(box, 3)) for box in each} for each in (track, track * mirror)]
        assert ways[0] <= known or ways[1] <= known
        steps = iou(cxcywh_to_xyxy(track[:-1]), cxcywh_to_xyxy(track[1:]))
        assert np.diag(steps).min() > 0.3
    assert np.isfinite(drawn.history).all() and np.isfinite(drawn.future).all()
    assert drawn.counts.min() >= 1 and drawn.counts.max() == 11


def test_rivals_are_the_others_in_the_frames_ahead(data):
    drawn = sampler(data, crossings=1.0).batch(np.random.default_rng(1), 32)
    assert drawn.rivals.shape == (32, 4, 6, 4)
    own = np.abs(drawn.rivals - drawn.future[:, :, None]).sum(-1)
    assert not (own < 1e-3).any()
    assert (~np.isnan(drawn.rivals[..., 0])).any(axis=(1, 2)).mean() > 0.8


def test_errors_are_read_from_detections_and_put_on_windows(data):
    runs = [run for each in find_sequences(data) for run in detector_errors(each)]
    assert runs and all(run.shape[1] == 4 and np.isfinite(run).all() for run in runs)
    assert 0.003 < np.concatenate(runs).std() < 0.3
    clean = sampler(data).batch(np.random.default_rng(2), 16)
    noisy = sampler(data, errors=[np.full((40, 4), 0.5, np.float32)]).batch(
        np.random.default_rng(2), 16
    )
    np.testing.assert_allclose(noisy.future[..., 2:], 1.5 * clean.future[..., 2:], rtol=1e-5)
    with pytest.raises(MambatrackError, match="15 frames long"):
        sampler(data, errors=[np.zeros((5, 4), np.float32)])


def test_rollout_of_one_is_the_papers_loss(data):
    torch.manual_seed(0)
    settings = settings_of()
    model = MotionPredictor(8, 1, 2)
    batch = sampler(data, rollout=1).batch(np.random.default_rng(3), 8)
    history, counts, future = map(torch.from_numpy, batch[:3])
    scale = offset_scale(history, counts, "box")
    target = (future[:, 0] - history[:, -1]) / scale
    offset = model(*window_offsets(history, counts, scale))
    want = torch.nn.functional.smooth_l1_loss(offset, target)
    torch.testing.assert_close(rollout_loss(model, batch, settings), want)


boxes = st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 50), st.floats(1, 50))


@given(a=boxes, b=boxes)
def test_generalised_iou_is_iou_less_the_empty_share_of_the_hull(a, b):
    a, b = np.array([a]), np.array([b])
    value = float(generalised_iou(torch.tensor(a), torch.tensor(b))[0])
    plain = iou(cxcywh_to_xyxy(a), cxcywh_to_xyxy(b))[0, 0]
    assert -1 < value <= plain + 1e-9
    assert float(generalised_iou(torch.tensor(a), torch.tensor(a))[0]) == pytest.approx(1)


def test_identity_loss_prefers_the_own_box_and_ignores_lonely_people():
    own = torch.tensor([[[0.0, 0, 10, 20]]])
    rival = torch.tensor([[[[6.0, 0, 10, 20], [float("nan")] * 4]]])
    right, hit = identity_loss(own, own, rival)
    wrong, miss = identity_loss(rival[:, :, 0], own, rival)
    assert right < 0.1 < wrong and hit == 1 and miss == 0
    nobody, _ = identity_loss(own, own, torch.full((1, 1, 2, 4), float("nan")))
    assert nobody == 0


def test_training_learns_and_its_predictor_loads(data, tmp_path):
    settings = settings_of(
        d_model=16, steps=150, warmup=40, checkpoint_every=50, forecast=2,
        noise_data=str(data), identity_weight=0.1,
    )  # fmt: skip
    out = train([data], settings, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["50", "100", "150"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["training"]["step"] == 150 and len(card["spread"]) == 30
    assert card["architecture"]["d_model"] == 16
    state = load_predictor(out).start(np.array([[10, 10, 5, 9]], np.float32))
    assert state.shape == (1, 46)


@pytest.mark.parametrize("kind, kept", [("causal", 0), ("causal-back", 2 * 7)])
def test_a_causal_network_learns_from_histories_with_gaps_and_loads(kind, kept, data, tmp_path):
    recipe = settings_of(
        kind=kind, back=3, d_model=16, steps=120, warmup=40, checkpoint_every=40, forecast=3,
        gap_share=0.5, noise_data=str(data), identity_weight=0.1, window=12,
    )  # fmt: skip
    out = train([data], recipe, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["architecture"]["kind"] == kind and f"--training.kind {kind}" in card["command"]
    assert card["architecture"].get("back") == (3 if kept else None)
    predictor = load_predictor(out)
    assert isinstance(predictor, CausalPredictor)
    assert predictor.start(np.array([[10, 10, 5, 9]], np.float32)).shape == (
        1,
        17 + 2 * (32 * 5 + kept),
    )


def test_a_causal_network_has_one_unit(data, tmp_path):
    with pytest.raises(MambatrackError, match="training.unit box only"):
        train([data], settings_of(kind="causal", unit="image"), tmp_path)


def test_a_causal_network_does_not_see_the_future(data, tmp_path):
    with pytest.raises(MambatrackError, match="foresight needs kind window"):
        train([data], settings_of(kind="causal", foresight=2), tmp_path)


@pytest.fixture(scope="module")
def seer(data, tmp_path_factory):
    """A teacher that sees two frames of the future."""
    recipe = settings_of(foresight=2, window=5, forecast=2, d_model=16, steps=150, warmup=40,
                         checkpoint_every=150)  # fmt: skip
    return train([data], recipe, tmp_path_factory.mktemp("seer"))


def test_a_network_with_foresight_knows_more_and_cannot_track(data, seer, tmp_path):
    blind = train([data], settings_of(window=5, forecast=2, d_model=16, steps=150, warmup=40,
                                      checkpoint_every=150), tmp_path)  # fmt: skip
    cards = [json.loads(each.with_suffix(".json").read_text()) for each in (seer, blind)]
    assert cards[0]["validation"]["error_5"] < 0.8 * cards[1]["validation"]["error_5"]
    with pytest.raises(MambatrackError, match="needs 2 boxes from after .* can teach"):
        load_predictor(seer)
    with pytest.raises(MambatrackError, match="needs 2 boxes from after"):
        export(seer, tmp_path / "seer.onnx")


@pytest.mark.parametrize("foresight", [0, 2])
def test_a_teacher_answers_as_its_network_does_for_every_prefix(data, seer, foresight):
    teacher = Teacher(str(seer)) if foresight else Teacher("mamba-window")
    batch = sampler(data, q=14, rollout=3 + foresight).batch(np.random.default_rng(5), 6)
    moves = teacher.goal(batch, torch.device("cpu")).moves
    assert teacher.foresight == foresight
    for age in range(5):  # as if the history had ended ``age`` frames before
        track = np.concatenate([batch.history, batch.future], axis=1)[:, : 15 + 3 + foresight - age]
        old = batch._replace(
            history=track[:, : 15 - age],
            future=track[:, 15 - age : 16 - age + foresight],
            counts=np.maximum(batch.counts - age, 1),
        )
        ahead = teacher.goal(old, torch.device("cpu")).ahead
        known = torch.from_numpy(batch.counts > age)
        want = (ahead[:, 0] - torch.from_numpy(old.history[:, -1]))[known]
        torch.testing.assert_close(moves[known, 14 - age], want, atol=1e-3, rtol=1e-4)


def test_what_is_learnt_is_shared_between_the_truth_and_the_teacher(data):
    batch = sampler(data, rollout=3).batch(np.random.default_rng(6), 8)
    model = new_model("causal", 8, 1, 2)
    taught = Teacher("mamba-window").goal(batch, torch.device("cpu"))

    def loss(weight, taught):
        return rollout_loss(model, batch, settings_of(teacher_weight=weight), taught=taught).item()

    truth, lesson = loss(0.0, None), loss(1.0, taught)
    assert loss(0.0, taught) == pytest.approx(truth) and lesson != pytest.approx(truth)
    assert loss(0.25, taught) == pytest.approx(0.75 * truth + 0.25 * lesson)


def test_a_causal_network_learns_from_a_teacher(data, seer, tmp_path):
    recipe = settings_of(kind="causal", teacher=str(seer), forecast=2, window=12)
    card = json.loads(train([data], recipe, tmp_path).with_suffix(".json").read_text())
    assert card["training"]["teacher"] == "/".join(seer.parts[-2:])
    for name in ("mamba", "kalman"):
        with pytest.raises(MambatrackError, match="is not allowed .one of mamba-window"):
            settings_of(teacher=name)
        with pytest.raises(MambatrackError, match="no network of kind window; give mamba-window"):
            Teacher(name)


def test_gaps_lie_between_the_first_and_the_newest_box(data):
    plain, holed = (
        sampler(data, gaps=share).batch(np.random.default_rng(4), 200) for share in (0.0, 1.0)
    )
    known = np.arange(10, -1, -1) < plain.counts[:, None]
    np.testing.assert_array_equal(plain.seen, known)
    known = np.arange(10, -1, -1) < holed.counts[:, None]
    rows = np.arange(200)
    assert holed.seen[rows, 11 - holed.counts].all() and holed.seen[:, -1].all()
    assert not (holed.seen & ~known).any()
    missing = (known & ~holed.seen).sum(1)
    assert (missing[holed.counts > 2] > 0).all() and missing.max() > 5
    unbroken = np.abs(np.diff((holed.seen | ~known).astype(int), axis=1)).sum(1)
    assert unbroken.max() <= 2


def test_training_that_diverges_says_so_and_writes_nothing_of_it(data, tmp_path):
    recipe = settings_of(rate=1000.0, warmup=1, steps=200, checkpoint_every=200)
    with pytest.raises(MambatrackError, match="loss is (nan|inf) at step .* lower training.rate"):
        train([data], recipe, tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def weights_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "predictor.safetensors")


def test_a_resumed_run_equals_one_in_one_piece(data, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train([data], settings_of(), whole)
    train([data], settings_of(steps=3), parts)
    train([data], settings_of(), parts)
    for name, value in weights_of(whole).items():
        torch.testing.assert_close(weights_of(parts)[name], value)
    assert (whole / "log.csv").read_text() == (parts / "log.csv").read_text()


def test_a_killed_run_goes_on_from_its_checkpoint(data, tmp_path):
    script = (
        "import sys; from mambatrack import load_config; "
        "from mambatrack.learning.motion_training import train;"
        "train([sys.argv[1]], load_config(None, {'training.' + k: v for k, v in "
        f"{SMALL | {'steps': 100_000}!r}.items()}}), sys.argv[2])"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(data), str(tmp_path)])
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "checkpoint.safetensors").is_file():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    seen = []
    with (tmp_path / "log.csv").open() as file:
        done = max(int(row["step"]) for row in csv.DictReader(file))
    train([data], settings_of(steps=done + 6), tmp_path, lambda report: seen.append(report.done))
    assert seen and seen[0] > 1 and seen[-1] == done + 6


def test_unusable_checkpoints_and_data_are_explained(data, tmp_path):
    train([data], settings_of(steps=3), tmp_path)
    with pytest.raises(MambatrackError, match="other settings"):
        train([data], settings_of(seed=1), tmp_path)
    with pytest.raises(MambatrackError, match="other settings"):
        train([data], settings_of(kind="causal"), tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(MambatrackError, match="is damaged"):
        train([data], settings_of(), tmp_path)
    with pytest.raises(MambatrackError, match="at least 2 sequences"):
        train([data / "world0"], settings_of(), tmp_path / "other")


def test_a_checkpoint_from_before_a_setting_was_there_is_continued(data, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    train([data], settings_of(steps=3), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    older = json.loads(metadata["settings"])
    older["gaps"] = older.pop("gap_share")  # as the setting was called
    del older["kind"], older["data"]
    save_file(load_file(path), path, metadata | {"settings": json.dumps(older)})
    steps = []
    train([data], settings_of(steps=5), tmp_path, lambda report: steps.append(report.done))
    assert steps == [4, 5]
