import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from mambatrack.config import load_config
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.runs.dataset_jobs import Job, plan, track_sequence
from mambatrack.runs.engines import Engine, run_all
from mambatrack.runs.run import Run, Totals
from mambatrack.simulation.world import write_sequence
from mambatrack.sources.frames import Frame

PROCESSES = Engine(workers=2)


def square(number: int) -> int:
    return number * number


def complain(number: int) -> int:
    if number == 2:
        warnings.warn("two is odd", stacklevel=1)
    if number == 3:
        raise MissingExtra("three", "more", "counting")
    return number


def die(number: int) -> None:
    os._exit(9)


def die_once(folder: str) -> int:
    """Dies in the first attempt, as a worker that is killed in the middle."""
    mark = Path(folder) / "died"
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), 9)
        time.sleep(60)
    return os.getpid()


def track_killed_at_frame_10(job: Job) -> Totals:
    """track_sequence, in a worker that is killed in the middle of the first attempt."""
    step, mark = Run._step, job.folder / "killed"

    def killed(run: Run, frame: Frame) -> None:
        if frame.index == 10 and job.sequence.name == "a" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
            time.sleep(60)
        step(run, frame)

    Run._step = killed
    try:
        return track_sequence(job)
    finally:
        Run._step = step


@pytest.mark.parametrize("engine", [Engine(), PROCESSES], ids=["here", "processes"])
def test_every_job_gives_its_result_once(engine):
    assert dict(run_all(square, [1, 2, 3], engine)) == {0: 1, 1: 4, 2: 9}
    assert list(run_all(square, [], engine)) == []


@pytest.mark.parametrize("engine", [Engine(), PROCESSES], ids=["here", "processes"])
def test_warnings_and_mistakes_arrive(engine):
    with pytest.warns(UserWarning, match="two is odd"):
        assert dict(run_all(complain, [1, 2], engine)) == {0: 1, 1: 2}
    with pytest.raises(MambatrackError, match=r"pip install 'mambatrack\[more\]'"):
        list(run_all(complain, [3, 1], engine))


def test_a_dead_process_is_one_clear_error():
    with pytest.raises(MambatrackError, match="a worker process died.*goes on from what is"):
        list(run_all(die, [1, 2], PROCESSES))


def test_processes_are_gone_when_the_caller_stops():
    import multiprocessing

    results = run_all(time.sleep, [0, 60, 60], PROCESSES)
    next(results)
    results.close()
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


@pytest.fixture(scope="module")
def ray_cluster():
    ray = pytest.importorskip("ray")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # its workers import this file
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


def test_ray_runs_the_same_function(ray_cluster):
    engine = Engine("ray", workers=2)
    assert dict(run_all(square, [1, 2, 3], engine)) == {0: 1, 1: 4, 2: 9}
    with pytest.raises(MambatrackError, match="counting needs the package three"):
        list(run_all(complain, [3, 1], engine))
    assert ray_cluster.is_initialized()


def test_ray_gives_the_job_of_a_killed_worker_to_another(ray_cluster, tmp_path):
    [(index, worker)] = run_all(die_once, [str(tmp_path)], Engine("ray", workers=2))
    killed = int((tmp_path / "died").read_text())
    assert index == 0 and worker != killed


def test_a_sequence_of_a_killed_worker_is_tracked_again(ray_cluster, tmp_path):
    config = load_config(overrides={"tracker.predictor": "kalman"})
    for seed, name in enumerate("abc"):
        write_sequence(tmp_path / "data" / name, seed=seed, people=3, frames=30, size=(320, 240))
    sequences = find_sequences(tmp_path / "data")
    jobs = plan(sequences, config, tmp_path / "ray")
    totals = dict(run_all(track_killed_at_frame_10, jobs, Engine("ray", workers=2)))
    assert sorted(each.name for each in totals.values()) == ["a", "b", "c"]
    assert (tmp_path / "ray/killed").exists()
    for job in plan(sequences, config, tmp_path / "here"):
        track_sequence(job)
        for kind in (".txt", ".jsonl"):
            path = job.result.with_suffix(kind)
            assert (tmp_path / "ray" / path.name).read_bytes() == path.read_bytes()
    assert not list((tmp_path / "ray").glob(".*"))
    assert plan(sequences, config, tmp_path / "ray") == []


def test_a_ray_of_its_own_listens_on_this_machine_only():
    pytest.importorskip("ray")
    code = "from mambatrack.runs.engines import Engine, run_all\nimport ray\n"
    code += "from test_runs_engines import square\n"
    code += "results = run_all(square, [2, 3], Engine('ray', workers=1))\nprint(next(results)[1])\n"
    code += "print(ray.nodes()[0]['NodeManagerAddress'], ray.cluster_resources()['CPU'])\n"
    code += "results.close(); print(ray.is_initialized())"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-2:] == ["127.0.0.1 1.0", "False"]
