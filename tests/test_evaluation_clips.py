"""Clips of id switches: the frames around each, drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mambatrack.datasets.sequences import open_sequence
from mambatrack.evaluation.clips import clip_name, draw_switch, write_clips
from mambatrack.evaluation.switches import Switch
from mambatrack.simulation.world import write_sequence
from test_evaluation_switches import EXAMPLE, boxes_at, sequence, standing


@pytest.mark.parametrize("name", ["a/../b", "..", 'x<>:"|?*\n', "日本", "n" * 300])
def test_file_names_are_safe(name):
    found = clip_name(Switch(**{**vars(EXAMPLE), "sequence": name}))
    assert Path(found).name == found and found.isascii() and len(found) < 200
    assert not set(found) & set('<>:"/\\|?* \n') and not found.startswith(".")


def frames_of(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    images = []
    while (image := capture.read()[1]) is not None:
        images.append(image)
    return images


def test_a_clip_shows_a_second_on_both_sides_and_stands_still_at_the_switch(tmp_path):
    truth, results = boxes_at(standing(range(1, 100))), boxes_at(standing(range(1, 100), 8))
    early, late = (Switch(**{**vars(EXAMPLE), "frame": frame}) for frame in (4, 50))
    clips = write_clips(tmp_path / "clips", sequence(), [early, late], truth, results)
    assert [clip.switch for clip in clips] == [early, late]
    assert [len(frames_of(clip.path)) for clip in clips] == [3 + 10 + 10, 10 + 10 + 10]
    [only] = write_clips(
        tmp_path / "one", sequence(), [late, early], truth, results, limit=1, seconds=0.2
    )
    images = frames_of(only.path)
    assert len(images) == 2 + 10 + 2
    caption = [image[:8, 300:].astype(int).mean(axis=(0, 1)) for image in images]
    red = [bool(colour[2] > colour[0] + 60) for colour in caption]
    assert red == [2 <= number < 12 for number in range(14)]


def test_clips_are_drawn_on_the_frames_of_a_video_beside_the_truth(tmp_path):
    write_sequence(tmp_path / "s", seed=1, frames=6, size=(320, 240), video=tmp_path / "s/v.mp4")
    world = open_sequence(tmp_path / "s")
    switch = Switch(**{**vars(EXAMPLE), "frame": 4})
    [clip] = write_clips(tmp_path / "clips", world, [switch], boxes_at([]), boxes_at([]))
    real = frames_of(tmp_path / "s/v.mp4")[0]
    assert np.abs(frames_of(clip.path)[0][60:].astype(int) - real[60:]).mean() < 12


def test_clips_are_drawn_on_real_frames(tmp_path):
    write_sequence(tmp_path / "s", seed=1, frames=6, size=(320, 240), images=True)
    world = open_sequence(tmp_path / "s")
    assert world.images is not None
    (sorted(world.images.iterdir())[-1]).unlink()  # the last frame has no picture any more
    nothing = boxes_at([])
    switch = Switch(**{**vars(EXAMPLE), "frame": 4})
    [clip] = write_clips(tmp_path, world, [switch], nothing, nothing, overwrite=True)
    images = frames_of(clip.path)
    real = cv2.imread(str(sorted(world.images.iterdir())[0]))
    assert np.abs(images[0][60:].astype(int) - real[60:]).mean() < 12
    assert images[-1][60:].std() < 3


def test_predicted_boxes_are_thin_and_the_object_has_a_frame():
    truth = boxes_at(standing([7]) + standing([7], 2, left=500))
    results = boxes_at([(7, 8, 310), (7, 9, 100)])
    picture = np.zeros((480, 640, 3), np.uint8)
    draw_switch(picture, 7, EXAMPLE, truth, results, np.array([False, True]))
    bright = picture[140].max(axis=1) > 100
    parts = {"predicted": (90, 110), "frame": (290, 299), "true": (299, 304), "seen": (304, 315),
             "another": (490, 510)}  # fmt: skip
    widths = {name: int(bright[start:stop].sum()) for name, (start, stop) in parts.items()}
    assert widths == {"predicted": 1, "frame": 3, "true": 1, "seen": 3, "another": 1}
