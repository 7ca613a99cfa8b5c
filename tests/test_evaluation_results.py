import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from few_tracks import PREDICTED, WRITERS, make_tracks
from mambatrack.datasets.sequences import find_sequences, second_half
from mambatrack.errors import MambatrackError
from mambatrack.evaluation import score
from mambatrack.evaluation.results import read_results, result_files, result_tables
from wild_files import RIGHT, assert_perfect, rows, write

ROW = "{},{},10,20,30,60,0.9,-1,-1,-1\n"


@pytest.fixture
def sequence(tmp_path):
    folder = tmp_path / "data" / "a"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text("1,0,10,20,30,60,1,1,1\n")
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nseqLength=10\nimWidth=640\nimHeight=480\nframeRate=20\n"
    )
    return find_sequences(folder)[0]


def result_table(sequence, path, strict=False):
    [table] = result_tables(sequence, path, strict).values()
    return table


def written(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n" + ROW.format(0, 1), "line 2: frame 0; MOT frames count from 1"),
        (
            ROW.format(1, 1) + ROW.format(11, 1),
            "line 2: frame 11, but sequence a ends with 10 .seqLength in seqinfo.ini",
        ),
        (ROW.format(1, -1), "line 1: id -1; ids below 0 mark detections"),
        (ROW.format(3, 7) * 2, "line 2: id 7 is in frame 3 a second time"),
        (ROW.format(1, 1).replace("30", "inf"), "line 1: a number that is not finite"),
        ("1,1,5\n", "line 1: 3 columns"),
    ],
)
def test_an_unusable_row_is_named_with_its_line(tmp_path, sequence, text, reason):
    with pytest.raises(MambatrackError, match=reason):
        result_table(sequence, written(tmp_path, text))


def test_an_empty_file_warns_and_strict_refuses(tmp_path, sequence):
    path = written(tmp_path, "")
    with pytest.warns(UserWarning, match="has no boxes, so sequence a scores 0"):
        assert result_table(sequence, path).shape == (0, 7)
    with pytest.raises(MambatrackError, match=r"no boxes.*--strict"):
        result_table(sequence, path, strict=True)


def test_files_are_found_by_name_and_strangers_are_told(tmp_path, sequence):
    with pytest.raises(MambatrackError, match=r"no result for sequence a: expected .*a\.txt"):
        result_files([sequence], tmp_path)
    path = written(tmp_path, ROW.format(1, 1))
    assert result_files([sequence], tmp_path) == {"a": path}
    assert result_files([sequence], path) == {"a": path}
    (tmp_path / "zebra.txt").write_text("")
    with pytest.warns(UserWarning, match=r"unknown sequences: zebra\.txt"):
        result_files([sequence], tmp_path)
    with pytest.raises(MambatrackError, match="unknown sequences"):
        result_files([sequence], tmp_path, strict=True)


def test_the_second_half_takes_only_its_rows(tmp_path, sequence):
    path = written(tmp_path, ROW.format(5, 1) + ROW.format(6, 1))
    assert result_table(second_half(sequence), path)[:, 0].tolist() == [6]


def test_predicted_boxes_come_from_the_side_file(tmp_path, sequence):
    path = written(tmp_path, ROW.format(1, 1))
    track = {"id": 1, "box": [11, 21, 41, 81], "state": "predicted"}
    seen = {"id": 1, "box": [10, 20, 40, 80], "state": "observed"}
    lines = [{"format": "mambatrack-tracks"}]
    lines += [{"frame": 0, "tracks": [seen]}, {"frame": 1, "tracks": [track]}]
    path.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = read_results(sequence, path)
    assert results.frame.tolist() == [1, 2] and results.id.tolist() == [1, 1]
    assert results.predicted.tolist() == [False, True]
    np.testing.assert_array_equal(results.boxes, [[10, 20, 40, 80], [11, 21, 41, 81]])


def test_a_row_that_both_files_have_is_told_predicted(tmp_path, sequence):
    path = written(tmp_path, ROW.format(1, 1) + ROW.format(2, 1))
    frame = {"frame": 1, "tracks": [{"id": 1, "box": [0, 0, 1, 1], "state": "predicted"}]}
    path.with_suffix(".jsonl").write_text("{}\n" + json.dumps(frame) + "\n")
    assert read_results(sequence, path).predicted.tolist() == [False, True]


def test_a_broken_side_file_is_named_with_its_line(tmp_path, sequence):
    path = written(tmp_path, ROW.format(1, 1))
    path.with_suffix(".jsonl").write_text('{}\n{"frame": 0, "tr')
    with pytest.raises(MambatrackError, match=r"a\.jsonl, line 2: not the JSON Lines"):
        read_results(sequence, path)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_json_lines_and_csv_of_a_run_score_as_its_mot_text(tmp_path, sequence, kind):
    frames = [make_tracks(0), make_tracks(1, state=[PREDICTED]), make_tracks(2)]
    for each in ("mot", kind):
        (tmp_path / each).mkdir()
        path = tmp_path / each / f"a.{'txt' if each == 'mot' else kind}"
        with WRITERS[each](path) as file:
            for tracks in frames:
                file.write(tracks)
    files = [result_files([sequence], tmp_path / each)["a"] for each in ("mot", kind)]
    assert files[1].suffix == f".{kind}"
    text, other = (result_table(sequence, file) for file in files)
    np.testing.assert_allclose(other, text)
    assert read_results(sequence, files[1]).predicted.tolist() == [False, False, True]
    with pytest.raises(MambatrackError, match=r"a\.(csv|jsonl): frame 3, but .* ends with 2"):
        result_table(replace(sequence, length=2, frames=2), files[1])


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
            assert_perfect(score(found, folder))
    other = data.parent.parent / "yours/data"
    other.mkdir(parents=True)
    (other / "a.txt").write_text(RIGHT)
    with pytest.raises(MambatrackError, match="holds several trackers: mine, yours; name one"):
        score(found, data.parent.parent)
