"""Transforms in files: read, written, and what is wrong with one is said with its line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack import MambatrackError
from mambatrack.camera.files import FileCamera, line_of, read_transforms
from mambatrack.camera.interface import Travel
from mambatrack.camera.transforms import CUT, UNKNOWN, CameraMotion, as_motion

NOTHING = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 4), np.float32)


def written(folder, text):
    path = folder / "camera.txt"
    path.write_text(text)
    return path


def asked(camera, index):
    image, boxes = NOTHING
    return camera(image, index, boxes)


def test_affine_transforms_homographies_and_cuts_are_read(tmp_path):
    path = written(tmp_path, "# from frame to frame\n\n0 1 0 0 0 1 0\n1\t1,0,5,0,1,-2,0.5\n"
                   "2 cut # another shot\n3 1 0 5 0 1 0 1e-5 0 1\n")  # fmt: skip
    found = read_transforms(path)
    assert found[0].stands and found[1].certainty == 0.5
    assert found[1].transform[:2, 2].tolist() == [5, -2]
    assert found[2] is CUT and found[3].transform[2, 0] == 1e-5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no transform"),
        ("0 1 0 0 0 1", "line 1: 6 columns; expected"),
        ("0 1 0 0 0 1 x", "line 1: could not convert"),
        ("1.5 1 0 0 0 1 0", "line 1: frame '1.5'"),
        ("-1 1 0 0 0 1 0", "line 1: frame '-1'"),
        ("0 1 0 0 0 1 0\n0 1 0 0 0 1 0", "line 2: frame 0 has a second line"),
        ("0 1 0 0 1 0 0", "line 1: the camera's transform is singular"),
        ("0 1 0 nan 0 1 0", "line 1: the camera's transform has numbers that are not finite"),
        ("0 1 0 0 0 1 0 7", "line 1: the certainty 7"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, text, reason):
    with pytest.raises(MambatrackError, match=reason):
        read_transforms(written(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "camera.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MambatrackError, match="cannot read the transforms"):
        read_transforms(tmp_path / "camera.txt")


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=2), st.floats(0, 1), st.booleans())
def test_what_is_written_is_read_again(tmp_path_factory, shift, slant, affine):
    transform = np.array([[1.01, 0.02, shift[0]], [-0.02, 1.01, shift[1]], [0, 0, 1]])
    transform[2, 0] = 0 if affine else slant * 1e-3
    motion = CameraMotion(as_motion(transform).transform, 0.25)
    path = tmp_path_factory.mktemp("camera") / "camera.txt"
    path.write_text(line_of(4, motion) + line_of(5, CUT))
    found = read_transforms(path)
    assert found[4].transform == pytest.approx(motion.transform, rel=1e-8, abs=1e-8)
    assert found[4].certainty == 0.25 and found[5] is CUT


def test_transforms_of_frames_that_were_passed_over_count():
    camera = FileCamera({frame: as_motion([[1, 0, frame], [0, 1, 0]]) for frame in range(10)})
    assert asked(camera, 2).transform[0, 2] == 2
    assert asked(camera, 5).transform[0, 2] == 3 + 4 + 5
    assert asked(camera, 6).transform[0, 2] == 6


def test_a_frame_without_a_line_is_not_known_and_a_cut_among_those_passed_over_is_one():
    camera = FileCamera({0: as_motion(np.eye(3)), 3: CUT})
    assert asked(camera, 0).certainty == 1
    assert asked(camera, 1) is UNKNOWN
    assert asked(camera, 5) is CUT


def test_travel_says_how_much_the_camera_moved():
    travel = Travel()
    for motion in (as_motion([[1, 0, 6], [0, 1, 8]]), UNKNOWN, CUT, None):
        travel.note(motion, (640, 360))
    assert (travel.frames, travel.known, travel.unknown, travel.cuts) == (3, 2, 1, 1)
    assert str(travel) == (
        "the camera moved 3.3 pixels a frame in 3 frames, certainty 1.00, 1 cut; not known in 1 of "
        "them"
    )


def test_the_certainty_of_a_run_is_that_of_the_frames_whose_motion_is_known():
    travel = Travel()
    assert "certainty" not in str(travel)
    for certainty in (0.0, 0.5, 0.75, 0.0):
        travel.note(CameraMotion(np.eye(3), certainty), (640, 360))
    assert travel.mean_certainty == 0.625 and travel.unknown == 1
