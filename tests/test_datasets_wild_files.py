"""Files as they exist in the wild: data sets, labelling tools, trackers. Each is taken right, which
is a score of 100 for results that are right, or refused with what it looks like."""

import math
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.datasets.sequences import find_sequences, open_sequence
from mambatrack.datasets.truth import read_ground_truth, with_classes
from mambatrack.errors import MambatrackError
from mambatrack.evaluation import score

SEQINFO = "[Sequence]\nseqLength=12\nimWidth=640\nimHeight=480\nframeRate=25\n"
KEYS = [(frame, person) for frame in range(1, 11) for person in (1, 2)]


def rows(tail="1,1,1", keys=KEYS, separator=",", first=0):
    """Two people who walk, with what follows the box; first: is added to the ids' places."""
    lines = []
    for frame, person in keys:
        box = f"{40 * person + 3 * frame + first},{30 * person},20.5,50"
        lines.append(f"{frame},{person},{box}{',' if tail else ''}{tail}".replace(",", separator))
    return "\n".join(lines) + "\n"


def car(tail, person=9):
    """A third object, far from the people."""
    return rows(tail, [(frame, person) for frame in range(1, 11)], first=150)


RIGHT = rows("0.9,-1,-1,-1")


def write(folder, truth, labels=None, seqinfo=SEQINFO):
    (folder / "gt").mkdir(parents=True)
    data = truth if isinstance(truth, bytes) else truth.encode()
    (folder / "gt/gt.txt").write_bytes(data)
    if labels is not None:
        (folder / "gt/labels.txt").write_text(labels)
    if seqinfo is not None:
        (folder / "seqinfo.ini").write_text(seqinfo)
    return folder


def scored(tmp_path, truth, result=RIGHT, labels=None, classes=(), name="a", seqinfo=SEQINFO):
    write(tmp_path / "data" / name, truth, labels, seqinfo)
    (tmp_path / "results").mkdir()
    data = result if isinstance(result, bytes) else result.encode()
    (tmp_path / "results" / f"{name}.txt").write_bytes(data)
    return score(find_sequences(tmp_path / "data"), tmp_path / "results", classes=classes)


def is_perfect(scores):
    assert pytest.approx(100) == scores.combined.HOTA
    assert (scores.combined.CLR_TP, scores.combined.CLR_FP, scores.combined.IDSW) == (20, 0, 0)


DISTRACTORS = rows() + car("0,7,1")
TAKEN = {
    "MOT15 with world coordinates": (rows("1,-4.15,-7.36,0"), RIGHT),
    "MOT15 without": (rows("1,-1,-1,-1"), RIGHT),
    "SoccerNet": (rows("1,-1,-1,-1"), rows("1,-1,-1,-1")),
    "AI City": (rows("1,-1,-1,-1"), rows("1,-1,-1,-1")),
    "DanceTrack": (rows("1,1,1"), rows("1,-1,-1,-1")),
    "SportsMOT": (rows("1,1,1").replace(",", ", "), RIGHT),
    "BEE24": (rows("1,1,1"), rows("0.93,-1,-1,-1")),
    "MOT17, a track on a static person": (DISTRACTORS, RIGHT + car("0.8,-1,-1,-1")),
    "MOT17, everything in the way": (rows() + car("0,11,0.3"), RIGHT),
    "UAVDT's gt": (rows("1,-1,-1"), rows("1,1,-1,-1")),
    "CVAT, an ignored box": (rows() + car("0,1,1"), RIGHT),
    "boxes alone": (rows(""), rows("")),
    "seven columns": (rows("1"), rows(".5")),
    "eight columns": (rows("1,1"), rows(".5,-1")),
    "marks of -1": (rows("-1,-1,-1"), rows("-1,-1,-1,-1")),
    "boxmot's results": (rows(), rows("0.9,0,-1")),
    "StrongSORT's results": (rows(), rows("0.9,0,-1,-1").replace(",", " ")),
    "ByteTrack's results": (rows(), rows("0.91,-1,-1,-1")),
    "results of class 1": (rows(), rows("0.9,1,-1,-1")),
    "pandas' floats": (rows("1.0,1.0,1.0"), rows("0.9,-1.0,-1.0,-1.0")),
    "blanks": (rows(separator=" "), rows(separator="   ")),
    "tabs": (rows(separator="\t"), rows(separator="\t")),
    "semicolons": (rows(separator=";"), rows(separator="; ")),
    "Windows": (("\ufeff" + rows()).replace("\n", "\r\n"), RIGHT.replace("\n", "\r\n")),
    "an old Mac": (rows().replace("\n", "\r"), RIGHT),
    "quotes": ('"' + rows().replace(",", '","').replace("\n", '"\n"').rstrip('"'), RIGHT),
    "commas at the end": (rows("1,1,1,"), rows("1,-1,-1,-1,,")),
    "blank lines": (rows().replace("\n", "\n\n \n"), "\n" + RIGHT),
    "scientific notation": (rows().replace("20.5", "2.05e+01"), RIGHT.replace("20.5", "205E-1")),
    "another order": ("\n".join(reversed(rows().splitlines())), RIGHT),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_layout_is_taken_right(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        is_perfect(scored(tmp_path, *TAKEN[name]))


@pytest.mark.parametrize("number", ["0", "2", "20", "3"])
def test_the_only_class_is_scored_and_said(tmp_path, number):
    truth = rows(f"1,{number},1")
    with pytest.warns(UserWarning, match=rf"what counts is class {number}, the only one"):
        is_perfect(scored(tmp_path, truth))
    [sequence] = find_sequences(tmp_path / "data")
    with pytest.raises(MambatrackError, match="strict"):
        with_classes([sequence], strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = score([sequence], tmp_path / "results", strict=True, classes=(number,))
    is_perfect(named)


@pytest.mark.parametrize("tail", ["0.9,20,-1,-1", "0.9,0,-1", "0.9,1,-1,-1"])
def test_results_of_one_class_belong_to_the_only_one(tmp_path, tail):
    is_perfect(scored(tmp_path, rows("1,20,1"), rows(tail), classes=("20",)))


CARS = car("1,1,1")
PERSONS = rows("1,2,1")
LABELS = "car\nperson\n"


def test_labels_txt_names_the_classes_and_each_is_scored(tmp_path):
    result = rows("0.9,2,-1") + car("0.9,1,-1")
    scores = scored(tmp_path, PERSONS + CARS, result, LABELS)
    assert list(scores.classes) == ["car", "person"]
    assert scores.combined.HOTA == scores.class_average.HOTA == pytest.approx(100)
    assert scores.classes["person"].combined.CLR_TP == 20
    assert scores.combined.CLR_TP == scores.class_average.CLR_TP == 30
    assert list(scores.rows()) == ["a", "class car", "class person", "CLASS AVERAGE", "COMBINED"]


def test_classes_are_combined_as_by_trackeval(tmp_path):
    """The persons are right and no car is found: half of the classes, two thirds of the boxes."""
    result = rows("0.9,2,-1") + rows("0.9,1,-1", [(1, 7)], first=400)
    scores = scored(tmp_path, PERSONS + CARS, result, LABELS)
    assert pytest.approx(50) == scores.class_average.HOTA
    assert scores.combined.DetA == pytest.approx(100 * 20 / 31)
    assert pytest.approx(100 * math.sqrt(20 / 31)) == scores.combined.HOTA
    assert scores.sequences["a"] == pytest.approx(scores.combined)


@pytest.mark.parametrize("tail", ["0.9,-1,-1,-1", "0.9,2,-1", "0.9"])
@pytest.mark.parametrize("name", ["person", "Person", "2"])
def test_a_named_class_is_scored_alone(tmp_path, tail, name):
    labels = None if name == "2" else LABELS
    is_perfect(scored(tmp_path, PERSONS + CARS, rows(tail), labels, (name,)))


def test_of_a_named_class_only_its_own_tracks_count(tmp_path):
    result = rows("0.9,2,-1") + car("0.9,1,-1")
    is_perfect(scored(tmp_path, PERSONS + CARS, result, LABELS, ("person",)))


def test_classes_of_our_own_results_come_from_the_json_lines_beside_them(tmp_path):
    tracks = [{"id": i, "box": [0, 0, 5, 5], "label": 0 if i < 9 else 2, "state": "observed"}
              for i in (1, 2, 9)]  # fmt: skip
    text = '{"format": "mambatrack-tracks", "version": 1, "classes": ["person", "bus", "Car"]}\n'
    text += f'{{"frame": 0, "tracks": {tracks}}}\n'.replace("'", '"')
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.jsonl").write_text(text)
    (tmp_path / "results/a.txt").write_text(RIGHT + car("0.9,-1,-1,-1"))
    write(tmp_path / "data/a", PERSONS + CARS, LABELS)
    scores = score(find_sequences(tmp_path / "data"), tmp_path / "results")
    assert pytest.approx(100) == scores.class_average.HOTA


def test_pedestrian_names_the_rules_of_mot17_and_a_number_the_class_alone(tmp_path):
    truth, result = rows() + car("0,7,1"), RIGHT + car("0.8,-1,-1,-1")
    is_perfect(scored(tmp_path, truth, result, classes=("pedestrian",)))
    found = find_sequences(tmp_path / "data")
    assert score(found, tmp_path / "results", classes=("person",)).combined.CLR_FP == 0
    assert score(found, tmp_path / "results", classes=("1",)).combined.CLR_FP == 10


def test_visdrone_s_categories_are_named(tmp_path):
    truth = rows("1,1,0,0") + car("1,4,0,1") + car("0,0,0,0", 11) + car("0,0,1,0", 12)
    is_perfect(scored(tmp_path, truth, classes=("1",)))
    with pytest.raises(MambatrackError, match=r"several classes: 1: 20 boxes, 4: 10 boxes\. Name"):
        score(find_sequences(tmp_path / "data"), tmp_path / "results")


@pytest.mark.parametrize(
    ("truth", "labels", "classes", "reason"),
    [
        (PERSONS + CARS, None, (), "several classes: 1: 10 boxes, 2: 20 boxes. Name"),
        (PERSONS + car("1,30,1"), None, (), "several classes: 2: 20 boxes, 30: 10 boxes"),
        (rows("1,0,1") + car("0,1,1") + car("1,1,1", 8), None, (), "several classes: 0: 20"),
        (PERSONS + CARS, LABELS, (), "no classes in column 8, but the ground truth counts car, pe"),
        (PERSONS + CARS, LABELS, ("bus",), r"no box of class 'bus' .* car: 10 boxes, person: 20"),
        (PERSONS + CARS, LABELS, ("car", "person"), "name the one that was tracked"),
        (PERSONS, None, ("1",), "no box of class '1' that counts; it has 2: 20 boxes"),
        (rows("1,3,1"), LABELS, (), "line 1: class 3, but labels.txt beside it has 1 car, 2 pers"),
        (rows("1,0,1"), LABELS, (), "line 1: class 0, but labels.txt beside it has 1 car, 2 pers"),
        (rows("1"), LABELS, (), "no classes in column 8, but labels.txt"),
        (PERSONS, "car\n\nperson\n", (), "labels.txt, line 2: an empty line"),
        (PERSONS, "car\ncar\n", (), "labels.txt, line 2: 'car' a second time"),
        (rows("0,1,1"), None, (), r"gt.txt: no box counts, as column 7 is 0 \(ignored\)"),
        (rows("1,1.5,1"), None, (), "line 1: class 1.5 in column 8 is no whole number"),
    ],
)
def test_unclear_classes_are_refused_with_those_found(tmp_path, truth, labels, classes, reason):
    with pytest.raises(MambatrackError, match=reason):
        scored(tmp_path, truth, RIGHT, labels, classes)


@pytest.mark.parametrize(
    ("truth", "labels", "result", "reason"),
    [
        (rows(), None, rows("1,0,-1") + car("1,2,-1"), "has the classes 0, 2 in column 8, but the"),
        (rows(), None, rows("1,2,-1"), "has the classes 2 in column 8, but the ground truth has"),
        (rows("1,1,1"), "person\n", rows("1,2,-1"), "the ground truth has only person"),
        (PERSONS + CARS, LABELS, rows("1,0,-1"), "class 0 in column 8, but labels.txt beside"),
    ],
)
def test_results_of_other_classes_are_refused(tmp_path, truth, labels, result, reason):
    with pytest.raises(MambatrackError, match=reason):
        scored(tmp_path, truth, result, labels)


def test_what_is_left_out_of_a_score_is_said(tmp_path):
    bus = rows("1,3,-1", [(1, 50)], first=300)
    with pytest.warns(UserWarning, match="1 boxes of bus are not scored"):
        scored(tmp_path, PERSONS + CARS, rows("1,2,-1") + bus, LABELS + "bus\n")
    with pytest.warns(UserWarning, match="has no box of person, only of car"):
        (tmp_path / "results/a.txt").write_text(car("1,1,-1"))
        score(find_sequences(tmp_path / "data"), tmp_path / "results", classes=("person",))
    marked = rows() + car("1,7,1") + car("0,8,1", 11)
    with pytest.warns(UserWarning, match=r"only pedestrians count.*7 \(static_person in MOT17\)"):
        is_perfect(scored(tmp_path / "marked", marked))


def test_what_overlaps_with_nothing_is_said(tmp_path):
    with pytest.warns(UserWarning, match="no box overlaps with a true box of its frame"):
        assert scored(tmp_path, rows(), rows(first=300)).combined.HOTA == 0
    with pytest.warns(UserWarning, match="has no box that counts, so sequence a scores 0"):
        scored(tmp_path / "empty", "", RIGHT)


def test_the_people_of_a_data_set_are_chosen_for_all_its_sequences(tmp_path):
    write(tmp_path / "a", rows("1,3,1"))
    write(tmp_path / "b", rows("1,4,1"))
    with pytest.raises(MambatrackError, match="2 sequences: the ground truth has several classes"):
        with_classes(find_sequences(tmp_path))
    with pytest.warns(UserWarning, match="class 3"):
        assert len(read_ground_truth(open_sequence(tmp_path / "a"))) == 20


SHAPES = {
    "a header": ("frame,id,x,y,w,h,conf,class,vis\n" + rows(), "line 1: .*looks like a header"),
    "a comment": ("# frame,id,...\n" + rows(), "line 1: .*This looks like a comment"),
    "KITTI": (
        "0 1 Car 0 0 -1.57 599.4 156.4 629.7 189.2 2.8 2.6 12.5 0.4 1.8 69.4 -1.5\n",
        "line 1: .*looks like KITTI",
    ),
    "MOTS": ("1 2001 2 1080 1920 WSV:2d;1O10000O10000O1O100O\n", "line 1: .*looks like MOTS"),
    "JSON": ('{"annotations": []}\n', "line 1: .*looks like JSON"),
    "XML": ("<?xml version='1.0'?>\n<annotations/>\n", "line 1: .*looks like XML"),
    "YOLO": ("0 0.5 0.51 0.1 0.2\n", "line 1: .*looks like a YOLO label"),
    "the name of a class": (rows("1,person,1"), "line 1: 'person' in column 8.*labels.txt"),
    "decimal commas": (
        rows(separator=";").replace("20.5", "20,5"), "line 1: '20,5' .*decimal commas"
    ),
    "decimal commas between blanks": (
        rows(separator=" ").replace("20.5", "20,5"), "line 1: .*decimal commas"
    ),
    "decimal commas in CSV": (rows().replace("20.5", "20,5") , "line 1: column 7 is 50"),
    "shares of the picture": (
        "1,1,0.2,0.3,0.05,0.1,1,1,1\n2,1,0.2,0.3,0.05,0.1,1,1,1\n", "line 1: .*shares of the pict"
    ),
    "UAVDT's gt_whole": (rows("1,1,3"), "line 1: column 9 is 3; it is the visibility"),
    "a tracker's results": (rows("0.93,-1,-1,-1"), "line 1: column 7 is 0.93; in a ground truth"),
    "frames from 0": (
        rows(keys=[(frame - 1, person) for frame, person in KEYS]),
        "line 1: frame 0; MOT frames count from 1. If this file counts from 0, add 1",
    ),
    "a frame behind the end": (
        rows(keys=[*KEYS, (13, 1)]), r"line 21: frame 13, but sequence a ends with 12 \(seqLength"
    ),
    "not a number": (rows().replace("20.5", "nan", 1), "line 1: a number that is not finite"),
    "infinity": (rows().replace("20.5", "inf", 1), "line 1: a number that is not finite"),
    "too large to be a number": (rows().replace("20.5", "1e999", 1), "line 1: a number that is n"),
    "a negative size": (rows().replace("20.5", "-20.5", 1), "line 1: a box of -20.5 x 50 pixels"),
    "a box out of reach": (rows().replace("20.5", "1e30", 1), "line 1: .*which no picture has"),
    "a negative id": (rows(keys=[(1, -1), *KEYS]), "line 1: id -1; ids below 0 mark detections"),
    "an id twice": (rows(keys=[*KEYS, (3, 2)]), "line 21: id 2 is in frame 3 a second time"),
    "an id that is not exact": (
        rows().replace("1,1,", "1,9007199254740993,", 1), "line 1: .*whole numbers below 2"
    ),
    "an id that is text": (rows().replace("1,1,", "1,a1,", 1), "line 1: 'a1' in column 2"),
    "eleven columns": (rows("1,1,1,0,0"), "line 1: 11 columns; .* at most 10"),
    "five columns": ("1,1,2,3,4\n", "line 1: 5 columns; expected at least frame,id,left"),
    "ragged rows": (rows() + "11,1,5,5,5,5\n", "line 21: 6 columns, but 9 above it"),
    "UTF-16": (rows().encode("utf-16"), "it is UTF-16; save it as UTF-8"),
    "bytes": (b"\x80\x81\xfe\n", "is not a readable MOT text file"),
    "numbers with underscores": (rows().replace("20.5", "2_0.5", 1), "'2_0.5' in column 5"),
    "Arabic digits": (rows().replace("20.5", "\u0662\u0660", 1), "in column 5 is no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_another_shape_is_refused_with_what_it_looks_like(tmp_path, name):
    truth, reason = SHAPES[name]
    with pytest.raises(MambatrackError, match=r"(?s)gt\.txt.*" + reason):
        scored(tmp_path, truth)


RESULTS = {
    name: SHAPES[name]
    for name in (
        "a header", "a comment", "MOTS", "decimal commas", "shares of the picture", "frames from 0",
        "a frame behind the end", "not a number", "a negative size", "a box out of reach",
        "a negative id", "an id twice", "an id that is not exact", "UTF-16",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_refused_alike(tmp_path, name):
    result, reason = RESULTS[name]
    with pytest.raises(MambatrackError, match=r"(?s)results.a\.txt.*" + reason):
        scored(tmp_path, rows(), result)


def test_ids_of_any_size_are_numbered_densely(tmp_path):
    large = {1: 1_700_000_000_001, 2: 9_007_199_254_740_991}
    keys = [(frame, large[person]) for frame, person in KEYS]
    text = "".join(
        f"{frame},{identity},{40 * (1 + n % 2)},30,20.5,50,1,1,1\n"
        for n, (frame, identity) in enumerate(keys)
    )
    is_perfect(scored(tmp_path, text, text))
    truth = read_ground_truth(open_sequence(tmp_path / "data/a"))
    assert set(truth.id.tolist()) == set(large.values())


def test_boxes_without_size_are_said_and_never_found(tmp_path):
    flat = "11,1,5,5,0,50,1,1,1\n"
    with pytest.warns(
        UserWarning, match=r"gt.txt, line 21: a box of 0 x 50 .*never found \(1 of 2"
    ):
        assert scored(tmp_path, rows() + flat).combined.CLR_FN == 1
    with pytest.warns(UserWarning, match=r"a.txt, line 21: a box of 0 x 50 pixels.*match nobody"):
        scored(tmp_path / "results", rows(), RIGHT + "11,1,5,5,0,50,1,-1,-1,-1\n")


def test_trackeval_s_own_folders_are_found(tmp_path):
    write(tmp_path / "gt/mot_challenge/MOT17-train/a", rows())
    data = tmp_path / "trackers/mot_challenge/MOT17-train/mine/data"
    data.mkdir(parents=True)
    (data / "a.txt").write_text(RIGHT)
    (data.parent / "pedestrian_summary.txt").write_text("HOTA\n")
    found = find_sequences(tmp_path / "gt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for folder in (data, data.parent, data.parent.parent):
            is_perfect(score(found, folder))
    other = data.parent.parent / "yours/data"
    other.mkdir(parents=True)
    (other / "a.txt").write_text(RIGHT)
    with pytest.raises(MambatrackError, match="holds several trackers: mine, yours; name one"):
        score(found, data.parent.parent)


def test_a_video_beside_the_ground_truth_tells_length_and_size(tmp_path):
    folder = write(tmp_path / "c001", rows("1,-1,-1,-1"), seqinfo=None)
    writer = cv2.VideoWriter(
        str(folder / "vdo.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240)
    )
    for _ in range(15):
        writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    sequence = open_sequence(folder)
    assert (sequence.frames, sequence.image_size, sequence.fps) == (15, (320, 240), 10)
    assert sequence.images == folder / "vdo.avi"
    (folder / "second.avi").write_bytes(b"")
    assert open_sequence(folder).images is None


def test_a_guessed_size_holds_every_true_and_every_detected_box(tmp_path):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "det").mkdir()
    (folder / "det/det.txt").write_text("1,-1,700,500,20,30,0.9\n")
    assert open_sequence(folder).image_size == (720, 530)


def test_results_behind_a_guessed_length_say_how_to_state_it(tmp_path):
    with pytest.raises(
        MambatrackError, match=r"ends with 10 \(the last frame that has a box; write"
    ):
        scored(tmp_path, rows(), RIGHT + "11,1,5,5,9,9,1,-1,-1,-1\n", seqinfo=None)


@pytest.mark.parametrize(
    "text",
    [
        SEQINFO.replace("Sequence", "sequence"),
        SEQINFO.replace("Sequence", " Sequence "),
        SEQINFO.replace("Sequence", "SEQUENCE").upper(),
        SEQINFO.replace("[Sequence]\n", ""),
        "\ufeff" + SEQINFO,
        SEQINFO.replace("=", " : ").replace("\n", "\r\n"),
        "; made by hand\n\n  " + SEQINFO.replace("\n", "\n   "),
        SEQINFO + "name=na\udcefve\n",
    ],
)
def test_seqinfo_is_read_however_it_is_written(tmp_path, text):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "seqinfo.ini").write_bytes(text.encode("utf-8", "surrogateescape"))
    sequence = open_sequence(folder)
    assert (sequence.frames, sequence.image_size, sequence.fps) == (12, (640, 480), 25)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SEQINFO.replace("Sequence", "Video"), r"has no section \[Sequence\]; found \[Video\]"),
        (SEQINFO.replace("=12", "=999999999"), "line 2: seqLength = '999999999' is more than 1000"),
        (SEQINFO.replace("=12", "=12.5"), "line 2: seqLength = '12.5' is no whole number"),
        (SEQINFO.replace("=640", "=640000000"), "line 3: imWidth = '640000000' is more than"),
        (SEQINFO.replace("=25", "=1e9"), "line 5: frameRate = '1e9' is more than"),
        (SEQINFO.replace("=12", "=" + "9" * 400), "is no positive number"),
        (SEQINFO.replace("=12", "="), "line 2: seqLength = '' is no positive number"),
        (SEQINFO + "seqLength=13\n", "is not a readable seqinfo.ini"),
    ],
)
def test_a_seqinfo_that_is_wrong_is_refused(tmp_path, text, reason):
    folder = write(tmp_path / "a", rows(), seqinfo=text)
    with pytest.raises(MambatrackError, match=reason):
        open_sequence(folder)


def test_a_seqinfo_of_utf_16_is_refused(tmp_path):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "seqinfo.ini").write_bytes(SEQINFO.encode("utf-16"))
    with pytest.raises(MambatrackError, match="is no UTF-8 text"):
        open_sequence(folder)


def test_an_implausible_frame_is_refused_at_once(tmp_path):
    folder = write(tmp_path / "a", rows() + "1000000000,1,5,5,9,9,1,1,1\n", seqinfo=None)
    with pytest.raises(MambatrackError, match="line 21: frame 1000000000 is more than 1000000"):
        find_sequences(folder)
    assert find_sequences(folder, longest=10**9)[0].frames == 10**9


WAYS = (  # in the order in which they are put on each other
    lambda text, draw: "\n".join(draw(st.permutations(text.splitlines()))),
    lambda text, draw: text.replace("20.5", draw(st.sampled_from(["+20.50", "2.05e1"]))),
    lambda text, draw: text.replace("\n1,", "\n1.0,").replace(",50,", ",50.,"),
    lambda text, draw: text.replace(",", draw(st.sampled_from([", ", " ,", ";", "\t", ",\t"]))),
    lambda text, draw: text.replace("\n", draw(st.sampled_from(["\r\n", "\n\n", " \n"]))),
    lambda text, draw: text.rstrip("\r\n"),
    lambda text, draw: "\ufeff" + text,
)
ways = st.sets(st.integers(0, len(WAYS) - 1)).map(sorted)
IMPERFECT = "".join(
    line + "\n" for number, line in enumerate(RIGHT.splitlines()) if number not in (3, 8, 9)
).replace("7,1,", "7,5,")


@settings(max_examples=60, deadline=None)
@given(st.data(), ways, ways)
def test_ways_to_write_the_same_give_the_same_score(tmp_path_factory, data, of_truth, of_result):
    truth, result = DISTRACTORS, IMPERFECT
    for way in of_truth:
        truth = WAYS[way](truth, data.draw)
    for way in of_result:
        result = WAYS[way](result, data.draw)
    first = scored(tmp_path_factory.mktemp("plain"), DISTRACTORS, IMPERFECT).combined
    assert 50 < first.HOTA < 95
    assert scored(tmp_path_factory.mktemp("other"), truth, result).combined == first


pieces = st.sampled_from(
    [b"", b",", b"\n", b" ", b"-", b".", b"e", b"9" * 20, b"nan", b"-inf", b"0", b"\x00", b"\xff",
     b'"', b"#", b";", b"1,1,1,1,1,1,1,1,1\n", b"\xef\xbb\xbf", b"1e308", b"\xe2\x80\xa8"]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), pieces), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_damaged_file_is_scored_or_refused_with_its_name(tmp_path_factory, edits, is_truth):
    """Whatever is cut out or put in: no other error, and no warning of arithmetic."""
    text = (DISTRACTORS if is_truth else IMPERFECT).encode()
    for place, length, piece in edits:
        start = round(place * len(text))
        text = text[:start] + piece + text[start + length :]
    folder = tmp_path_factory.mktemp("damaged")
    truth, result = (text, IMPERFECT) if is_truth else (DISTRACTORS, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            combined = scored(folder, truth, result).combined
        except MambatrackError as error:
            assert "gt.txt" in str(error) or "a.txt" in str(error)
        else:
            assert 0 <= combined.HOTA <= 100


def test_empty_frames_take_neither_time_nor_memory(tmp_path):
    info = SEQINFO.replace("=12", "=1000000")
    is_perfect(scored(tmp_path, rows(), seqinfo=info))


def test_what_would_take_more_memory_than_there_is_is_refused(tmp_path):
    lines = (f"{1 + n % 10},{n},{n},10,20,30,1,1,1\n" for n in range(120_000))
    text = "".join(lines)
    with pytest.raises(MambatrackError, match=r"120000 objects and 120000 ids of tracks; .* GB"):
        scored(tmp_path, text, text)
