"""The shipped embedder, and files that are none."""

import json

import numpy as np
import pytest
import torch

from mambatrack.embedders.colour import CROP, histograms
from mambatrack.embedders.crops import resized
from mambatrack.embedders.loading import open_embedder
from mambatrack.embedders.own import SHIPPED
from mambatrack.errors import MambatrackError
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.networks.backbone import Shape, folded_weights
from mambatrack.networks.model_files import write_model

COLOURS = 288  # numbers of a vector that are histograms
CARD = {"kind": "embedder", "rows": 48, "columns": 16, "code": 8}


@pytest.fixture
def write(tmp_path):
    """Writes a tiny embedder with changed weights, or a changed card."""

    def written(changes=None, **card):
        model = EmbedderNetwork(Shape((4,), (9, 9, 9), (1, 1, 1)), 8)
        weights = {name: each.half() for name, each in folded_weights(model).items()}
        path = tmp_path / "tiny.safetensors"
        weights |= changes or {}
        write_model(path, {name: each for name, each in weights.items() if each is not None},
                    {"architecture": CARD | card})  # fmt: skip
        return path

    return written


def test_a_trained_file_by_its_path(write):
    embedder = open_embedder(str(write()))
    assert (embedder.name, embedder.size, embedder.crop_size) == ("tiny", 8 + COLOURS, (16, 48))
    picture = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    boxes = np.array([[10 * i, 5, 10 * i + 20, 60] for i in range(11)] + [[0, 0, 1, 1]], float)
    vectors, usable = embedder(picture, boxes)
    assert usable.tolist() == [True] * 11 + [False]
    assert np.allclose(np.linalg.norm(vectors[:11], axis=1), 1, atol=1e-6)
    alone = np.concatenate([embedder(picture, box[None]).vectors for box in boxes])
    assert np.allclose(vectors, alone, atol=1e-5)
    grey, wide = embedder(picture[..., 0], boxes), embedder(picture.astype("u2") << 8, boxes)
    assert grey.usable[:11].all() and np.allclose(wide.vectors, vectors, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "card", "message"),
    [
        ({"head.bias": None}, {}, "weight head.bias is missing"),
        (
            {"head.weight": torch.zeros(8, 80)},
            {},
            r"head.weight: \[8, 81\] expected, got",
        ),
        ({"head.bias": torch.full((8,), torch.nan)}, {}, "finite numbers"),
        ({"more": torch.zeros(1)}, {}, "'more' is no weight of this network"),
        ({"head.bias": torch.zeros(8, dtype=torch.float64)}, {}, "F32 or F16 expected, got F64"),
        ({}, {"code": 9}, "the weights have code 8, the card says 9"),
        ({}, {"rows": 50}, "multiples of 48 rows and 16 columns expected, the card says 50"),
        ({}, {"columns": "16"}, "architecture.columns: a whole number from 16"),
        ({}, {"kind": "refill"}, "unknown kind of network 'refill'"),
    ],
)
def test_damaged_files_are_refused_with_the_reason(changes, card, message, write):
    with pytest.raises(MambatrackError, match=message):
        open_embedder(str(write(changes, **card)))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        MambatrackError, match="none.safetensors not found; give off, colour, own, or"
    ):
        open_embedder(str(tmp_path / "none.safetensors"))
    (tmp_path / "none.json").write_text(json.dumps({}))
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(MambatrackError, match="do not fit together"):
        open_embedder(str(tmp_path / "none.safetensors"))


def test_a_vector_is_half_of_the_network_and_half_of_colours(write):
    crops = np.random.default_rng(0).integers(0, 256, (3, 48, 16, 3), dtype=np.uint8)
    boxes = np.array([[16 * i, 0, 16 * i + 16, 48] for i in range(3)], float)
    vectors, _ = open_embedder(str(write()))(np.hstack(list(crops)), boxes)
    assert np.allclose(np.linalg.norm(vectors[:, :8], axis=1), 0.5**0.5, atol=1e-5)
    colours = histograms(resized(crops, CROP))
    assert np.allclose(vectors[:, 8:], colours * 0.5**0.5, atol=1e-5)


def test_the_shipped_one_sees_people_where_they_are():
    """Two painted people, each shown twice: smaller, darker and mirrored."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 6, (160, 64, 3))

    def person(shirt, trousers):
        picture = np.full((160, 64, 3), 120.0)
        picture[10:30, 24:40], picture[30:90, 14:50], picture[90:155, 18:46] = 150, shirt, trousers
        return (picture + noise).clip(0, 255).astype(np.uint8)

    first = [person((40, 40, 170), (60, 50, 40)), person((170, 120, 40), (20, 20, 20))]
    again = [(np.asarray(each[:, ::-1], float) * 0.8).astype(np.uint8) for each in first]
    picture = np.hstack(first + again)
    boxes = np.array([[64 * i + 8, 5, 64 * i + 56, 158] for i in range(4)], float)
    embedder = open_embedder("own")
    vectors, usable = embedder(picture, boxes)
    alike = vectors @ vectors.T
    assert embedder.name == "own" and usable.all() and SHIPPED.stat().st_size < 1_000_000
    assert min(alike[0, 2], alike[1, 3]) > max(alike[0, 3], alike[1, 2], alike[0, 1]) + 0.1
