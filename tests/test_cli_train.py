"""The commands that train: what they show and write, signals, a full disk."""

import os
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.cli.program import parse
from mambatrack.cli.train import _Shown as Shown
from mambatrack.config import load_config
from split_processes import run_split
from tiny_trainings import (
    COMMANDS,
    SECTIONS,
    SETTINGS,
    WEIGHTS,
    command,
    files,
    make_tiny,
    run,
    whole_files,
)
from worlds import write_training_data

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 2, people=3)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The files of trainings that nobody stopped."""
    return whole_files(data, tmp_path_factory.mktemp("whole"))


@POSIX
@pytest.mark.parametrize("section", SECTIONS)
def test_the_commands_on_a_disk_that_takes_no_more(
    section, data, whole, tmp_path, capsys, monkeypatch
):
    """The system refuses in the middle of a file, and the command says so on one line."""
    import resource

    make_tiny(monkeypatch)
    given = [*command(section, data, tmp_path / "run"), "--quiet"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert main(given) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert said.startswith("error: cannot write to") and "File too large" in said
    assert said.count("\n") == 1
    assert main(given) == 0
    assert files(tmp_path / "run") == whole[section]


def train_until(section, number, data, out):
    """The command of the section, to which the signal comes between two of its steps."""
    make_tiny(pytest.MonkeyPatch())
    shown, reports = Shown.__call__, []

    def stopping(self, report):
        shown(self, report)
        if report.unit != "views":
            reports.append(report)
        if len(reports) == (11 if section == "association" else 5):
            os.kill(os.getpid(), number)

    Shown.__call__ = stopping
    sys.exit(main(command(section, data, out)))


@POSIX
@pytest.mark.parametrize(
    ("section", "number"),
    [("association", "SIGKILL"), ("detector_training", "SIGKILL"), ("gap_filling", "SIGTERM")],
)
def test_signals_between_two_steps(section, number, data, whole, tmp_path, monkeypatch):
    (said := tmp_path / "said").mkdir()
    out, sent = tmp_path / "run", getattr(signal, number)
    done = run_split(said, train_until, section, sent, data, out)
    assert done.returncode == (-signal.SIGKILL if number == "SIGKILL" else 130), done.stderr
    if number == "SIGTERM":
        assert f"the same mambatrack {COMMANDS[section]} goes on from here" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(out.rglob("checkpoint.safetensors"))
    make_tiny(monkeypatch)
    reports = []
    run(section, data, out, reports.append)
    assert reports[0].done > 1 and files(out) == whole[section]


@pytest.mark.parametrize("section", SECTIONS)
def test_progress_log_and_curve(section, data, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    make_tiny(monkeypatch, curves=True)
    assert main(command(section, data, tmp_path)) == 0
    said, steps = capsys.readouterr(), SETTINGS[section]["steps"]
    assert said.out.startswith(f"wrote {tmp_path / WEIGHTS[section]}, its model card, log.csv and")
    assert f"step {steps} of {steps}, rate " in said.err and ", loss " in said.err
    logs = list(tmp_path.rglob("log.csv"))
    assert len(logs) == (3 if section == "association" else 1)
    for log in logs:
        rows = np.atleast_1d(np.genfromtxt(log, delimiter=",", names=True))
        assert rows.dtype.names[:3] == ("step", "rate", "loss")
        assert all(np.isfinite(row.tolist()).all() for row in rows)
        assert (log.parent / "curve.png").read_bytes()[:4] == b"\x89PNG"
    assert main(command(section, data, tmp_path)) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / WEIGHTS[section]} is trained already\n"
    assert said.err.startswith(f"{COMMANDS[section]} learns ") and said.err.count("\n") == 1


def test_the_recipe_of_what_ships_is_the_default_and_another_one_is_taken():
    given = ["--dataset", "a", "--out", "b"]
    _, _, motion = parse(["train", *given, "--training.steps", "5"])
    assert motion.training == replace(load_config("train-causal").training, steps=5)
    _, _, association = parse(["train-association", *given])
    assert association.association == load_config("train-association").association
    _, _, paper = parse(["train", *given, "--config", "train-paper"])
    assert paper.training == load_config("train-paper").training
    _, _, detector = parse(["train-detector", *given])
    assert detector.detector_training == load_config("train-detector").detector_training


@pytest.mark.parametrize("content", [None, b"no arrays", b"PK\x03\x04 cut"])
def test_crops_that_cannot_be_read_are_named(content, tmp_path, capsys):
    path = tmp_path / "crops.npz"
    if content is not None:
        path.write_bytes(content)
    assert main(["train-embedder", "--crops", str(path), "--out", str(tmp_path / "run")]) == 1
    assert f"error: {path}: a .npz file with" in capsys.readouterr().err


@pytest.mark.parametrize("section", ["training", "association", "gap_filling"])
def test_data_that_are_not_there_are_named(section, tmp_path, capsys):
    assert main(command(section, tmp_path / "no", tmp_path / "run")) == 1
    assert f"error: {tmp_path / 'no'} is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_labelled_pictures_that_are_not_there_are_named(tmp_path, capsys):
    given = ["train-detector", "--dataset", str(tmp_path / "no"), "--out", str(tmp_path / "run")]
    assert main(given) == 1
    assert f"error: {tmp_path / 'no'}: no pictures in" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
