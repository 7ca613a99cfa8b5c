import csv
import dataclasses
import json

import pytest
import yaml

from mambatrack.config import load_config
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation import evaluate
from mambatrack.evaluation.tuning import search
from mambatrack.evaluation.tuning.parameters import (
    parse_parameters,
)
from mambatrack.evaluation.tuning.report import tuning_tables, write_tuned
from mambatrack.evaluation.tuning.search import TOO_HIGH, split_sequences, tune
from mambatrack.runs.engines import Engine
from mambatrack.simulation.world import write_sequence

pytest.importorskip("optuna")
pytest.importorskip("trackeval")

# a base that leaves something to find: most detections are below this score
BASE = load_config(
    overrides={
        "tracker.predictor": "kalman", "tracker.association": "overlap",
        "tracker.birth_score": 0.95, "tracker.max_age": 30,
    }
)  # fmt: skip
NAMED = ["tracker.birth_score=0.3:0.95", "tracker.max_age=2:40", "tracker.straighten_history"]


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for seed, name in enumerate("abc"):
        write_sequence(root / name, seed=seed, people=4, frames=20, size=(320, 240))
    return find_sequences(root)


def tuned(sequences, folder, trials=3, **changed):
    given = {"config": BASE, "parameters": parse_parameters(NAMED), **changed}
    return tune(sequences[:2], sequences[2:], trials=trials, folder=folder, **given)


def tried(result):
    return [(trial.number, trial.values, trial.score) for trial in result.trials]


@pytest.fixture(scope="module")
def whole(sequences, tmp_path_factory):
    """A study of three trials that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return tuned(sequences, folder), folder


def test_the_base_comes_first_and_the_best_is_not_worse(whole):
    result, _ = whole
    assert result.trials[0].values == {
        "tracker.birth_score": 0.95, "tracker.max_age": 30, "tracker.straighten_history": False,
    }  # fmt: skip
    assert max(trial.score.HOTA for trial in result.trials) == result.best.score.HOTA
    assert result.best.score.HOTA > result.trials[0].score.HOTA
    assert {type(trial.values["tracker.max_age"]) for trial in result.trials} == {int}
    assert {type(trial.values["tracker.straighten_history"]) for trial in result.trials} == {bool}
    assert all(0.3 <= trial.values["tracker.birth_score"] <= 0.95 for trial in result.trials)
    assert result.config.tracker.max_age == result.best.values["tracker.max_age"]


def test_the_report_is_of_the_other_sequences(whole, sequences):
    result, _ = whole
    again = search.score_config(sequences[2:], result.config)
    assert result.tuned_on == ("a", "b") and result.caveat == ""
    assert result.reported["best"].sequences == again.sequences
    assert list(result.reported["base"].sequences) == ["c"]


def test_a_finished_study_is_not_extended_but_a_larger_one_goes_on(sequences, tmp_path, whole):
    assert tried(tuned(sequences, tmp_path, trials=2)) == tried(whole[0])[:2]
    assert tried(tuned(sequences, tmp_path, trials=3)) == tried(whole[0])
    assert tried(tuned(sequences, tmp_path, trials=2)) == tried(whole[0])


@pytest.mark.parametrize("stop", [1, 3])
def test_a_stop_in_the_middle_of_a_trial_changes_nothing(
    sequences, tmp_path, whole, monkeypatch, stop
):
    def interrupted(*_):
        raise KeyboardInterrupt

    def report(done):
        if done == stop - 1:
            monkeypatch.setattr(evaluate, "track_sequence", interrupted)

    with pytest.raises(KeyboardInterrupt):
        tuned(sequences, tmp_path, report=report)
    monkeypatch.undo()
    counts = []
    assert tried(tuned(sequences, tmp_path, report=counts.append)) == tried(whole[0])
    assert counts == list(range(stop - 1, 4))


def test_processes_find_the_same(sequences, whole):
    scores = search.score_config(sequences[:2], BASE, Engine(workers=2))
    assert scores.combined == whole[0].trials[0].score


def test_a_study_of_other_settings_is_refused(sequences, whole):
    folder = whole[1]
    other = dataclasses.replace(BASE.tracker, predictor="still")
    config = dataclasses.replace(BASE, tracker=other)
    with pytest.raises(MambatrackError, match=r"predictor was kalman, is still\); tune these in"):
        tuned(sequences, folder, config=config)
    with pytest.raises(MambatrackError, match="seed was 0, is 1"):
        tuned(sequences, folder, seed=1)
    with pytest.raises(MambatrackError, match=r"max_age was \[2, 40\], is \[2, 41\]"):
        named = [NAMED[0], "tracker.max_age=2:41", NAMED[2]]
        tuned(sequences, folder, parameters=parse_parameters(named))
    with pytest.raises(MambatrackError, match=r"straighten_history was \[False, True\], is absent"):
        tuned(sequences, folder, parameters=parse_parameters(NAMED[:2]))
    with pytest.raises(MambatrackError, match=r"sequences\.c was absent, is [0-9a-f]{12}"):
        tune(sequences[1:], sequences[:1], BASE, parse_parameters(NAMED), 1, folder)


def test_changed_detections_are_another_study(tmp_path):
    for name in "ab":
        write_sequence(tmp_path / "data" / name, people=2, frames=10, size=(320, 240))
    one, two = find_sequences(tmp_path / "data")
    tuned([one, two, two], tmp_path / "out", trials=1, same=True)
    with one.det_path.open("a") as file:
        file.write("10,-1,5,5,20,50,0.9\n")
    with pytest.raises(MambatrackError, match=r"sequences\.a was"):
        tuned([one, two, two], tmp_path / "out", trials=1, same=True)


def test_what_is_no_study_is_refused(sequences, tmp_path):
    (tmp_path / "tune.db").write_text("this is no database, but a text that is long enough " * 20)
    with pytest.raises(MambatrackError, match=r"tune\.db cannot be used as a study: .*database"):
        tuned(sequences, tmp_path)
    (tmp_path / "tune.db").unlink()
    (tmp_path / "best.yaml").write_text("tracker:\n")
    with pytest.raises(MambatrackError, match=r"best\.yaml exists"):
        tuned(sequences, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["best.yaml"]


def test_a_report_on_tuned_sequences_needs_the_word_and_says_so(sequences, tmp_path):
    named = parse_parameters(NAMED)
    with pytest.raises(
        MambatrackError, match="^a, b: tuned on these very sequences: too high; report on"
    ):
        tune(sequences[:2], sequences[:2], BASE, named, 1, tmp_path)
    with pytest.raises(MambatrackError, match=r"tuned on in part \(b\): too high"):
        tune(sequences[:2], sequences[1:], BASE, named, 1, tmp_path)
    assert not list(tmp_path.iterdir())
    result = tune(sequences[:2], sequences[:2], BASE, named, 1, tmp_path, same=True)
    write_tuned(result, tmp_path)
    assert f"#   {TOO_HIGH}\n" in (tmp_path / "best.yaml").read_text()
    assert json.loads((tmp_path / "tune.json").read_text())["caveat"] == TOO_HIGH
    assert tuning_tables(result)[1].title == TOO_HIGH


def test_what_cannot_be_reported_on_is_told_before_the_search(sequences, tmp_path):
    blind = dataclasses.replace(sequences[2], det_path=None)
    with pytest.raises(MambatrackError, match=r"c in .* has no det/det\.txt"):
        tune(sequences[:2], [blind], BASE, parse_parameters(NAMED), 1, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_files_hold_what_was_found(whole, tmp_path):
    result, _ = whole
    write_tuned(result, tmp_path)
    write_tuned(result, tmp_path)
    assert load_config(tmp_path / "best.yaml") == result.config
    text = (tmp_path / "best.yaml").read_text()
    values = yaml.safe_load(text)["tracker"]
    assert values["predictor"] == "kalman" and "iou_gate" not in values
    assert "# tuned on a, b:\n" in text and "# reported on c:\n" in text
    assert f"  HOTA {result.reported['base'].combined.HOTA:.2f} before" in text
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["HOTA"]) for row in rows] == [trial.score.HOTA for trial in result.trials]
    assert rows[0]["tracker.max_age"] == "30"
    content = json.loads((tmp_path / "tune.json").read_text())
    assert content["tuned_on"]["best"]["HOTA"] == result.best.score.HOTA
    assert content["reported_on"]["sequences"] == ["c"] and content["caveat"] == ""


def test_the_tables_show_base_and_best_on_both_sets(whole):
    first, second = tuning_tables(whole[0])
    assert list(first.columns[0].cells) == [text.split("=")[0] for text in NAMED]
    assert list(second.columns[0].cells) == ["2 tuned on"] * 2 + ["1 reported on"] * 2
    assert list(second.columns[1].cells) == ["base", "best"] * 2


def test_importance_needs_enough_trials(sequences, whole, monkeypatch):
    assert whole[0].importance == {}
    monkeypatch.setattr(search, "ENOUGH", 3)
    result = tuned(sequences, whole[1])
    assert list(result.importance) == [text.split("=")[0] for text in NAMED]
    assert sum(result.importance.values()) == pytest.approx(1)
    assert tuning_tables(result)[0].columns[-1].header == "importance"


def test_halves_are_drawn_with_the_seed(sequences):
    for seed in range(5):
        first, second = split_sequences(sequences, seed=seed)
        names = [[each.name for each in part] for part in (first, second)]
        assert sorted(sum(names, [])) == ["a", "b", "c"] and len(first) == 2
        assert split_sequences(sequences, seed=seed) == (first, second)
    assert len({split_sequences(sequences, seed=seed)[0][0].name for seed in range(9)}) > 1


def test_named_sequences_leave_the_others(sequences):
    def names(*given, **more):
        parts = split_sequences(sequences, *given, **more)
        return ["".join(each.name for each in part) for part in parts]

    assert names(["c", "a"]) == ["ac", "b"]
    assert names([], ["b"]) == ["ac", "b"]
    assert names(["a"], ["c"]) == ["a", "c"]
    assert names(same=True) == ["abc", "abc"]
    assert names(["b"], same=True) == ["b", "b"]
    with pytest.raises(MambatrackError, match="no sequence is named e; there are a, b, c"):
        names(["e"])
    with pytest.raises(MambatrackError, match="no sequence is left to report on"):
        split_sequences(sequences[:1])
    with pytest.raises(MambatrackError, match="no sequence is left to tune on"):
        names([], list("abc"))


def test_without_optuna_the_extra_is_named(sequences, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"mambatrack\[tune\]"):
        tuned(sequences, tmp_path)


@pytest.mark.parametrize(("embedder", "looks"), [("off", False), ("colour", True)])
def test_a_study_knows_the_pictures_that_it_looked_at(sequences, tmp_path, embedder, looks):
    (tmp_path / "000001.png").write_bytes(b"one")
    seen = [dataclasses.replace(sequences[0], images=tmp_path)]
    config = load_config(overrides={"appearance.embedder": embedder})
    before = search._Search(seen, config, (), Engine(), 0).record()["sequences"]
    (tmp_path / "000001.png").write_bytes(b"another")
    after = search._Search(seen, config, (), Engine(), 0).record()["sequences"]
    assert (before != after) == looks
