import contextlib
import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from mambatrack import MambatrackError, load_config
from mambatrack.learning.motion_losses import rollout_loss
from mambatrack.learning.motion_training import train
from mambatrack.learning.motion_windows import Batch
from mambatrack.learning.processes import Processes, is_first_process, join_processes, own_device
from mambatrack.networks.model_files import new_model
from worlds import write_training_data

UNEVEN = {  # seven windows for two processes, and both terms of the loss
    "d_model": 8, "layers": 1, "d_state": 2, "steps": 6, "warmup": 4, "checkpoint_every": 3,
    "batch_size": 7, "forecast": 3, "identity_weight": 0.5, "crossing_share": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 2, people=6)


COMMANDS = """if True:
    import os, sys
    import pytest
    from mambatrack.cli import main
    from tiny_trainings import make_quick
    data, out, ports, *settings = sys.argv[1:]
    make_quick(pytest.MonkeyPatch())
    os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"  # torchrun's serves for one group only
    def run(port, out, *more):
        os.environ["MASTER_PORT"] = port
        return main(["train", "--dataset", data, "--tracker.device", "cpu", "--config", "overlap",
                     *settings, "--out", out, *more])
    first, second, third = ports.split(",")
    assert run(first, out, "--training.steps=3") == 0
    assert run(second, out, "--training.steps=6") == 0
    sys.exit(run(third, out + "-refused", "--training.batch_size=1"))
"""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in found]


@pytest.fixture(scope="module")
def two_processes(data, tmp_path_factory):
    """-> (folder of a training, what torchrun ended with). Both processes, which take long to
    start, train 3 steps, go on to 6, and are given a batch that is too small."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "commands.py").write_text(COMMANDS)
    options = [f"--training.{key}={value}" for key, value in UNEVEN.items()]
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         folder / "commands.py", data, folder / "run", ",".join(free_ports(3)), *options],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    return folder / "run", run


def log_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return np.array([list(row.values()) for row in rows])


def test_two_processes_stopped_and_resumed_learn_what_one_learns(
    data, two_processes, quick_trainings, tmp_path
):
    one, (two, run) = tmp_path / "one", two_processes
    changes = {f"training.{key}": value for key, value in UNEVEN.items()}
    train([data], load_config(None, changes | {"tracker.device": "cpu"}), one)
    assert log_of(two)[-1, 0] == 6, run.stderr
    assert sorted(os.listdir(two)) == sorted(os.listdir(one))
    np.testing.assert_allclose(log_of(two), log_of(one), rtol=1e-4)
    weights = load_file(two / "predictor.safetensors")
    for name, value in load_file(one / "predictor.safetensors").items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)


def test_a_batch_too_small_for_the_processes_ends_all_of_them(two_processes):
    folder, run = two_processes
    assert run.returncode == 1
    assert "of 2: a batch of 1 windows cannot be shared by 2 processes" in run.stderr
    assert not (folder.with_name("run-refused") / "log.csv").exists()


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
