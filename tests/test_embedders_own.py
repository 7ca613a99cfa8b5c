"""The shipped embedder, and files that are none."""

import json

import numpy as np
import pytest
import torch

from mambatrack.embedders.loading import open_embedder
from mambatrack.errors import MambatrackError
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.networks.backbone import Shape, folded_weights
from mambatrack.networks.model_files import write_model

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
    assert (embedder.name, embedder.size, embedder.crop_size) == ("tiny", 8, (16, 48))
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
    with pytest.raises(MambatrackError, match="none.safetensors not found; give off, colour, or"):
        open_embedder(str(tmp_path / "none.safetensors"))
    (tmp_path / "none.json").write_text(json.dumps({}))
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(MambatrackError, match="do not fit together"):
        open_embedder(str(tmp_path / "none.safetensors"))
