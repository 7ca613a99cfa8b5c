"""Memory: who comes back has the old id again; what is kept, and how it is deleted."""

import json

import cv2
import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, jsonl_writer
from mambatrack.appearance.gallery import Gallery
from mambatrack.appearance.pictures import thumbnail
from mambatrack.cli import main
from mambatrack.embedders.colour import CROP, histograms
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.settings import MemoryConfig

SIZE, RATE, VISIT = (320, 180), 25.0, 60
RED, BLUE, GREEN, GREY = (0, 0, 200), (200, 0, 0), (0, 160, 0), (120, 120, 120)
KEEP = MemoryConfig(seconds=60.0)
PLAIN = CropEmbedder("plain", histograms, CROP)  # learns what its similarities are worth


def tracker_of(memory=KEEP, embedder=PLAIN, max_age=10, **settings):
    return Tracker(
        image_size=SIZE, embedder=embedder, memory=memory, max_age=max_age, min_hits=1, **settings
    )


def frames_of(*visits, empty=15):
    """Pictures and boxes: in each visit people of these colours walk, then nobody is there."""
    for colours in visits:
        for step in range(VISIT):
            picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
            boxes = [
                [20 + 150 * place + step, 20, 50 + 150 * place + step, 120]
                for place in range(len(colours))
            ]
            for (left, top, right, bottom), colour in zip(boxes, colours, strict=True):
                picture[top:bottom, left:right] = colour
            yield picture, boxes
        for _ in range(empty):
            yield np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), []


def run(tracker, frames, first=0):
    return [
        tracker.update(boxes, (first + number) / RATE, image=picture)
        for number, (picture, boxes) in enumerate(frames)
    ]


VISITS = (RED, BLUE), (GREEN, GREY), (BLUE, RED)


def ids_at_ends(results, empty=15):
    """ids in the last frame of each visit, by place; empty: frames between two visits"""
    return [
        results[end].ids[results[end].det_ind.argsort()].tolist()
        for end in range(VISIT - 1, len(results), VISIT + empty)
    ]


def test_who_comes_back_has_the_old_id():
    results = run(tracker_of(), frames_of(*VISITS))
    first, others, again = ids_at_ends(results)
    assert again == first[::-1] and not set(others) & set(first)
    pairs = np.concatenate([each.returned for each in results if each.returned is not None])
    assert sorted(pairs[:, 1].tolist()) == sorted(first)
    for tracks in results:
        assert (np.diff(tracks.ids) > 0).all()


def test_who_was_hidden_has_the_old_id_before_it_ends():
    tracker = tracker_of(max_age=200)
    results = run(tracker, frames_of((RED, BLUE), (BLUE, RED), empty=10))  # out of reach
    first, again = ids_at_ends(results, empty=10)
    assert again == first[::-1] and len(tracker.state.hypotheses.table) == 2
    told = [each.returned for each in results if each.returned is not None]
    assert sorted(np.concatenate(told)[:, 1].tolist()) == sorted(first)
    for tracks in results:
        assert (np.diff(tracks.ids) > 0).all() and not len(tracks.ended)
    assert not len(tracker.state.memory.gallery)


@pytest.mark.parametrize("memory", [None, MemoryConfig(seconds=0), MemoryConfig(seconds=2.0)])
def test_nothing_is_kept_for_longer_than_asked(memory):
    tracker = tracker_of(memory)
    ids = ids_at_ends(run(tracker, frames_of(*VISITS)))
    assert len(set(sum(ids, []))) == 6
    kept = {name for name in tracker.state_dict() if name.startswith("gallery.")}
    assert bool(kept) == (memory is not None and memory.seconds > 0)


def test_a_memory_of_one():
    tracker = tracker_of(MemoryConfig(seconds=60, size=1))
    run(tracker, frames_of(*VISITS[:2]))
    assert len(tracker.state.memory.gallery) == 1


@pytest.mark.parametrize("cut", [14, VISIT + 14, 2 * (VISIT + 15) + 20])
def test_a_memory_survives_in_a_state_file(tmp_path, cut):
    frames = list(frames_of(*VISITS))
    whole = run(tracker_of(), frames)
    before, after = tracker_of(), tracker_of()
    run(before, frames[:cut])
    before.save(tmp_path / "state")
    after.load(tmp_path / "state")
    for one, other in zip(whole[cut:], run(after, frames[cut:], cut), strict=True):
        assert one.ids.tolist() == other.ids.tolist() and one.ended.tolist() == other.ended.tolist()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gallery.codes", lambda each: each[:, :5]),
        ("gallery.codes", lambda each: each * 3),
        ("gallery.ids", lambda each: each - 9),
        ("gallery.seen", lambda each: each * np.nan),
        ("gallery.pictures", lambda each: np.zeros((2, 9, 9, 3), np.uint8)),
        ("gallery.returned", lambda each: np.array([[99, 1]])),
    ],
)
def test_a_damaged_gallery_is_refused(name, change):
    tracker = tracker_of()
    run(tracker, frames_of(*VISITS[:1]))
    state = tracker.state_dict()
    state[name] = change(state.get(name))
    with pytest.raises(MambatrackError, match="this state does not fit: it is with"):
        tracker_of().load_state_dict(state)


def test_without_a_memory_a_gallery_is_dropped():
    tracker, other = tracker_of(), tracker_of(None)
    run(tracker, frames_of(*VISITS[:1]))
    other.load_state_dict(tracker.state_dict())
    assert not any(name.startswith("gallery.") for name in other.state_dict())


def test_what_a_memory_needs():
    with pytest.raises(MambatrackError, match="knows people again by an embedder"):
        tracker_of(embedder=None)
    with pytest.raises(MambatrackError, match="cuts tracks, and a memory"):
        tracker_of(caution=0.5)


def test_json_lines_tell_it(tmp_path):
    with jsonl_writer(tmp_path / "out.jsonl") as writer:
        for tracks in run(tracker_of(), frames_of(*VISITS)):
            writer.write(tracks)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    told = [pair for line in lines for pair in line.get("returned", ())]
    assert sorted(old for _, old in told) == [1, 2] and all(own > old for own, old in told)


@pytest.fixture
def state(tmp_path):
    tracker = tracker_of()
    run(tracker, frames_of(*VISITS[:2]))
    tracker.save(tmp_path / "state")
    tracker.save(tmp_path / "state")
    return tmp_path / "state"


def gallery_of(state):
    tracker = tracker_of()
    tracker.load(state)
    return tracker.state.memory.gallery


def test_the_gallery_is_listed(state, capsys):
    assert main(["gallery", str(state)]) == 0
    said = capsys.readouterr().out
    assert "tracker: 4 kept" in said and "  id 1, last seen at 2.4 s" in said


def test_forgotten_is_gone(state, capsys):
    code = gallery_of(state).codes[0]
    assert state.with_name("state.bak").exists()
    assert main(["gallery", str(state), "--forget", "1"]) == 0
    assert gallery_of(state).ids.tolist() == [2, 3, 4]
    assert not (gallery_of(state).codes == code).all(axis=1).any()
    assert [each.name for each in state.parent.iterdir()] == ["state"]
    assert main(["gallery", str(state), "--forget", "all"]) == 0
    assert len(gallery_of(state)) == 0


def test_pictures_are_kept_only_where_they_are_asked_for(tmp_path, capsys):
    tracker = tracker_of(MemoryConfig(seconds=60.0, pictures=True))
    run(tracker, frames_of(*VISITS[:1]))
    tracker.save(tmp_path / "state")
    assert main(["gallery", str(tmp_path / "state"), "--pictures", str(tmp_path / "seen")]) == 0
    assert f"id 1, last seen at 2.4 s, {tmp_path / 'seen' / '1.png'}" in capsys.readouterr().out
    for name, colour in (("1.png", RED), ("2.png", BLUE)):
        assert (cv2.imread(str(tmp_path / "seen" / name)) == colour).all()
    again = ["gallery", str(tmp_path / "state"), "--pictures", str(tmp_path / "seen")]
    assert main(again) == 1 and "--overwrite" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    after = tracker_of(MemoryConfig(seconds=60.0, pictures=True))
    after.load(tmp_path / "state")
    assert (after.state.memory.gallery.pictures == tracker.state.memory.gallery.pictures).all()
    plain = tracker_of()
    plain.load(tmp_path / "state")
    assert "gallery.pictures" not in plain.state_dict()
    assert len(plain.state.memory.gallery) == 2


def test_a_picture_is_deleted_with_its_person(tmp_path):
    tracker = tracker_of(MemoryConfig(seconds=60.0, pictures=True))
    run(tracker, frames_of((GREEN, GREY)))
    tracker.save(tmp_path / "state")
    assert bytes(GREEN) * 40 in (tmp_path / "state").read_bytes()
    assert main(["gallery", str(tmp_path / "state"), "--forget", "1", "--quiet"]) == 0
    assert bytes(GREEN) * 40 not in (tmp_path / "state").read_bytes()
    assert bytes(GREY) * 40 in (tmp_path / "state").read_bytes()


def test_two_are_merged(state):
    before = gallery_of(state)
    assert main(["gallery", str(state), "--merge", "1", "3", "--quiet"]) == 0
    after = gallery_of(state)
    assert after.ids.tolist() == [1, 2, 4] and after.seen[0] == before.seen[2]
    assert np.linalg.norm(after.codes[0]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--forget", "9"], "the gallery has no id '9'; it has 1, 2, 3, 4"),
        (["--merge", "1", "1"], "cannot be merged with itself"),
        (["--source", "b"], "has no source 'b'; expected one of tracker"),
    ],
)
def test_what_is_not_there(state, capsys, given, message):
    assert main(["gallery", str(state), *given]) == 1
    assert message in capsys.readouterr().err


def test_a_state_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["gallery", str(tmp_path / "none.state")]) == 1
    assert "none.state does not exist; name a file of live --state" in capsys.readouterr().err


def test_a_large_gallery_keeps_the_newest():
    gallery, rng = Gallery(8, 100_000), np.random.default_rng(0)
    codes = rng.normal(size=(100_000, 8)).astype(np.float32)
    gallery.add(np.arange(1, 100_001), codes, np.arange(100_000.0))
    assert len(gallery) == 100_000
    gallery.add(np.array([200_000]), codes[:1], np.array([1e6]))
    assert len(gallery) == 100_000 and gallery.ids[0] == 2


@pytest.mark.parametrize("image", [
    np.full((50, 60), 9, np.uint8), np.full((50, 60, 1), 9 << 8, np.uint16),
    np.full((50, 60, 4), 9, np.uint8),
])  # fmt: skip
def test_a_thumbnail_of_any_picture_and_box(image):
    for box in ([10, 10, 20, 40], [-90, -90, 900, 900], [70, 70, 71, 71]):
        picture = thumbnail(image, np.array(box, np.float32))
        assert picture.shape == (96, 48, 3) and picture.dtype == np.uint8 and (picture == 9).all()
