"""Results of every 5th frame: no tool may take the frames between for gaps."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.cli import export_tracks
from mambatrack.cli.program import parse
from mambatrack.result_files.between import fill_between
from mambatrack.result_files.read_results import read_recording

STRIDE = 5
PRESENT = (0, 1, 2, 5, 6, 9)  # of ten tracked frames


def write_jsonl(path, present=PRESENT, stride=STRIDE, frames=10):
    lines = [{"format": "mambatrack-tracks", "version": 1, "classes": ["person"]}]
    for index in range(frames):
        left = 10.0 + 5 * index
        track = {"id": 4, "box": [left, 10, left + 20, 50], "score": 0.5, "label": 0,
                 "class": "person", "state": "observed", "gap": 0, "spread": [0] * 4}  # fmt: skip
        lines.append({"frame": index * stride, "time_s": index * stride / 25,
                      "tracks": [track] if index in present else [], "ended": []})  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_mot(path, present=PRESENT, stride=STRIDE):
    rows = [f"{index * stride + 1},4,{10 + 5 * index},10,20,40,0.5,-1,-1,-1" for index in present]
    path.write_text("\n".join(rows) + "\n")
    return path


def shown_by_label_studio(sequence, frame):
    """isInLifespan of Label Studio's VideoRegion.js, and getShape of its rectangle."""
    before = [each for each in sequence if each["frame"] <= frame]
    return bool(before) and (before[-1]["enabled"] or before[-1]["frame"] == frame)


def export(source, form, out, *options):
    given = ["export-tracks", source, "--format", form, "--out", out, "--quiet", *options]
    _, options, config = parse([str(each) for each in given])
    assert export_tracks.run(options, config) == 0
    return out


@pytest.mark.parametrize("write", [write_jsonl, write_mot])
def test_label_studio_shows_a_track_from_one_tracked_frame_to_the_next(tmp_path, write):
    source = write(tmp_path / "r")
    out = export(source, "label-studio", tmp_path / "l.json", "--size=200x100", "--fps=25")
    [task] = json.loads(out.read_text())
    [region] = task["predictions"][0]["result"]
    sequence = region["value"]["sequence"]
    shown = [frame for frame in range(1, 51) if shown_by_label_studio(sequence, frame)]
    assert shown == [*range(1, 12), *range(26, 32), 46] and task["data"]["fps"] == 25


@pytest.mark.parametrize("write", [write_jsonl, write_mot])
def test_cvat_and_fiftyone_have_a_box_in_every_frame_between(tmp_path, write):
    source = write(tmp_path / "r")
    with zipfile.ZipFile(export(source, "cvat", tmp_path / "c.zip")) as archive:
        rows = [row.split(",") for row in archive.read("gt/gt.txt").decode().splitlines()]
    assert [int(row[0]) for row in rows] == [*range(1, 12), *range(26, 32), 46]
    assert [float(row[2]) for row in rows[:6]] == [10, 11, 12, 13, 14, 15]
    assert {row[8] for row in rows} == {"1"}


def test_without_a_stride_nothing_is_filled(tmp_path):
    recording = read_recording(write_jsonl(tmp_path / "r", stride=1))
    filled = fill_between(recording)
    assert filled.frame.tolist() == list(PRESENT) == recording.frame.tolist()


@given(st.sets(st.integers(0, 20), min_size=2), st.integers(1, 9))
def test_filled_boxes_are_on_the_line_and_tracked_ones_stay(tmp_path_factory, present, stride):
    folder = tmp_path_factory.mktemp("results")
    path = write_jsonl(folder / "r", sorted(present), stride, frames=21)
    recording = read_recording(path)
    filled = fill_between(recording)
    np.testing.assert_allclose(filled.boxes[:, 0], 10 + 5 * filled.frame / stride)
    assert set(recording.frame.tolist()) <= set(filled.frame.tolist())
    pairs = sum(index + 1 in present for index in present)
    assert len(filled) == len(recording) + pairs * (stride - 1)
