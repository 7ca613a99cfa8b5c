"""Places stay in the scene while the camera moves: counts and what is drawn."""

import numpy as np
import pytest

from mambatrack import Tracker
from mambatrack.camera.scene import Scene
from mambatrack.camera.transforms import CUT, as_motion
from mambatrack.counting.output import open_counting
from mambatrack.counting.places import parse_places
from mambatrack.sources.frames import Frame

RIGHT = as_motion([[1, 0, 10], [0, 1, 0]])
PICTURE = np.zeros((360, 640, 3), np.uint8)


def test_points_and_boxes_go_both_ways():
    scene, corners = Scene(), np.array([[100.0, 50.0], [200.0, 80.0]])
    assert scene.points_now(corners) is corners
    for motion in (RIGHT, None, as_motion([[2, 0, 0], [0, 2, 0]])):
        scene.note(motion)
    now = scene.points_now(corners)
    assert now.tolist() == [[220, 100], [420, 160]]
    box = now.reshape(1, 4).astype(np.float32)
    assert scene.boxes_then(box) == pytest.approx(corners.reshape(1, 4))
    scene.note(CUT)
    assert scene.points_now(corners) is corners


def counted(pan, told):
    """Crossings of a line before which one stands and another walks across, in a panned picture."""
    places = parse_places(["door:300,0,300,360"], [])
    counting = open_counting(places, (), "foot", 0.05, (640, 360), None, None, False)
    tracker = Tracker()
    for index in range(40):
        shift = pan * index
        boxes = [[200 + shift, 100, 240 + shift, 220, 0.9],
                 [250 + 4 * index + shift, 130, 290 + 4 * index + shift, 250, 0.9]]  # fmt: skip
        motion = [[1, 0, pan if index else 0], [0, 1, 0]] if told else None
        counting.write(Frame(index, index / 25, PICTURE), tracker.update(boxes, camera=motion))
    drawn = PICTURE.copy()
    counting.draw(drawn)
    counting.close()
    (line,) = counting.counts().lines
    return line.total.ins + line.total.outs, drawn


def test_a_panning_camera_sweeps_no_line_over_who_stands():
    assert counted(0, True)[0] == 1
    assert counted(6, False)[0] == 2
    crossings, drawn = counted(6, True)
    assert crossings == 1
    columns = drawn[200].any(axis=1).nonzero()[0]
    assert abs(columns.min() - (300 + 6 * 39)) < 3
