"""Whatever stops a training, the same training goes on and ends with the same weights, bit for bit:
a network of one layer at each place, and the motion model, the association and the gap filler."""

import itertools
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mambatrack import MambatrackError
from mambatrack.learning.checkpoints import Recipe
from mambatrack.learning.log import Log
from mambatrack.learning.loop import Learner, Run, is_finished, train
from mambatrack.learning.schedules import one_cycle
from tiny_trainings import SECTIONS, draw_quickly, files, make_tiny, run, whole_files
from worlds import write_training_data

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
KIND = "window"
RECIPE = Recipe("training", {"seed": 0}, {})


class Line(Learner):
    """Learns numbers in two parts a step; its random numbers go on from step to step."""

    remedy = "lower training.rate"

    def __init__(self):
        torch.manual_seed(0)
        self.model = torch.nn.Linear(3, 2)
        self.optimiser = torch.optim.AdamW(self.model.parameters())
        self.rng = np.random.default_rng(0)

    def options(self, step):
        return one_cycle(step, 20, 0.1)

    def losses(self, step):
        for size in (4, 1):
            given = torch.from_numpy(self.rng.normal(size=(size, 3)).astype(np.float32))
            yield (self.model(given) - given[:, :2]).square().mean()

    def validate(self):
        return {"validation": float(self.model.weight.detach().square().sum())}

    def export(self, step, measured):
        card = {"architecture": {"kind": KIND}, "training": {"step": step}, "validation": measured}
        return self.model.state_dict(), card


def run_of(folder, **changes):
    return replace(Run(folder / "line.safetensors", KIND, RECIPE, 7, 3), **changes)


@contextmanager
def failing_at(number, error):
    """The ``number``-th file that should take its name, from 1, does not. With SystemExit as in a
    process that is killed there, which cleans nothing up."""
    calls = itertools.count(1)
    plain = Path.replace

    with pytest.MonkeyPatch.context() as patch:

        def failing(self, target):
            if next(calls) == number:
                if isinstance(error, SystemExit):
                    patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
                raise error
            return plain(self, target)

        patch.setattr(Path, "replace", failing)
        yield


FULL = OSError(28, "No space left on device")
FILES = 3 * 4 + 1  # that are written of three checkpoints, with the curve


@pytest.fixture
def line(tmp_path, monkeypatch):
    """The files of a training that nobody stopped."""
    monkeypatch.setattr(Log, "draw", draw_quickly)
    train(Line(), run_of(tmp_path / "whole"))
    return files(tmp_path / "whole")


@pytest.mark.parametrize("step", range(1, 8))
def test_stopped_after_each_step(step, line, tmp_path):
    def stop(report):
        if report.done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Line(), run_of(tmp_path / "run", report=stop))
    train(Line(), run_of(tmp_path / "run"))
    assert files(tmp_path / "run") == line


@pytest.mark.parametrize("number", range(1, FILES + 1))
def test_killed_at_each_file_and_then_at_each_other(number, line, tmp_path):
    with failing_at(number, SystemExit()), pytest.raises(SystemExit):
        train(Line(), run_of(tmp_path / "run"))
    for other in itertools.count(1):
        folder = shutil.copytree(tmp_path / "run", tmp_path / f"run{other}")
        try:
            with failing_at(other, SystemExit()):
                train(Line(), run_of(folder))
        except SystemExit:
            train(Line(), run_of(folder))
        else:
            break
        finally:
            assert files(folder) == line
    assert other <= FILES + 1


@pytest.mark.parametrize("number", range(1, FILES + 1))
def test_a_disk_that_is_full_at_each_file(number, line, tmp_path):
    folder = tmp_path / "run"
    with failing_at(number, FULL), pytest.raises(MambatrackError) as caught:
        train(Line(), run_of(folder))
    assert f"cannot write to {folder}: No space left on device. The files there are whole" in str(
        caught.value
    )
    assert "the same training goes on from its last checkpoint" in str(caught.value)
    files(folder)  # fails for a file that is left over
    train(Line(), run_of(folder))
    assert files(folder) == line


def test_there_is_one_report_a_step_and_the_log_in_some(tmp_path):
    reports = []
    train(Line(), run_of(tmp_path, stage="lines", report=reports.append))
    assert [(each.stage, each.unit, each.done, each.total) for each in reports] == [
        ("lines", "steps", step, 7) for step in range(1, 8)
    ]
    logged = [each.done for each in reports if each.logged]
    assert logged == [3, 6, 7] and list(reports[2].logged) == ["rate", "loss", "validation"]


def test_a_finished_training_is_left_alone(line, tmp_path):
    weights = tmp_path / "whole/line.safetensors"
    assert is_finished(weights, KIND, 7)
    assert not is_finished(weights, KIND, 8) and not is_finished(weights, "causal", 7)
    times = {each: each.stat().st_mtime_ns for each in weights.parent.iterdir()}
    reports = []
    assert train(Line(), run_of(tmp_path / "whole", report=reports.append)) == weights
    assert reports == [] and {each: each.stat().st_mtime_ns for each in times} == times


@pytest.mark.parametrize("name", ["line.safetensors", "line.json"])
def test_weights_that_went_missing_are_written_again(name, line, tmp_path):
    (tmp_path / "whole" / name).unlink()
    assert not is_finished(tmp_path / "whole/line.safetensors", KIND, 7)
    train(Line(), run_of(tmp_path / "whole"))
    assert files(tmp_path / "whole") == line


def test_weights_of_which_no_checkpoint_tells_are_not_overwritten(line, tmp_path):
    """As an earlier version left them, which trained the gap filler without checkpoints."""
    (tmp_path / "whole/checkpoint.safetensors").unlink()
    with pytest.raises(MambatrackError, match="no checkpoint.safetensors to go on from, as an ear"):
        train(Line(), run_of(tmp_path / "whole"))
    assert files(tmp_path / "whole").items() < line.items()


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_training_that_diverges_says_what_to_change(what, tmp_path):
    class Diverging(Line):
        def losses(self, step):
            for part in super().losses(step):
                if step == 5:
                    part = part * torch.nan if what == "loss" else part + infinitely_steep(self)
                yield part

    def infinitely_steep(learner):
        return (learner.model.weight * 0).abs().sqrt().sum()

    with pytest.raises(
        MambatrackError, match=rf"the {what} is nan at step 5: training diverged; lower training.r"
    ):
        train(Diverging(), run_of(tmp_path))
    assert is_finished(tmp_path / "line.safetensors", KIND, 3)  # nothing of it was written


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 2, people=3)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Other data."""
    return write_training_data(tmp_path_factory.mktemp("other"), 3, people=3)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of trainings that nobody stopped, once ``whole`` is asked for."""
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def whole(data, finished):
    """Their files."""
    return whole_files(data, finished)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_training_stopped_again_and_again(section, data, whole, tmp_path, monkeypatch):
    make_tiny(monkeypatch)
    stops = 0
    for _ in range(50):
        reports = itertools.count(1)

        def stop(report, reports=reports):
            if next(reports) == 3:
                raise KeyboardInterrupt

        try:
            run(section, data, tmp_path, stop)
        except KeyboardInterrupt:
            stops += 1
        else:
            break
    assert stops > 1 and files(tmp_path) == whole[section]


@pytest.mark.parametrize(
    ("section", "number"),
    [("training", 12), ("gap_filling", 16), ("association", 1), ("association", 3),
     ("association", 34), ("embedder", 7)],
)  # fmt: skip
def test_each_training_killed_at_a_file(section, number, data, whole, tmp_path, monkeypatch):
    """For the association these are run.json, a recording, and both files of the committee too."""
    make_tiny(monkeypatch)
    with failing_at(number, SystemExit()), pytest.raises(SystemExit):
        run(section, data, tmp_path)
    run(section, data, tmp_path)
    assert files(tmp_path) == whole[section]


@pytest.mark.parametrize("section", SECTIONS)
def test_other_settings_and_data_are_refused(
    section, data, other, whole, finished, tmp_path, monkeypatch
):
    make_tiny(monkeypatch)
    shutil.copytree(finished / section, tmp_path / "run")
    with pytest.raises(MambatrackError, match="other settings or data .*seed 0 and not 1"):
        run(section, data, tmp_path / "run", seed=1)
    with pytest.raises(MambatrackError, match="other settings or data .data "):
        run(section, other, tmp_path / "run")
    assert files(tmp_path / "run") == whole[section]
    run(section, data, tmp_path / "run", licence="ours")  # free to change


def test_rounds_of_an_earlier_version_are_gone_on_from(
    data, whole, finished, tmp_path, monkeypatch
):
    """They were called round-N, had no checkpoints, and a network only where it was finished."""
    make_tiny(monkeypatch)
    shutil.copytree(finished / "association", tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("checkpoint.safetensors"):
        path.unlink()
    for name in ("association.safetensors", "association.json", "member-1/association.safetensors"):
        (tmp_path / name).unlink()
    (tmp_path / "member-1/log.csv").write_text("step,loss,validation,seconds\n2,1.0,1.0,7\n")
    for number in range(2):
        (tmp_path / f"iteration-{number}").rename(tmp_path / f"round-{number}")
    stages = []
    run("association", data, tmp_path, lambda report: stages.append(report.stage))
    assert set(stages) == {"iteration 2 of 2, network 2 of 2"}
    for name, content in files(tmp_path).items():
        assert content == whole["association"][name], name


@pytest.mark.parametrize("section", ["association", "gap_filling", "embedder", "detector_training"])
def test_torchrun_is_for_the_motion_model(section, data, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MambatrackError, match="trains in one process, and torchrun started 2"):
        run(section, data, tmp_path)
