"""Detectors that train-detector wrote, against torch, and files that are none."""

import json

import cv2
import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mambatrack.boxes import iou
from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.detectors import open_detector
from mambatrack.detectors.own import SHIPPED, ArrayDetector
from mambatrack.errors import MambatrackError
from mambatrack.learning.detector_network import DetectorNetwork
from mambatrack.networks.backbone import Shape, folded_weights
from mambatrack.networks.model_files import write_model
from shared import needs

CARD = {"kind": "detector", "side": 96, "neck": 8}
IMAGE = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)


def network(stem=(4, 6)):
    """Of random weights, in its head too."""
    torch.manual_seed(0)
    model = DetectorNetwork(Shape(stem, (9, 12, 15), (1, 1, 1)), 8)
    for out in model.out:
        torch.nn.init.normal_(out.weight)
        torch.nn.init.zeros_(out.bias)
    for _ in range(3):
        model(torch.rand(2, 3, 96, 96) - 0.5)
    return model.eval()


@pytest.fixture
def write(tmp_path):
    """Writes a tiny detector with changed weights, or a changed card."""

    def written(changes=None, stem=(4, 6), **card):
        weights = {name: each.half() for name, each in folded_weights(network(stem)).items()}
        weights |= changes or {}
        path = tmp_path / "tiny.safetensors"
        write_model(path, {name: each for name, each in weights.items() if each is not None},
                    {"architecture": CARD | card})  # fmt: skip
        return path

    return written


@pytest.mark.parametrize("size", [(96, 128), (64, 32), (32, 32)])
@torch.no_grad()
def test_arrays_say_what_torch_says(size):
    model = network()
    picture = np.random.default_rng(1).uniform(-0.5, 0.5, (1, *size, 3)).astype(np.float32)
    weights = {name: each.numpy() for name, each in folded_weights(model).items()}
    boxes, scores = ArrayDetector(weights)(picture, 0.0)
    said = model(torch.from_numpy(picture).permute(0, 3, 1, 2))
    assert np.allclose(scores, said.scores[0].sigmoid(), atol=1e-4)
    assert np.allclose(boxes, said.boxes[0], rtol=1e-3, atol=1e-2)
    some, sure = ArrayDetector(weights)(picture, 0.5)
    assert (sure >= 0.5).all() and len(some) == (scores >= 0.5).sum()


def test_a_trained_file_by_its_path(write):
    path = write()
    for detector in (open_detector(path), open_detector("own", weights=str(path))):
        found = detector(IMAGE)
        assert detector.names == ("person",) and len(found)
        assert np.isfinite(found.boxes).all() and (found.labels == 0).all()
    assert len(open_detector(path, conf=0.9)(IMAGE)) < len(found)
    several = open_detector(path).of_pictures([IMAGE, IMAGE[:, ::-1].copy()])
    assert np.allclose(several[0].boxes, found.boxes) and len(several) == 2


def test_the_shipped_weights_are_those_of_own():
    detector = open_detector("own", conf=0.0)
    assert detector.names == ("person",) and SHIPPED.stat().st_size < 2e6
    assert len(detector(IMAGE)) and open_detector(SHIPPED).side == detector.side


def test_the_shipped_detector_finds_people_as_docs_say():
    """Recall .44 and precision .53 at score .3, of people who are at least a quarter visible."""
    folder, find = needs("data/mot17_mini"), open_detector("own", conf=0.3)
    matched = people = boxes = 0
    for sequence in find_sequences(folder):
        truth = read_ground_truth(sequence)
        for path in sorted(sequence.images.glob("*.jpg")):
            here = (truth.frame == int(path.stem)) & (truth.visibility >= 0.25)
            found = find(cv2.imread(str(path)))
            overlap = iou(truth.boxes[here], found.boxes) >= 0.5
            matched += overlap[linear_sum_assignment(overlap, maximize=True)].sum()
            people, boxes = people + here.sum(), boxes + len(found)
    assert matched / people > 0.41 and matched / boxes > 0.5


def test_the_side_is_that_of_the_setting_else_of_the_card(write):
    path = write()
    small, usual = (open_detector(path, side=side, conf=0.0, nms_iou=1.0) for side in (32, 0))
    assert len(small(IMAGE)) == 16 + 4 + 1 and len(usual(IMAGE)) == 144 + 36 + 9


def test_slices_and_names_of_classes(write):
    path = write()
    detector = open_detector(path, slice=64, class_names=["player"], classes=["player"])
    assert detector.names == ("player",) and len(detector(IMAGE))
    with pytest.raises(MambatrackError, match="unknown class 'dog'"):
        open_detector(path, classes=["dog"])


@pytest.mark.parametrize(
    ("changes", "card", "reason"),
    [
        ({"out.0.bias": None}, {}, "out.0.bias is missing"),
        ({"out.0.bias": torch.zeros(4)}, {}, r"out.0.bias: \[5\] expected, got \[4\]"),
        ({"more": torch.zeros(2)}, {}, "'more' is no weight of this network"),
        ({}, {"neck": 9}, "the weights have neck 8, the card says 9"),
        ({}, {"side": 0}, "architecture.side: a whole number from 32"),
        ({}, {"kind": "embedder"}, "unknown kind of network 'embedder'; known are detector"),
    ],
)
def test_files_that_do_not_fit(changes, card, reason, write):
    with pytest.raises(MambatrackError, match=rf"tiny.safetensors and its .*{reason}"):
        open_detector(write(changes, **card))


@pytest.mark.parametrize("stem", [(), (4, 4, 4, 4)])
def test_stems_of_other_lengths_do_not_fit(stem, write):
    with pytest.raises(MambatrackError, match="convolutions of the stem of the network from 2 to"):
        open_detector(write(stem=stem))


def test_files_that_are_not_there(tmp_path, write):
    with pytest.raises(MambatrackError, match="no.safetensors not found; give motion, a named"):
        open_detector(tmp_path / "no.safetensors")
    path = write()
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(MambatrackError, match="the card names other weights"):
        open_detector(path)
