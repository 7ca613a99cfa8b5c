"""Labelled pictures in the layout of YOLO."""

import numpy as np
import pytest

from mambatrack.datasets.labelled_pictures import labelled_pictures
from mambatrack.errors import MambatrackError


@pytest.fixture
def folder(tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for name in ("b.jpg", "a.png", "notes.md"):
        (tmp_path / "images" / name).write_bytes(b"")
    return tmp_path


def test_rows_with_and_without_a_score(folder):
    (folder / "labels/b.txt").write_text("0 .5 .5 .2 .4\n\n1 .1 .1 .2 .2 .9\n2 .5 .5 1 1 .3\n")
    first, second = labelled_pictures(folder, [0, 2])
    assert first.picture.name == "a.png" and first.boxes.shape == (0, 4)
    assert np.allclose(second.boxes, [[0.4, 0.3, 0.6, 0.7], [0, 0, 1, 1]])
    assert np.allclose(second.sure, [1, 0.3])


@pytest.mark.parametrize(
    "row", ["0 .5 .5 .2", "0 .5 .5 .2 .4 .9 .1", "0 1.5 .5 .2 .4", "0 .5 nan .2 .4", "person 1 1"]
)
def test_damaged_rows_are_named(row, folder):
    (folder / "labels/b.txt").write_text(f"0 .5 .5 .2 .4\n{row}\n")
    with pytest.raises(MambatrackError, match=r"b.txt, line 2: class cx cy w h, .* expected"):
        labelled_pictures(folder, [0])


def test_a_text_that_is_none_is_named(folder):
    (folder / "labels/b.txt").write_bytes(b"\xff\xfe0 .5")
    with pytest.raises(MambatrackError, match=r"b.txt cannot be read"):
        labelled_pictures(folder, [0])


@pytest.mark.parametrize("part", ["", "images/a.png"])
def test_folders_without_pictures_are_named(part, tmp_path):
    with pytest.raises(MambatrackError, match="no pictures in .*; expected images/NAME.jpg"):
        labelled_pictures(tmp_path / part, [0])
