import warnings

import numpy as np
import pytest

from mambatrack.datasets.detection_files import read_detections, sequence_detections
from mambatrack.datasets.sequences import open_sequence
from mambatrack.errors import MambatrackError
from mambatrack.simulation.world import write_sequence
from tiny_onnx import detector

IMAGE = np.zeros((64, 64, 3), np.uint8)


def written(tmp_path, *scores, form="1,-1,{0},20,30,40,{1}"):
    """Boxes side by side with these scores."""
    path = tmp_path / "det.txt"
    lines = [form.format(50 * place, score) for place, score in enumerate(scores)]
    path.write_text("\n".join(lines))
    return path


def scores_of(path, kind="plain"):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_detections(path, kind)[:, 6].tolist()


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("plain", (0.2, 0, 1), [0.2, 0, 1]),
        ("plain", (1.0000001, -1e-9), [1, 0]),
        ("plain", (-1, -1), [1, 1]),
        ("percent", (20, 0.5, 100), [0.2, 0.005, 1]),
        ("logit", (0, -800, 800), [0.5, 0, 1]),
        ("logit", (-1, -1), [1, 1]),
    ],
)
def test_scores_of_every_kind_come_as_0_to_1(tmp_path, kind, given, expected):
    assert scores_of(written(tmp_path, *given), kind) == pytest.approx(expected)


def test_without_a_column_of_scores_they_are_1(tmp_path):
    assert scores_of(written(tmp_path, 5, 6, form="1,-1,{0},20,30,40")) == [1, 1]


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        ("plain", (0.5, -0.3, 2.5), r"line 2: score -0.3; .* -0.3 to 2.5 look like logits, as DPM"),
        ("plain", (0.5, 57.3), "line 2: score 57.3; expected 0 to 1.* look like percent"),
        ("plain", (0.5, 4547), "line 2: score 4547; expected 0 to 1; rescale column 7"),
        ("plain", (0.5, -1), "line 2: score -1; expected 0 to 1, or -1 in every row where"),
        ("percent", (50, 101), "line 2: score 101; expected 0 to 100; rescale"),
        ("plain", (0.5, "inf"), "line 2: score inf; expected 0 to 1"),
        ("plain", ("inf", "nan"), "line 1: score inf; expected 0 to 1; none of them is a finite"),
        ("plain", (0.5, "high"), "line 2: 'high' in column 7 is no number"),
    ],
)
def test_other_scores_are_refused_with_what_they_look_like(tmp_path, kind, given, reason):
    with pytest.raises(MambatrackError, match=r"det\.txt, " + reason):
        read_detections(written(tmp_path, *given), kind)


def test_rows_without_a_score_are_left_out_and_told(tmp_path):
    (tmp_path / "a/det").mkdir(parents=True)
    written(tmp_path / "a/det", "nan", "nan")
    with pytest.warns(UserWarning, match=r"no usable box; such boxes are left out \(2 of 2\)"):
        assert not len(sequence_detections(open_sequence(tmp_path / "a")).frame)


def test_the_setting_reaches_the_detector(tmp_path):
    path = written(tmp_path, 20, 80)
    found = detector(name="file", weights=str(path), scores="percent")(IMAGE)
    assert found.scores.tolist() == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("score", [0, 0.05])
def test_a_file_of_which_no_score_is_high_enough_is_told(tmp_path, score):
    path = written(tmp_path, score)
    with pytest.warns(
        UserWarning, match=f"no detection is used, as its highest score, {score}, is"
    ):
        assert len(detector(name="file", weights=str(path))(IMAGE)) == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0,-1,10,20,30,40,.9", "frame 0; MOT frames count from 1"),
        ("1,-1,.1,.2,.3,.4,.9", "look like shares of the picture"),
    ],
)
def test_another_layout_is_refused(tmp_path, row, reason):
    (tmp_path / "det.txt").write_text(row)
    with pytest.raises(MambatrackError, match=r"det\.txt, line 1: .*" + reason):
        read_detections(tmp_path / "det.txt")


def test_detections_behind_the_end_are_told(tmp_path):
    write_sequence(tmp_path / "a", seed=1, people=2, frames=6)
    with (tmp_path / "a/det/det.txt").open("a") as file:
        file.write("7,-1,10,20,30,40,.9,-1,-1,-1\n")
    with pytest.warns(
        UserWarning, match=r"frame 7, but sequence a ends with 6 .*behind it 1 box left out"
    ):
        found = sequence_detections(open_sequence(tmp_path / "a"))
    assert found.frame.max() == 6
    with (tmp_path / "a/det/det.txt").open("a") as file:
        file.write("1,-1,10,20,-30,40,.9,-1,-1,-1\n1,-1,10,nan,30,40,.9,-1,-1,-1\n")
    with pytest.warns(UserWarning, match=r"no usable box; such boxes are left out \(2 of"):
        assert len(sequence_detections(open_sequence(tmp_path / "a"))) == len(found)
    (tmp_path / "a/det/det.txt").unlink()
    with pytest.raises(MambatrackError, match=r"has no detections; .* det/det\.txt"):
        sequence_detections(open_sequence(tmp_path / "a"))
