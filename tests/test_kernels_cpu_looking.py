"""Frames with pictures in few calls of the C library: what View makes of them in numpy, but for the
order of sums."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest

from c_library import needs_library
from mambatrack import Tracker, TrackerGroup
from mambatrack.appearance.doubts import Doubts
from mambatrack.embedders.colour import colour_embedder
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.kernels.cpu.usual_frames import UsualFrames
from mambatrack.kernels.cpu.usual_structs import OPEN, REPORTED, SETTLED
from mambatrack.settings import MemoryConfig
from painted import SIZE, meeting
from shaken_crowds import crowd_of_two_classes

COLOUR = colour_embedder()
PALETTE = np.random.default_rng(0).integers(0, 255, (5, 3))
PICTURE = np.full((240, 320, 3), 120, np.uint8)
CLOSE = 2e-5  # of sums of 288 numbers, and of what is learnt of them
LATE = (0.05, 0.05, 0.05, 0.15)


def painted(frames, seed=0):
    """(rows, seconds, picture [240, 320, 3]): clothes change from time to time."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(14)
    for number, (rows, time_s) in enumerate(frames):
        picture = rng.integers(90, 130, (240, 320, 3)).astype(np.uint8)
        if number % 25 == 24:
            order = rng.permutation(14)
        for (x0, y0, x1, y1), own in zip(rows[:, :4].clip(0).astype(int), order, strict=False):
            picture[y0:y1, x0:x1] = PALETTE[own % len(PALETTE)]
        yield rows, time_s, picture


def crowd(seed, count):
    return painted(crowd_of_two_classes(seed, count, np.random.default_rng(seed), LATE), seed)


def meetings(seed):
    return [(rows, None, picture) for picture, rows, _ in meeting(seed=seed)]


def stacked():
    """As many on one spot as the general solver is asked about."""
    rng = np.random.default_rng(3)
    for _ in range(8):
        corner = rng.uniform(0, 3, (14, 2))
        rows = np.column_stack([corner, corner + [40, 90], np.full(14, 0.9)])
        yield rows, None, rng.integers(0, 255, (120, 80, 3)).astype(np.uint8)


def far_of(settle, far):
    def counted(frames, *asked):
        found = settle(frames, *asked)
        far.update(each.state for each in found)
        return found

    return counted


def worst_looks(one, other):
    """By how much what two trackers know of looks differs."""
    ours, theirs = one.state_dict(), other.state_dict()
    names = [name for name in ours if name.endswith("looks") or name == "similarities"]
    return max(float(np.abs(ours[name] - theirs[name]).max(initial=0)) for name in names)


def compared(frames, embedder=COLOUR, **settings):
    """How far frames come, how many differ from those of a tracker that takes them step by step,
    and by how much the looks differ."""
    ours, theirs = (Tracker(embedder=embedder, **settings) for _ in range(2))
    theirs.by_step, far, differ, worst = True, Counter(), 0, 0.0
    exchange = Doubts._exchange
    with (
        patch.object(UsualFrames, "settle", far_of(UsualFrames.settle, far)),
        patch.object(
            Doubts, "_exchange", lambda *given: far.update(["exchanged"]) or exchange(*given)
        ),
    ):
        for rows, time_s, picture in frames:
            one = ours.update(rows, time_s, image=picture)
            other = theirs.update(rows, time_s, image=picture)
            differ += one.ids.tolist() != other.ids.tolist()
            differ += one.boxes.tobytes() != other.boxes.tobytes()
            differ += one.state.tolist() != other.state.tolist()
            worst = max(worst, worst_looks(ours, theirs))
    differ += ours.appearance.crops != theirs.appearance.crops
    differ += ours.appearance.boxes != theirs.appearance.boxes
    return {
        "far": [far[OPEN], far[SETTLED], far[REPORTED]],
        "exchanged": far["exchanged"],
        "differ": differ,
        "worst": worst,
    }


def measurements():
    """Of each instruction set, and under the sanitizer."""
    return {
        "crowd": compared(crowd(4, 40)),
        "others": compared(crowd(5, 40), predictor="mamba", hypotheses=6, max_age=3),
        "meeting": compared(meetings(0)),
        "stacked": compared(stacked()),
    }


def as_expected(found):
    same = all(not each["differ"] and each["worst"] < CLOSE for each in found.values())
    usual = min(found["crowd"]["far"][2], found["others"]["far"][2]) > 15
    return same and usual and found["stacked"]["far"][0] > 0


@needs_library
@pytest.mark.parametrize("seed", [4, 6])
def test_a_crowd_is_tracked_the_same_in_few_calls(seed):
    found = compared(crowd(seed, 70))
    assert (found["differ"], found["far"][2] > 30) == (0, True), found
    assert found["worst"] < CLOSE


@needs_library
def test_who_exchanges_places_does_so_in_few_calls():
    found = compared(meetings(0))
    assert found["differ"] == 0 and found["worst"] < CLOSE
    assert found["exchanged"] >= 2 and found["far"][2] > 80


@needs_library
def test_frames_left_to_the_general_solver_are_looked_at():
    found = compared(stacked())
    assert found["differ"] == 0 and found["worst"] < CLOSE and found["far"][0] > 0


@needs_library
@pytest.mark.filterwarnings("ignore:the embedder")
def test_an_embedder_that_fails_or_has_no_prior_is_taken_the_same():
    def failing(crops):
        if len(crops) == 1 and crops.std() > 45:
            raise RuntimeError("no")
        return crops.reshape(len(crops), -1)[:, :37].astype(np.float32)

    found = compared(crowd(7, 50), CropEmbedder("own", failing, (8, 16)))
    assert found["differ"] == 0 and found["worst"] < CLOSE and found["far"][2] > 20


@needs_library
def test_cameras_of_which_some_have_no_picture_are_tracked_as_by_themselves():
    group = TrackerGroup(count=3, embedder=COLOUR)
    alone = [Tracker(embedder=COLOUR) for _ in range(3)]
    far = Counter()
    with patch.object(UsualFrames, "settle", far_of(UsualFrames.settle, far)):
        for number, frames in enumerate(zip(*(crowd(seed, 30) for seed in (1, 2, 3)), strict=True)):
            due = {index: (rows, time_s) for index, (rows, time_s, _) in enumerate(frames)}
            images = {index: frames[index][2] for index in range(3) if (number + index) % 4}
            together = group.update(due, images=images)
            for index, (rows, time_s, _) in enumerate(frames):
                own = alone[index].update(rows, time_s, image=images.get(index))
                assert own.ids.tolist() == together[index].ids.tolist()
                assert own.boxes.tobytes() == together[index].boxes.tobytes()
    assert far[REPORTED] > 60
    for tracker, own in zip(group.trackers, alone, strict=True):
        assert worst_looks(tracker, own) == 0
        assert tracker.appearance.crops == own.appearance.crops > 0


@needs_library
def test_pictures_without_anybody():
    rows = np.array([[100.0, 50, 140, 170, 0.9]])
    frames = [(rows if number < 4 else rows[:0], None, PICTURE) for number in range(12)]
    found = compared(frames, max_age=2)
    assert (found["differ"], found["far"][2]) == (0, 11)


@needs_library
def test_an_empty_picture_says_nothing():
    tracker = Tracker(image_size=SIZE, embedder=COLOUR)
    for _ in range(4):
        tracker.update([[100, 50, 140, 170, 0.9]], image=np.zeros((0, 0, 3), np.uint8))
    assert tracker.appearance.boxes == 0


def coming_back():
    """Two of three people leave for a while, and come back elsewhere; one stays."""
    rng = np.random.default_rng(1)
    for frame in range(70):
        left = np.array([40.0 + frame, 150, 260 - frame])
        seen = [1] if 30 <= frame < 45 else [0, 1, 2]
        rows = np.column_stack([left, [60, 90, 120], left + 30, [140, 170, 200], [0.9] * 3])
        picture = rng.integers(90, 130, (240, 320, 3)).astype(np.uint8)
        for own in seen:
            x0, y0, x1, y1 = rows[own, :4].astype(int)
            picture[y0:y1, x0:x1] = PALETTE[own]
        yield rows[seen], frame / 10, picture


@needs_library
@pytest.mark.parametrize("kept", [{}, {"pictures": True}])
def test_who_comes_back_is_known_again_in_few_calls(kept):
    given = {"embedder": COLOUR, "memory": MemoryConfig(seconds=60, **kept), "max_age": 5}
    ours, theirs = Tracker(**given), Tracker(**given)
    theirs.by_step, returned, far = True, 0, Counter()
    with patch.object(UsualFrames, "settle", far_of(UsualFrames.settle, far)):
        for rows, time_s, picture in coming_back():
            one = ours.update(rows, time_s, image=picture)
            other = theirs.update(rows, time_s, image=picture)
            assert one.ids.tolist() == other.ids.tolist()
            assert one.ended.tolist() == other.ended.tolist()
            assert repr(one.returned) == repr(other.returned)
            returned += 0 if one.returned is None else len(one.returned)
    assert returned == 2 and far[REPORTED] == 0
    assert (far[SETTLED] > 50) == (not kept)
    assert worst_looks(ours, theirs) < CLOSE


@needs_library
def test_vectors_of_another_size_than_the_looks_are_refused():
    tracker, row = Tracker(embedder=COLOUR), [[100, 50, 140, 170, 0.9]]
    tracker.update(row, image=PICTURE)
    tracker.appearance.embedder = CropEmbedder("small", lambda crops: crops[:, 0, :4, 0], (8, 16))
    with pytest.raises(ValueError, match="vectors of 288 numbers expected, got 4"):
        tracker.update(row, image=PICTURE)
