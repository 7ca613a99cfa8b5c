import math
import sys
from pathlib import Path

import numpy as np
import pytest

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import (
    Sequence,
    Trajectories,
    find_sequences,
    read_trajectories,
    second_half,
)
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation import Score, Scores, match_events, score, summary
from mambatrack.evaluation.scores import alphas
from mambatrack.simulation import world
from shared import needs
from trackeval_scores import largest_difference, trackeval_scores

SEQINFO = "[Sequence]\nframeRate=20\nseqLength={}\nimWidth=640\nimHeight=480\n"
TEN_FRAMES = [(frame, 0) for frame in range(1, 11)]
SHORT = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")
PERFECT = (100, 100, 100, 100, 100, 0)


def short(scores: Score) -> tuple:
    return tuple(getattr(scores, name) for name in SHORT)


def rows(keys, tail="1,1,1"):
    """One standing box for each (frame, id), 50 pixels apart by id."""
    return "".join(f"{frame},{i},{50 * (i % 5)},10,30,60,{tail}\n" for frame, i in keys)


def write_sequence(folder: Path, truth: str, frames: int = 10) -> None:
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text(truth)
    (folder / "seqinfo.ini").write_text(SEQINFO.format(frames))


def write_result(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_text(text)
    return folder


def scored(tmp_path, truth, result, frames=10):
    write_sequence(tmp_path / "data/train/a", truth, frames)
    results = write_result(tmp_path / "results", "a", result)
    return score(find_sequences(tmp_path / "data"), results)


@pytest.mark.parametrize(
    "truth",
    [
        rows(TEN_FRAMES),
        rows(TEN_FRAMES).replace(",", ", "),
        rows(TEN_FRAMES, "1,1,1,"),
        rows(TEN_FRAMES, "1,-4.15,-7.36,0"),
        rows(TEN_FRAMES, "1"),
    ],
    ids=["dancetrack", "sportsmot", "trailing comma", "mot15", "seven columns"],
)
def test_the_truth_itself_scores_a_hundred_in_every_layout(tmp_path, truth, capsys):
    scores = scored(tmp_path, truth, rows(TEN_FRAMES, "0.9,-1,-1,-1"))
    assert short(scores.combined) == pytest.approx(PERFECT)
    assert scores.sequences["a"] == scores.combined
    assert capsys.readouterr().out == ""


def test_a_known_switch_gives_known_numbers(tmp_path):
    halves = [(frame, 0 if frame <= 5 else 5) for frame in range(1, 11)]
    scores = scored(tmp_path, rows(TEN_FRAMES), rows(halves))
    assert short(scores.combined) == pytest.approx((100 * math.sqrt(0.5), 100, 50, 90, 50, 1))


def test_scores_say_their_headline_in_a_line_and_in_a_table():
    figures = Score(*(50.25,) * 12, *(7,) * 8, *(80.0,) * 3, *(7,) * 3, 50.25, 50.25, 7, 7, 1.5)
    scores = Scores({"a<b": figures}, figures, {})
    assert repr(scores) == (
        "<Scores of 1 sequence: HOTA 50.2, DetA 50.2, AssA 50.2, MOTA 50.2, IDF1 80.0, IDSW 7>"
    )
    html = scores._repr_html_()
    assert "<th>HOTA</th>" in html and "<td>a&lt;b</td>" in html
    assert html.count("<td>7</td>") == 2 and "<td>COMBINED</td>" in html


def test_an_empty_result_scores_nothing(tmp_path):
    with pytest.warns(UserWarning, match="sequence a scores 0"):
        combined = scored(tmp_path, rows(TEN_FRAMES), "").combined
    assert combined[:3] == (0, 0, 0) and combined.CLR_FN == 10
    with pytest.raises(MambatrackError, match="--strict"):
        score(find_sequences(tmp_path / "data"), tmp_path / "results", strict=True)


def test_tracks_on_distractors_do_not_count_in_mot17(tmp_path):
    standing = [(frame, 1) for frame in range(1, 11)]
    truth = rows(TEN_FRAMES) + rows(standing, "0,7,1")
    combined = scored(tmp_path, truth, rows(TEN_FRAMES + standing)).combined
    assert short(combined) == pytest.approx(PERFECT)


def test_sequences_are_combined_as_by_trackeval(tmp_path):
    for name, found in (("a", TEN_FRAMES), ("b", TEN_FRAMES[:5])):
        write_sequence(tmp_path / "data" / name, rows(TEN_FRAMES))
        write_result(tmp_path / "results", name, rows(found))
    scores = score(find_sequences(tmp_path / "data"), tmp_path / "results")
    assert [scores.sequences[name].MOTA for name in "ab"] == pytest.approx([100, 50])
    assert pytest.approx(75) == scores.combined.MOTA
    assert scores.combined.DetA == pytest.approx(75)
    assert list(scores.rows()) == ["a", "b", "COMBINED"]
    assert np.mean(scores.curves["HOTA"]) == pytest.approx(scores.combined.HOTA)
    assert len(scores.curves["DetA"]) == len(alphas()) == 19


def test_the_second_half_is_scored_alone(tmp_path):
    write_sequence(tmp_path / "data/a", rows(TEN_FRAMES))
    results = write_result(tmp_path / "results", "a", rows(TEN_FRAMES[4:]))
    [sequence] = find_sequences(tmp_path / "data")
    assert short(score([second_half(sequence)], results).combined) == pytest.approx(PERFECT)
    assert score([sequence], results).combined.CLR_FN == 4


def test_what_cannot_be_scored_is_a_clear_error(tmp_path):
    write_sequence(tmp_path / "data/train/a", rows(TEN_FRAMES))
    sequences = find_sequences(tmp_path / "data")
    with pytest.raises(MambatrackError, match=r"no result for sequence a: expected .*a\.txt"):
        score(sequences, tmp_path)
    with pytest.raises(MambatrackError, match="different names"):
        score(sequences * 2, tmp_path)
    with pytest.raises(MambatrackError, match="different names"):
        score([], tmp_path)


def test_without_trackeval_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackeval", None)
    with pytest.raises(MissingExtra, match=r"mambatrack\[eval\]"):
        scored(tmp_path, rows(TEN_FRAMES), "")


def trajectories(keys, shift=0.0) -> Trajectories:
    frame, identity = np.array(keys, np.int64).reshape(-1, 2).T
    left = 50.0 * (identity % 5) + shift
    ltwh = np.column_stack([left, *np.broadcast_arrays(10, 30, np.full(len(keys), 60))])
    return Trajectories(frame, identity, ltwh_to_xyxy(ltwh).astype(np.float32))


def test_events_name_what_happened_in_each_frame():
    truth = trajectories([(1, 0), (2, 0), (3, 0), (5, 1)])
    found = trajectories([(1, 0), (2, 5), (4, 2), (5, 1)])
    events = match_events(truth, found).mot_events
    kinds = [(int(frame), kind) for (frame, _), kind in events.Type.items() if kind != "ASCEND"]
    assert kinds == [(1, "MATCH"), (2, "SWITCH"), (3, "MISS"), (4, "FP"), (5, "MATCH")]
    counted = summary(match_events(truth, found))
    assert counted == pytest.approx((25, 50, 1, 3, 1, 1))


def test_a_pair_at_the_threshold_is_matched():
    truth, found = trajectories([(1, 0)]), trajectories([(1, 0)], shift=10)  # IoU 1/2
    assert summary(match_events(truth, found)).matches == 1
    assert summary(match_events(truth, found, iou=0.51)).matches == 0


def test_no_boxes_at_all_are_no_events():
    nothing = trajectories([])
    assert len(match_events(nothing, nothing).mot_events) == 0
    assert summary(match_events(trajectories(TEN_FRAMES), nothing)).misses == 10
    assert summary(match_events(nothing, trajectories(TEN_FRAMES))).false_positives == 10


def imperfect_results(sequence: Sequence, folder: Path, seed: int, noise: float = 0.05) -> Path:
    """A result file with noise, misses and switches made from all rows of the ground truth."""
    random = np.random.default_rng(seed)
    assert sequence.gt_path is not None
    table = read_mot(sequence.gt_path)[:, :6]
    table = table[random.random(len(table)) > 0.1]
    table[:, 2:] += random.normal(0, noise, (len(table), 4)) * table[:, [4, 5, 4, 5]]
    table[:, 1] += 1000 * (np.cumsum(random.random(len(table)) < 0.005) % 7)
    path = folder / f"{sequence.name}.txt"
    with_score = np.column_stack([table, np.ones(len(table))])
    np.savetxt(path, with_score, delimiter=",", fmt=["%d"] * 2 + ["%.3f"] * 5)
    return path


def assert_trackeval_agrees(sequences: list[Sequence], folder: Path) -> None:
    """Three result sets of different quality, every field of Score."""
    for tracker in range(3):
        results = folder / f"tracker{tracker}" / "data"
        results.mkdir(parents=True)
        for seed, sequence in enumerate(sequences):
            imperfect_results(sequence, results, seed, noise=0.02 + 0.05 * tracker)
    theirs = trackeval_scores(sequences, folder)
    hota = []
    for tracker, expected in theirs.items():
        scores = score(sequences, folder / tracker / "data")
        hota.append(scores.combined.HOTA)
        assert largest_difference(scores.rows(), expected)[0] <= 1e-6
    assert len(hota) == 3 and 20 < min(hota) < max(hota) - 10 < 80


def test_scores_are_those_of_trackevals_own_pipeline(tmp_path):
    pytest.importorskip("trackeval")
    for seed, name in enumerate("ab"):
        world.write_sequence(tmp_path / "data" / name, seed=seed, people=6, frames=80)
    assert_trackeval_agrees(find_sequences(tmp_path / "data"), tmp_path / "trackers")


def test_scores_are_trackevals_where_there_are_distractors(tmp_path):
    pytest.importorskip("trackeval")
    found = find_sequences(needs("data/mot17/train"))
    assert_trackeval_agrees([each for each in found if each.name == "MOT17-05-SDP"], tmp_path)


def test_events_agree_with_trackeval_but_for_switches_after_gaps(tmp_path):
    [sequence] = find_sequences(needs("data/pets09"))
    path = imperfect_results(sequence, tmp_path, seed=0)
    standard = score([sequence], path).combined
    truth = read_ground_truth(sequence)
    counted = summary(match_events(truth, read_trajectories(path)))
    assert pytest.approx(standard.IDF1, abs=1e-6) == counted.IDF1
    assert pytest.approx(standard.IDSW, rel=0.1) == counted.IDSW
    difference = 100 * (standard.IDSW - counted.IDSW) / len(truth)
    assert pytest.approx(difference, abs=1e-6) == counted.MOTA - standard.MOTA
    assert counted.matches + counted.misses == len(truth)
