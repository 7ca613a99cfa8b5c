import contextlib
import csv
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from mambatrack import MambatrackError, load_config
from mambatrack.cli import main
from mambatrack.learning.motion_losses import rollout_loss
from mambatrack.learning.motion_training import train
from mambatrack.learning.motion_windows import Batch
from mambatrack.learning.processes import Processes, is_first_process, join_processes, own_device
from mambatrack.networks.model_files import new_model
from split_processes import end_split, start_split
from tiny_trainings import make_quick
from worlds import write_training_data

UNEVEN = {  # seven windows for two processes, and both terms of the loss
    "d_model": 8, "layers": 1, "d_state": 2, "steps": 6, "warmup": 4, "checkpoint_every": 3,
    "batch_size": 7, "forecast": 3, "identity_weight": 0.5, "crossing_share": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 2, people=6)


def words(data, out):
    """Of the command."""
    settings = [f"--training.{key}={value}" for key, value in UNEVEN.items()]
    given = ["--dataset", data, "--tracker.device", "cpu", "--config", "overlap", "--out", out]
    return ["train", *map(str, given), *settings]


def train_twice(rank, data, out, ports):
    """One of two processes, with the environment that torchrun gives it: trains 3 steps, and goes
    on to 6."""
    make_quick(pytest.MonkeyPatch())
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                   "MASTER_ADDR": "127.0.0.1"}  # fmt: skip

    for port, steps in zip(ports, (3, 6), strict=True):
        os.environ["MASTER_PORT"] = port
        assert main([*words(data, out), f"--training.steps={steps}"]) == 0


def free_ports(count):
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in found]


def log_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return np.array([list(row.values()) for row in rows])


def test_two_processes_stopped_and_resumed_learn_what_one_learns(data, quick_trainings, tmp_path):
    one, two, ports, started = tmp_path / "one", tmp_path / "two", free_ports(2), []
    for rank in range(2):
        (said := tmp_path / f"said-{rank}").mkdir()
        started.append((said, start_split(said, train_twice, rank, data, two, ports)))
    for said, process in started:
        assert not (ended := end_split(said, process)).returncode, ended.stderr
    changes = {f"training.{key}": value for key, value in UNEVEN.items()}
    train([data], load_config(None, changes | {"tracker.device": "cpu"}), one)
    assert log_of(two)[-1, 0] == 6
    assert sorted(os.listdir(two)) == sorted(os.listdir(one))
    np.testing.assert_allclose(log_of(two), log_of(one), rtol=1e-4)
    weights = load_file(two / "predictor.safetensors")
    for name, value in load_file(one / "predictor.safetensors").items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)


def test_a_batch_too_small_for_the_processes_of_torchrun_ends_all_of_them(data, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "mambatrack", *words(data, tmp_path), "--training.batch_size=1"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert run.returncode == 1
    assert "of 2: a batch of 1 windows cannot be shared by 2 processes" in run.stderr
    assert not (tmp_path / "log.csv").exists()


def crowd(rng, size):
    """Windows of which some have a neighbour close by, some a far one and some none."""
    history = rng.uniform(20, 40, (size, 6, 4)).astype(np.float32)
    future = history[:, -1:] + rng.normal(0, 1, (size, 3, 4)).astype(np.float32)
    away = rng.choice([2, 500, np.nan], (size, 3, 2, 1)).astype(np.float32)
    counts = rng.integers(1, 7, size)
    rivals, image_size = future[:, :, None] + away, np.full((size, 2), 500, np.float32)
    seen = np.arange(5, -1, -1) < counts[:, None]
    return Batch(history, counts, future, rivals, image_size, seen)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 9),
    count=st.integers(1, 5),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["window", "causal"]),
)
def test_losses_and_gradients_of_the_shares_add_up_to_those_of_the_batch(size, count, seed, kind):
    torch.manual_seed(0)
    model = new_model(kind, 8, 1, 2)
    recipe = load_config(None, {"training.identity_weight": 0.5}).training
    batch = crowd(np.random.default_rng(seed), size)

    def gradients(loss):
        found = torch.autograd.grad(loss, model.parameters())
        return torch.cat([each.reshape(-1) for each in found])

    rows = [Processes(rank, count).share(size) for rank in range(count)]
    assert [i for each in rows for i in range(size)[each]] == list(range(size))
    lengths = [each.stop - each.start for each in rows]
    assert max(lengths) - min(lengths) <= 1
    whole = rollout_loss(model, batch, recipe)
    parts = [
        rollout_loss(model, batch.rows(each), recipe, batch)
        for each, length in zip(rows, lengths, strict=True)
        if length
    ]
    torch.testing.assert_close(sum(parts), whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(sum(map(gradients, parts)), gradients(whole), rtol=1e-3, atol=1e-4)


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert is_first_process()
    with join_processes("cpu") as processes:
        assert processes == Processes(0, 1, torch.device("cpu")) and processes.first


def test_an_environment_that_cannot_work_is_explained(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not is_first_process()
    with pytest.raises(MambatrackError, match="process 1 of 2: .* start them with torchrun"):
        with join_processes("cpu"):
            pass
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(MambatrackError, match="WORLD_SIZE is 'two'"):
        with join_processes("cpu"):
            pass


def test_each_process_has_its_own_gpu(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert own_device("cuda", 1) == torch.device("cuda:1") and chosen == [torch.device("cuda:1")]
    with pytest.raises(MambatrackError, match="this machine has 2"):
        own_device("cuda", 2)
    assert own_device("cpu", 2) == torch.device("cpu")
