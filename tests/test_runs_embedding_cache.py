"""Embeddings of a data set are computed once."""

import pickle

import numpy as np
import pytest

from mambatrack import Tracker
from mambatrack.datasets.sequences import Sequence
from mambatrack.embedders import crop_embedder
from mambatrack.embedders.colour import colour_embedder
from mambatrack.runs import embedding_cache
from mambatrack.runs.embedding_cache import kept_embedder
from mambatrack.settings import AppearanceConfig
from painted import SIZE, meeting

FRAMES = list(meeting(walk=8, still=2))
CONFIG = AppearanceConfig(embedder="net.onnx")


class Counted:
    """Mean colours, and how many crops were looked at."""

    def __init__(self):
        self.crops = 0

    def __call__(self, crops):
        self.crops += len(crops)
        return crops.mean(axis=(1, 2))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """-> (folder of the cache, the sequence, the network behind every embedder that is opened)"""
    (tmp_path / "img1").mkdir()
    (tmp_path / "img1" / "1.jpg").write_bytes(b"picture")
    sequence = Sequence("meet", tmp_path, SIZE, 25.0, len(FRAMES), None, None, tmp_path / "img1")
    network = Counted()

    def opened(config):
        return crop_embedder.CropEmbedder("net", network, (8, 16))

    monkeypatch.setattr(embedding_cache, "configured_embedder", opened)
    return tmp_path / "cache", sequence, network


def looked(place, frames=FRAMES, config=CONFIG):
    """Vectors of all boxes, and the crops that the network saw."""
    folder, sequence, network = place
    before = network.crops
    with kept_embedder(sequence, config, folder) as embedder:
        before = network.crops
        vectors = [embedder(picture, boxes).vectors for picture, boxes, _ in frames]
    return np.concatenate(vectors), network.crops - before


def test_a_second_run_asks_no_network(place):
    first, crops = looked(place)
    again, none = looked(place)
    assert np.array_equal(first, again) and crops > 0 and none == 0
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)


def test_other_boxes_are_looked_at(place):
    _, some = looked(place, FRAMES[:4])
    _, rest = looked(place)
    _, none = looked(place)
    assert some > 0 and rest > 0 and none == 0


def test_other_settings_are_another_entry(place):
    _, crops = looked(place)
    other = AppearanceConfig(embedder="net.onnx", normalisation="rgb")
    assert looked(place, config=other)[1] == crops
    assert len(list(place[0].iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_entry_is_computed_again(place, content):
    first, crops = looked(place)
    (path,) = place[0].iterdir()
    if content is None:
        np.savez(path, keys=np.zeros((1, 16), np.uint8), vectors=np.zeros((1, 7)))
    else:
        path.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged; the embedder runs again"):
        again, same = looked(place)
    assert np.array_equal(first, again) and same == crops


def test_a_tracker_with_an_embedder_pickles():
    tracker = Tracker(image_size=SIZE, embedder=colour_embedder())
    for picture, boxes, _ in FRAMES[:8]:
        tracker.update(boxes, image=picture)
    other = pickle.loads(pickle.dumps(tracker))
    for picture, boxes, _ in FRAMES[8:]:
        ours = tracker.update(boxes, image=picture), other.update(boxes, image=picture)
        assert ours[0].ids.tolist() == ours[1].ids.tolist()
    assert tracker.appearance.crops == other.appearance.crops
