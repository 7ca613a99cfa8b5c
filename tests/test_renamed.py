"""Names of before: read with one line that tells the new one."""

import dataclasses
import warnings

import pytest

from mambatrack import renamed
from mambatrack.cli import main
from mambatrack.cli.program import COMMANDS, parse
from mambatrack.config import Config, TrackerConfig, TrainingConfig, describe, load_config
from mambatrack.errors import MambatrackError

OLD = {  # what a file of the last release says, and the same today
    "tracker: {refill: true}": {"tracker.straighten_history": True},
    "filler: {q: 5, steps: 9}": {"gap_filling.q": 5, "gap_filling.steps": 9},
    "training: {gaps: 0.25, rollout: 3, crossings: 0.5}": {
        "training.gap_share": 0.25, "training.forecast": 3, "training.crossing_share": 0.5,
    },
}  # fmt: skip


def test_every_new_name_is_a_setting_and_no_old_one_is():
    known = {key for key, _, _ in describe()} | {each.name for each in dataclasses.fields(Config)}
    assert set(renamed.SETTINGS.values()) <= known and not known & set(renamed.SETTINGS)


@pytest.mark.parametrize(("text", "today"), OLD.items())
def test_a_file_of_before_is_read_with_a_line_for_each_old_name(tmp_path, text, today):
    path = tmp_path / "old.yaml"
    path.write_text(text)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        config = load_config(path)
    assert config == load_config(overrides=today)
    for each in told:
        old, new = str(each.message).split(" is called ")
        assert renamed.SETTINGS[old] == new.split(" now;")[0]
    assert len(told) == len({each.message.args for each in told}) == len(
        [old for old in renamed.SETTINGS if old.split(".")[-1] in text])  # fmt: skip


def test_both_names_of_one_setting_are_refused(tmp_path):
    path = tmp_path / "both.yaml"
    for text in ("tracker: {refill: true, straighten_history: false}", "filler: {}\ngap_filling:"):
        path.write_text(text)
        with pytest.warns(FutureWarning), pytest.raises(MambatrackError, match="are one setting"):
            load_config(path)


def test_old_keywords_make_the_same_settings():
    with pytest.warns(FutureWarning, match="tracker.refill is called tracker.straighten_history"):
        assert TrackerConfig(refill=True) == TrackerConfig(straighten_history=True)
    with pytest.warns(FutureWarning, match="training.rollout is called training.forecast now"):
        changed = dataclasses.replace(TrainingConfig(), rollout=4)
    assert changed == TrainingConfig(forecast=4)
    with pytest.warns(FutureWarning, match="filler is called gap_filling"):
        config = Config(filler=Config().gap_filling)
    assert config == Config()
    with pytest.raises(TypeError, match="unexpected keyword argument 'refilll'"):
        TrackerConfig(refilll=True)


def test_a_record_of_before_is_that_of_today():
    before = {"tracker": {"refill": False, "max_age": 9}, "filler": {"q": 3}, "predictor": ""}
    after = {
        "tracker": {"straighten_history": False, "max_age": 9}, "gap_filling": {"q": 3},
        "predictor": "",
    }  # fmt: skip
    assert renamed.as_named_today(before) == after == renamed.as_named_today(after)
    assert renamed.as_named_today({"tracker": 5}) == {"tracker": 5}


def test_a_study_of_before_goes_on(tmp_path):
    optuna = pytest.importorskip("optuna")
    from mambatrack.evaluation.tuning.study import open_study

    before = {"seed": 0, "tracker": {"refill": False, "max_age": 9}}
    today = {"seed": 0, "tracker": {"straighten_history": False, "max_age": 9}}
    with open_study(tmp_path / "tune.db", before):
        pass
    with open_study(tmp_path / "tune.db", today) as study:
        assert isinstance(study, optuna.Study)
    other = {"seed": 0, "tracker": {"straighten_history": True, "max_age": 9}}
    with pytest.raises(MambatrackError, match="straighten_history was False, is True"):
        with open_study(tmp_path / "tune.db", other):
            pass


def test_every_command_and_option_of_the_table_is_there_and_no_old_one_is(capsys):
    names = {command.name for command in COMMANDS}
    assert set(renamed.COMMANDS.values()) | set(renamed.OPTIONS) <= names
    assert not names & set(renamed.COMMANDS)
    for command, options in renamed.OPTIONS.items():
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown = capsys.readouterr().out
        assert all(f"{new} " in shown for new in options.values())


@pytest.mark.parametrize(
    ("before", "today", "lines"),
    [
        ("train --data a b --out c", "train --dataset a b --out c", 1),
        ("train --data=a --out c", "train --dataset=a --out c", 1),
        ("train-association --data a --out c", "train-association --dataset a --out c", 1),
        ("train-refill --data a --out c", "train-gap-filling --dataset a --out c", 2),
        ("train-refill --data a --out c --filler.q 3",
         "train-gap-filling --dataset a --out c --gap_filling.q 3", 3),
        ("submit --dataset dancetrack --results r", "submit --server dancetrack --results r", 1),
        ("submit --dataset sportsmot --data d --results r",
         "submit --server sportsmot --dataset d --results r", 2),
        ("export-tracks r --format cvat --out o --names a,b",
         "export-tracks r --format cvat --out o --class-names a,b", 1),
    ],
)  # fmt: skip
def test_a_command_line_of_before_is_read_with_a_line_for_each_old_name(before, today, lines):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, expected, settings = parse(today.split())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _, options, config = parse(before.split())
    assert config == settings and len(told) == lines
    apart = {"parser": None, "arguments": None}  # what was typed, and what read it
    assert vars(options) | apart == vars(expected) | apart


def test_the_new_name_of_an_option_is_never_taken_for_an_old_one():
    line = "submit --server dancetrack --dataset dancetrack --results r"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, options, _ = parse(line.split())
    assert (options.server, options.dataset) == ("dancetrack", "dancetrack")


def test_the_line_is_on_stderr_and_the_command_runs(capsys):
    assert main(["config", "--tracker.refill", "true"]) == 0
    printed = capsys.readouterr()
    assert printed.err == (
        "warning: tracker.refill is called tracker.straighten_history now; the next release reads "
        "the new name only\n"
    )
    assert "straighten_history: true" in printed.out and "refill" not in printed.out
