"""Offline with an embedder: what boxes look like is a cue in both directions, and people who come
back are one."""

import numpy as np
import pytest

from mambatrack import MambatrackError
from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.embedders.colour import CROP, colour_embedder, histograms
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.offline import track_offline
from painted import RED, SIZE, ids_of, meeting

COLOUR = colour_embedder()
GREEN, BLUE, GREY = (0, 160, 0), (200, 0, 0), (120, 120, 120)
RATE, VISIT, EMPTY = 25.0, 30, 10
KEEP = MemoryConfig(seconds=60)


def looked_at(frames, embedder=COLOUR):
    looks = SequenceLooks(Appearance(embedder))
    for picture, boxes, *_ in frames:
        looks.note(picture, boxes)
    return looks


ONE = load_association(TrackerConfig(association="light"))  # a network, so that passes are few


def tracked(frames, looks=None, **options):
    times = [number / RATE for number in range(len(frames))]
    found, config = [boxes for _, boxes, *_ in frames], TrackerConfig(max_age=EMPTY)
    return track_offline(found, config, SIZE, times, looks=looks, association=ONE, **options)


def visits(*colours):
    """Frames (picture, boxes): in each visit people of these clothes walk, then nobody is there."""
    frames = []
    for clothes in colours:
        for step in range(VISIT):
            picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
            lefts = [40 + 250 * place + 2 * step for place in range(len(clothes))]
            boxes = np.array([[left, 60, left + 40, 190] for left in lefts])
            for (left, top, right, bottom), colour in zip(boxes.tolist(), clothes, strict=True):
                picture[top:bottom, left:right] = colour
            frames.append((picture, boxes))
        nobody = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), np.zeros((0, 4))
        frames += [nobody] * EMPTY
    return frames


def ids_in_visits(tracks):
    """Of each visit the ids by place, in its last frame."""
    ends = range(VISIT - 1, len(tracks), VISIT + EMPTY)
    return [tracks[end].ids[tracks[end].det_ind.argsort()].tolist() for end in ends]


def test_clothes_tell_who_turned_back():
    frames = list(meeting())
    tracks = tracked(frames, looked_at(frames))
    first, last = (ids_of(tracks[at], frames[at][2]) for at in (0, -1))
    assert first == last and len(first) == 2


def test_in_uniform_nothing_changes():
    frames = list(meeting(colours=(RED, RED), walk=20))
    ours, plain = tracked(frames, looked_at(frames), memory=KEEP), tracked(frames)
    for one, other in zip(ours, plain, strict=True):
        assert np.array_equal(one.ids, other.ids) and np.array_equal(one.boxes, other.boxes)


def test_who_comes_back_is_one_person():
    frames = visits((RED, BLUE), (GREEN, GREY), (BLUE, RED))
    looks = looked_at(frames)
    tracks = tracked(frames, looks, memory=KEEP)
    assert ids_in_visits(tracks) == [[1, 2], [3, 4], [2, 1]]
    assert tracks[VISIT].ended.tolist() == [1, 2], "nobody is drawn while he is away"
    assert {len(each) for each in tracks[VISIT : VISIT + EMPTY]} == {0}
    short = MemoryConfig(seconds=(VISIT + EMPTY) / RATE)
    assert ids_in_visits(tracked(frames, looks, memory=short)) == [[1, 2], [3, 4], [5, 6]]


def test_an_embedder_that_fails_leaves_boxes():
    fails = CropEmbedder("fails", histograms, CROP)
    fails.look = lambda crops: np.full((len(crops), fails.size), np.nan)
    frames = visits((RED, BLUE))
    with pytest.warns(UserWarning, match="the embedder fails failed"):
        looks = looked_at(frames, fails)
    assert looks.appearance.gave_up and not any(len(each.boxes) for each in looks.frames)
    plain = tracked(frames)
    for one, other in zip(tracked(frames, looks, memory=KEEP), plain, strict=True):
        assert np.array_equal(one.ids, other.ids)


def test_what_does_not_fit_is_refused():
    frames = visits((RED,))[:5]
    with pytest.raises(MambatrackError, match="5 frames were looked at in 3"):
        tracked(frames, looked_at(frames[:3]))
    with pytest.raises(MambatrackError, match="knows people again by an embedder"):
        tracked(frames, memory=KEEP)
