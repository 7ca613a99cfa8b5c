"""mambatrack detect: boxes of a whole source into det.txt, and what a stop leaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.cli import main
from mambatrack.datasets.sequences import find_sequences
from mambatrack.detections import as_detections
from mambatrack.detectors.yolox import YoloxDetector
from mambatrack.runs.detect import DetectionFile, detect_frames
from mambatrack.sources.frames import Frame
from tiny_onnx import heads, write_onnx
from videos import COUNT, write_avi

BOXES = [[8, 8, 24, 40], [30, 10, 50, 60]]
NOTHING = np.zeros((0, 0, 3), np.uint8)


@pytest.fixture
def command(tmp_path):
    """mambatrack detect on a sequence whose pictures are a video."""
    head = heads(BOXES, 3, [0.9, 0.5], [0, 2])[0]
    weights = write_onnx(tmp_path / "a.onnx", {"output": head[None]})
    folder = tmp_path / "seq"
    folder.mkdir()
    video = write_avi(folder / "video.avi")
    options = ["--weights", weights, "--out", str(folder / "det" / "det.txt")]
    return ["detect", str(video), *options], folder / "det" / "det.txt"


def test_boxes_of_every_frame_are_written(command, capsys):
    arguments, path = command
    assert main(arguments) == 0
    rows = np.loadtxt(path, delimiter=",")
    assert rows.shape == (2 * COUNT, 10) and sorted(set(rows[:, 0])) == list(range(1, COUNT + 1))
    np.testing.assert_allclose(rows[:2, 2:7], [[8, 8, 16, 32, 0.9], [30, 10, 20, 50, 0.5]])
    assert [each.name for each in path.parent.iterdir()] == ["det.txt"]
    assert f"wrote 24 boxes of 12 frames to {path}" in capsys.readouterr().out
    assert main(arguments) == 1 and "exists; use --overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite", "--classes", "2"]) == 0
    assert len(np.loadtxt(path, delimiter=",")) == COUNT


def test_the_sequence_can_be_tracked_then(command, tmp_path):
    arguments, path = command
    assert main(arguments) == 0
    dataset = ["track", "--dataset", str(path.parents[1]), "--out", str(tmp_path / "out")]
    assert main([*dataset, "--predictor", "kalman", "--association", "overlap"]) == 0
    assert len(np.loadtxt(tmp_path / "out" / "seq.txt", delimiter=",")) == COUNT


def stopped_at(monkeypatch, number):
    """The detector is stopped at this frame; the frames that it is given, from now on."""
    asked = []
    found = YoloxDetector.__call__

    def call(self, image, index=0):
        asked.append(index)
        if index == number:
            raise KeyboardInterrupt
        return found(self, image, index)

    monkeypatch.setattr(YoloxDetector, "__call__", call)
    return asked


def test_the_same_command_goes_on_from_a_stop(command, monkeypatch, capsys):
    arguments, path = command
    stopped_at(monkeypatch, 7)
    assert main(arguments) == 130 and not path.exists()
    assert "the same mambatrack detect goes on from here" in capsys.readouterr().err
    monkeypatch.undo()
    asked = stopped_at(monkeypatch, None)
    assert main(arguments) == 0 and asked == list(range(6, COUNT))
    rows = np.loadtxt(path, delimiter=",")
    assert rows[:, 0].tolist() == np.repeat(np.arange(1, COUNT + 1), 2).tolist()


def test_a_part_of_the_source_keeps_its_numbers_also_after_a_stop(command, monkeypatch, capsys):
    arguments, path = command
    arguments += ["--start", "2", "--stop", "11", "--stride", "3", "--crop", "0:0:40:40"]
    stopped_at(monkeypatch, 8)
    assert main(arguments) == 130
    monkeypatch.undo()
    asked = stopped_at(monkeypatch, None)
    assert main(arguments) == 0 and asked == [5, 8]
    rows = np.loadtxt(path, delimiter=",")
    assert sorted(set(rows[:, 0])) == [3, 6, 9] and rows[:, 2:4].max() < 40
    assert "of 3 frames to" in capsys.readouterr().out


def test_other_settings_begin_again(command, monkeypatch):
    arguments, path = command
    stopped_at(monkeypatch, 7)
    assert main(arguments) == 130
    monkeypatch.undo()
    asked = stopped_at(monkeypatch, None)
    assert main([*arguments, "--conf", "0.6"]) == 0 and asked == list(range(COUNT))
    assert len(np.loadtxt(path, delimiter=",")) == COUNT


def test_what_cannot_be_detected_is_said(command, tmp_path, capsys):
    arguments, path = command
    assert main([*arguments, "--out", str(tmp_path / "no" / "where" / "det.txt")]) == 1
    assert "No such file" in capsys.readouterr().err and not path.exists()


def test_every_sequence_of_a_data_set_gets_its_det_txt(command, tmp_path, capsys):
    arguments, path = command
    other = tmp_path / "val" / "other"
    for folder in (path.parent.parent, other):
        (folder / "gt").mkdir(parents=True)
        (folder / "gt" / "gt.txt").write_text("1,1,2,3,40,50,1\n")
    write_avi(other / "a.avi")
    words = ["detect", "--dataset", str(tmp_path), *arguments[2:4]]
    assert main([*words, "--split", "val"]) == 0 and not path.exists()
    assert main(words) == 0
    assert "there already: 1 of 2 sequences" in capsys.readouterr().out
    for folder in (path.parent, other / "det"):
        assert len(np.loadtxt(folder / "det.txt", delimiter=",")) == 2 * COUNT
    for words in (["detect"], ["detect", "a.mp4"], ["detect", "a.mp4", "--dataset", "d"]):
        with pytest.raises(SystemExit):
            main(words)


def test_a_video_without_a_folder_and_a_sequence_without_pictures_are_told(tmp_path, capsys):
    (tmp_path / "bare" / "gt").mkdir(parents=True)
    (tmp_path / "bare" / "gt" / "gt.txt").write_text("1,1,2,3,40,50,1\n")
    write_avi(tmp_path / "videos.avi")
    detect = ["detect", "--detector", "motion", "--dataset"]
    assert main([*detect, str(tmp_path)]) == 1
    assert "bare has no pictures; expected img1/ or a video" in capsys.readouterr().err
    (tmp_path / "bare" / "gt" / "gt.txt").unlink()
    (tmp_path / "bare" / "gt").rmdir()
    assert main([*detect, str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "videos.avi is a video without a folder of its own; move it to videos/" in said


def test_a_folder_with_nothing_but_a_video_is_detected_and_then_a_sequence(tmp_path, capsys):
    data = ["--dataset", str(tmp_path), "--detector", "motion"]
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        write_avi(tmp_path / "train" / name / f"{name}.avi")
    assert main(["track", *data, "--out", str(tmp_path / "o")]) == 1
    assert "a has a video and no boxes yet: mambatrack detect --data" in capsys.readouterr().err
    (tmp_path / "train" / "b" / "det").mkdir()
    (tmp_path / "train" / "b" / "det" / "det.txt").touch()
    assert main(["detect", *data]) == 0
    assert "there already: 1 of 2 sequences" in capsys.readouterr().out
    assert [each.name for each in find_sequences(tmp_path)] == ["a", "b"]
    assert main(["detect", *data]) == 0
    assert "there already: 2 of 2 sequences" in capsys.readouterr().out


def test_boxes_of_another_program_become_det_txt(command, tmp_path):
    arguments, path = command
    (tmp_path / "a.csv").write_text("frame,x1,y1,x2,y2,conf\n1,8,8,24,40,0.9\n3,9,8,25,40,0.8\n")
    assert main([*arguments, "--weights", str(tmp_path / "a.csv")]) == 0
    rows = np.loadtxt(path, delimiter=",")
    np.testing.assert_allclose(
        rows[:, :7], [[1, -1, 8, 8, 16, 32, 0.9], [3, -1, 9, 8, 16, 32, 0.8]]
    )


def frames(first, last):
    return [Frame(index, index / 10, NOTHING) for index in range(first, last)]


def find(image, index=0):
    """No boxes in every third frame."""
    return as_detections([[index, 0, index + 5, 9, 0.5]] * (index % 3 > 0))


@settings(deadline=None)
@given(st.integers(0, 2000), st.binary(max_size=12))
def test_a_file_cut_anywhere_gives_the_same_boxes(tmp_path_factory, cut, rubbish):
    folder = tmp_path_factory.mktemp("cut")
    path, whole = folder / "det.txt", folder / "whole.txt"
    with DetectionFile(whole, "key") as file:
        detect_frames(frames(0, 20), find, file)
    file.finish()
    with DetectionFile(path, "key") as file:
        detect_frames(frames(0, 15), find, file)
    content = file.unfinished.read_bytes()
    assert DetectionFile(path, "key").frames == 14
    assert DetectionFile(path, "key", resumed=False).frames == 0
    assert DetectionFile(path, "other").frames == 0
    file.unfinished.write_bytes(content[:cut] + rubbish * (cut < len(content)))
    with DetectionFile(path, "key") as file:
        detect_frames(frames(file.frames, 20), find, file)
    file.finish()
    assert path.read_text() == whole.read_text() and not file.unfinished.exists()
    assert (file.frames, file.boxes) == (20, 13)
