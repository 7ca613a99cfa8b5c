import configparser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.datasets.sequences import find_sequences, read_trajectories
from mambatrack.datasets.truth import GroundTruth, read_ground_truth, tracklets
from mambatrack.errors import MambatrackError
from shared import needs

TRUTH = "1,0,10,20,30,40,1,1,0.5\n2,0,12,20,30,40,1,1,1\n"
SEQINFO = (
    "[Sequence]\nname=other\nimDir=img1\nframeRate=20\nseqLength=9\nimWidth=640\nimHeight=480\n"
)


def write_sequence(folder: Path, truth: str | None = TRUTH, seqinfo: str | None = SEQINFO) -> Path:
    folder.mkdir(parents=True)
    if truth is not None:
        (folder / "gt").mkdir()
        (folder / "gt/gt.txt").write_text(truth)
    if seqinfo is not None:
        (folder / "seqinfo.ini").write_text(seqinfo)
    return folder


@pytest.mark.parametrize(
    "place", ["a", "train/a", "dataset/train/a", "sportsmot_publish/dataset/val/a", "."]
)
def test_sequences_are_found_in_every_layout(tmp_path, place):
    folder = write_sequence(tmp_path / "data" / place / "" if place != "." else tmp_path / "data")
    [sequence] = find_sequences(tmp_path / "data")
    assert sequence.folder == folder
    assert sequence.name == folder.name
    assert (sequence.image_size, sequence.fps, sequence.frames) == ((640, 480), 20, 9)
    assert sequence.gt_path == folder / "gt/gt.txt"
    assert sequence.det_path is None and sequence.images is None


def test_sequences_come_by_path_and_hidden_folders_are_left_out(tmp_path):
    for name in ("val/b", "train/c", "train/a", "train/.cache/d"):
        write_sequence(tmp_path / name)
    assert [each.name for each in find_sequences(tmp_path)] == ["a", "c", "b"]


def test_a_sequence_may_have_only_detections_or_only_images(tmp_path):
    (tmp_path / "a/det").mkdir(parents=True)
    (tmp_path / "a/det/det.txt").write_text("3,-1,0,0,99.5,50,0.9,-1,-1,-1\n")
    (tmp_path / "b/img1").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "b/img1/000001.png"), np.zeros((48, 64, 3), np.uint8))
    detections, images = find_sequences(tmp_path)
    assert (detections.image_size, detections.frames, detections.fps) == ((100, 50), 3, 30)
    assert (images.image_size, images.frames) == ((64, 48), 1)
    assert images.images == tmp_path / "b/img1" and images.gt_path is None


def test_without_seqinfo_size_and_length_come_from_the_truth(tmp_path):
    write_sequence(tmp_path / "a", seqinfo=None)
    [sequence] = find_sequences(tmp_path)
    assert (sequence.image_size, sequence.frames, sequence.fps) == ((42, 60), 2, 30)


@pytest.mark.parametrize(
    ("seqinfo", "reason"),
    [
        (SEQINFO.replace("640", "wide"), "imWidth = 'wide' is no positive number"),
        (SEQINFO.replace("=20", "=-20"), "frameRate = '-20' is no positive number"),
        (SEQINFO.replace("=9", "=nan"), "seqLength = 'nan' is no positive number"),
        ("imWidth 3\n", "not a readable seqinfo.ini"),
        ("[Sequence]\n", "image size is unknown; write imWidth and imHeight"),
    ],
)
def test_a_wrong_seqinfo_is_a_clear_error(tmp_path, seqinfo, reason):
    write_sequence(tmp_path / "a", truth=None, seqinfo=seqinfo)
    with pytest.raises(MambatrackError, match=reason):
        find_sequences(tmp_path)


def test_a_folder_without_sequences_is_a_clear_error(tmp_path):
    with pytest.raises(MambatrackError, match=r"no sequence in .*gt/gt\.txt"):
        find_sequences(tmp_path)
    with pytest.raises(MambatrackError, match="is not a folder"):
        find_sequences(tmp_path / "absent")


def ground_truth_of(tmp_path: Path, text: str) -> GroundTruth:
    write_sequence(tmp_path / "a", truth=text)
    return read_ground_truth(find_sequences(tmp_path)[0])


def test_ground_truth_as_arrays(tmp_path):
    truth = ground_truth_of(tmp_path, TRUTH)
    assert len(truth) == 2
    assert truth.frame.tolist() == [1, 2] and truth.id.tolist() == [0, 0]
    assert truth.boxes.dtype == np.float32
    assert truth.boxes.tolist() == [[10, 20, 40, 60], [12, 20, 42, 60]]
    assert truth.visibility.tolist() == [0.5, 1]


def test_only_considered_pedestrians_are_kept(tmp_path):
    rows = ["1,1,0,0,9,9,1,1,1", "1,2,0,0,9,9,0,1,1", "1,3,0,0,9,9,1,7,1", "1,4,0,0,9,9,0,11,1"]
    assert ground_truth_of(tmp_path, "\n".join(rows)).id.tolist() == [1]


def test_ten_columns_have_no_classes_and_six_are_enough(tmp_path):
    rows = ["1,1,0,0,9,9,1,-4.15,-7.3,0", "1,2,0,0,9,9,0,-4.15,-7.3,0"]
    assert ground_truth_of(tmp_path / "ten", "\n".join(rows)).id.tolist() == [1]
    six = ground_truth_of(tmp_path / "six", "1,1,0,0,9,9\n")
    assert six.id.tolist() == [1] and six.visibility.tolist() == [1]


def test_an_empty_ground_truth_has_no_tracklets(tmp_path):
    truth = ground_truth_of(tmp_path, "")
    assert truth.boxes.shape == (0, 4)
    assert list(tracklets(truth, 1)) == []


def test_a_sequence_without_ground_truth_is_a_clear_error(tmp_path):
    write_sequence(tmp_path / "a", truth=None)
    with pytest.raises(MambatrackError, match="has no ground truth"):
        read_ground_truth(find_sequences(tmp_path)[0])


def test_results_are_read_whole(tmp_path):
    path = tmp_path / "results.txt"
    path.write_text("2,7,1,2,3,4,0.5,-1,-1,-1\n1,7,0,2,3,4,0.5,-1,-1,-1\n")
    results = read_trajectories(path)
    assert results.frame.tolist() == [2, 1] and results.id.tolist() == [7, 7]
    assert results.boxes.tolist() == [[1, 2, 4, 6], [0, 2, 3, 6]]


def test_tracklets_break_at_gaps_and_identities(tmp_path):
    keys = [(3, 1), (1, 0), (2, 0), (2, 1), (5, 0), (6, 0), (7, 0), (1, 2)]
    truth = ground_truth_of(tmp_path, "".join(f"{f},{i},{f},0,9,9,1,1,1\n" for f, i in keys))
    runs = [(frames.tolist(), boxes[:, 0].tolist()) for frames, boxes in tracklets(truth, 2)]
    assert runs == [([1, 2], [1, 2]), ([5, 6, 7], [5, 6, 7]), ([2, 3], [2, 3])]
    assert len(list(tracklets(truth, 1))) == 4
    assert len(list(tracklets(truth, 3))) == 1


@given(st.sets(st.tuples(st.integers(1, 20), st.integers(0, 3))), st.randoms())
def test_tracklets_hold_every_row_once_in_whatever_order_they_come(keys, random):
    rows = sorted(keys)
    random.shuffle(rows)
    frame, identity = np.array(rows, np.int64).reshape(-1, 2).T
    boxes = np.tile((100 * frame + identity)[:, None], (1, 4)).astype(np.float32)
    truth = GroundTruth(frame, identity, boxes, np.ones(len(frame), np.float32))
    seen = []
    for frames, run in tracklets(truth, 1):
        assert (np.diff(frames) == 1).all()
        assert len({box % 100 for box in run[:, 0]}) == 1
        seen += run[:, 0].tolist()
    assert sorted(seen) == sorted(boxes[:, 0].tolist())


@pytest.mark.parametrize(
    ("name", "sequences", "rows"),
    [
        ("dancetrack/val", 13, None),
        ("sportsmot/val", 23, None),
        ("mot17/train", 7, 112_297),
        ("pets09", 1, 4476),
    ],
)
def test_real_datasets_are_found_and_read(name, sequences, rows):
    found = find_sequences(needs(f"data/{name}"))
    assert len(found) == sequences
    truths = [read_ground_truth(sequence) for sequence in found]
    for sequence, truth in zip(found, truths, strict=True):
        parser = configparser.ConfigParser()
        parser.read(sequence.folder / "seqinfo.ini")
        assert sequence.frames == parser.getint("Sequence", "seqLength") >= truth.frame.max()
    assert rows is None or sum(map(len, truths)) == rows


def test_text_files_without_folders_say_where_to_move_them(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/uav1.txt").write_text(TRUTH)
    with pytest.raises(MambatrackError, match=r"move uav1.txt to uav1/gt/gt.txt"):
        find_sequences(tmp_path / "annotations")


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["annotations", "sequences/uav1"], "VisDrone: move sequences/NAME to NAME/img1"),
        (["training/label_02", "training/image_02/0000"], "KITTI: write each label_02/NAME.txt"),
        (["images/train", "labels/train"], "labelled pictures, which have no identities"),
        (["annotations"], "or videos$"),
    ],
)
def test_other_layouts_are_told(folders, said, tmp_path):
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(MambatrackError, match=f"no sequence in .*{said}"):
        find_sequences(tmp_path)


@pytest.mark.parametrize("name", ["gt", "img1"])
def test_a_part_of_a_sequence_is_told(name, tmp_path):
    write_sequence(tmp_path / "a")
    (tmp_path / "a" / name).mkdir(exist_ok=True)
    with pytest.raises(MambatrackError, match="or videos; a is one: name that folder"):
        find_sequences(tmp_path / "a" / name)
