import math
import warnings

import pytest

from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import with_classes
from mambatrack.errors import MambatrackError
from mambatrack.evaluation import score
from wild_files import LABELLED, LABELS, PERSONS, RIGHT, assert_perfect, car, rows, scored, write


@pytest.mark.parametrize("number", ["0", "2", "20", "3"])
def test_the_only_class_is_scored_and_said(tmp_path, number):
    truth = rows(f"1,{number},1")
    with pytest.warns(UserWarning, match=rf"what counts is class {number}, the only one"):
        assert_perfect(scored(tmp_path, truth))
    [sequence] = find_sequences(tmp_path / "data")
    with pytest.raises(MambatrackError, match="strict"):
        with_classes([sequence], strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = score([sequence], tmp_path / "results", strict=True, classes=(number,))
    assert_perfect(named)


@pytest.mark.parametrize("tail", ["0.9,20,-1,-1", "0.9,0,-1", "0.9,1,-1,-1"])
def test_results_of_one_class_belong_to_the_only_one(tmp_path, tail):
    assert_perfect(scored(tmp_path, rows("1,20,1"), rows(tail), classes=("20",)))


def test_labels_txt_names_the_classes_and_each_is_scored(tmp_path):
    result = rows("0.9,2,-1") + car("0.9,1,-1")
    scores = scored(tmp_path, LABELLED, result, LABELS)
    assert list(scores.classes) == ["car", "person"]
    assert scores.combined.HOTA == scores.class_average.HOTA == pytest.approx(100)
    assert scores.classes["person"].combined.CLR_TP == 20
    assert scores.combined.CLR_TP == scores.class_average.CLR_TP == 30
    assert list(scores.rows()) == ["a", "class car", "class person", "CLASS AVERAGE", "COMBINED"]


def test_classes_are_combined_as_by_trackeval(tmp_path):
    """The persons are right and no car is found: half of the classes, two thirds of the boxes."""
    result = rows("0.9,2,-1") + rows("0.9,1,-1", [(1, 7)], first=400)
    scores = scored(tmp_path, LABELLED, result, LABELS)
    assert pytest.approx(50) == scores.class_average.HOTA
    assert scores.combined.DetA == pytest.approx(100 * 20 / 31)
    assert pytest.approx(100 * math.sqrt(20 / 31)) == scores.combined.HOTA
    assert scores.sequences["a"] == pytest.approx(scores.combined)


@pytest.mark.parametrize("tail", ["0.9,-1,-1,-1", "0.9,2,-1", "0.9"])
@pytest.mark.parametrize("name", ["person", "Person", "2"])
def test_a_named_class_is_scored_alone(tmp_path, tail, name):
    labels = None if name == "2" else LABELS
    assert_perfect(scored(tmp_path, LABELLED, rows(tail), labels, (name,)))


def test_of_a_named_class_only_its_own_tracks_count(tmp_path):
    result = rows("0.9,2,-1") + car("0.9,1,-1")
    assert_perfect(scored(tmp_path, LABELLED, result, LABELS, ("person",)))


def test_classes_of_our_own_results_come_from_the_json_lines_beside_them(tmp_path):
    tracks = [{"id": i, "box": [0, 0, 5, 5], "label": 0 if i < 9 else 2, "state": "observed"}
              for i in (1, 2, 9)]  # fmt: skip
    text = '{"format": "mambatrack-tracks", "version": 1, "classes": ["person", "bus", "Car"]}\n'
    text += f'{{"frame": 0, "tracks": {tracks}}}\n'.replace("'", '"')
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.jsonl").write_text(text)
    (tmp_path / "results/a.txt").write_text(RIGHT + car("0.9,-1,-1,-1"))
    write(tmp_path / "data/a", LABELLED, LABELS)
    scores = score(find_sequences(tmp_path / "data"), tmp_path / "results")
    assert pytest.approx(100) == scores.class_average.HOTA


def test_pedestrian_names_the_rules_of_mot17_and_a_number_the_class_alone(tmp_path):
    truth, result = rows() + car("0,7,1"), RIGHT + car("0.8,-1,-1,-1")
    assert_perfect(scored(tmp_path, truth, result, classes=("pedestrian",)))
    found = find_sequences(tmp_path / "data")
    assert score(found, tmp_path / "results", classes=("person",)).combined.CLR_FP == 0
    assert score(found, tmp_path / "results", classes=("1",)).combined.CLR_FP == 10


@pytest.mark.parametrize(("name", "false"), [("MOT20-01", 0), ("MOT17-01", 10)])
def test_mot20_has_one_distractor_more(tmp_path, name, false):
    truth, result = rows() + car("0,6,1"), RIGHT + car("0.8,-1,-1,-1")
    assert false == scored(tmp_path, truth, result, name=name).combined.CLR_FP


def test_visdrone_s_categories_are_named(tmp_path):
    truth = rows("1,1,0,0") + car("1,4,0,1") + car("0,0,0,0", 11) + car("0,0,1,0", 12)
    assert_perfect(scored(tmp_path, truth, classes=("1",)))
    with pytest.raises(MambatrackError, match=r"several classes: 1: 20 boxes, 4: 10 boxes\. Name"):
        score(find_sequences(tmp_path / "data"), tmp_path / "results")


@pytest.mark.parametrize(
    ("truth", "labels", "classes", "reason"),
    [
        (LABELLED, None, (), "several classes: 1: 10 boxes, 2: 20 boxes. Name"),
        (PERSONS + car("1,30,1"), None, (), "several classes: 2: 20 boxes, 30: 10 boxes"),
        (rows("1,0,1") + car("0,1,1") + car("1,1,1", 8), None, (), "several classes: 0: 20"),
        (LABELLED, LABELS, (), "no classes in column 8, but the ground truth counts car, pe"),
        (LABELLED, LABELS, ("bus",), r"no box of class 'bus' .* car: 10 boxes, person: 20"),
        (LABELLED, LABELS, ("car", "person"), "name the one that was tracked"),
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
        (LABELLED, LABELS, rows("1,0,-1"), "class 0 in column 8, but labels.txt beside"),
    ],
)
def test_results_of_other_classes_are_refused(tmp_path, truth, labels, result, reason):
    with pytest.raises(MambatrackError, match=reason):
        scored(tmp_path, truth, result, labels)
