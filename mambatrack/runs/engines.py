"""One function over many jobs: in this process, in several, or as tasks of a Ray cluster.

A job and its result are sent between processes, so both must pickle and stay small; large results
belong into files.
"""

import itertools
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from typing import Any, Generic, TypeVar

from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.runs.frame_count import count_in, counted_by

Job = TypeVar("Job")
Result = TypeVar("Result")


POLL_S = 0.2  # between two looks at the count of frames


@dataclass(frozen=True)
class Engine:
    """workers: processes of the engine "processes"; address: of the Ray cluster, "" starts one on
    this machine with that many workers; gpu: ask for a GPU where the cluster has some"""

    kind: str = "processes"
    workers: int = 1
    address: str = ""
    gpu: bool = False


HERE = Engine()


def run_all(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    engine: Engine = HERE,
    report: Callable[[int], None] = lambda frames: None,
) -> Iterator[tuple[int, Result]]:
    """(index of the job, result) as they come. Warnings appear here, whoever raised them.

    report: called with the frames done, of all jobs together (frame_count.py); never on a Ray
    cluster, whose machines share no count

    The first error ends the rest; so does Ctrl-C. Results in files are kept by whoever wrote them.
    """
    attempt = _Attempt(function)
    if engine.kind == "ray":
        outcomes = _on_ray(attempt, jobs, engine)
    elif engine.workers > 1 and len(jobs) > 1:
        outcomes = _in_processes(attempt, jobs, min(engine.workers, len(jobs)), report)
    else:
        outcomes = _here(attempt, jobs, report)
    for index, outcome in outcomes:
        for message in outcome.warnings:
            warnings.warn(message, stacklevel=2)
        if outcome.error is not None:
            raise MambatrackError(outcome.error)
        yield index, outcome.result


@dataclass
class _Outcome:
    result: Any
    warnings: list[str]
    error: str | None


class _Attempt(Generic[Job, Result]):
    """The function with its warnings and a user's mistake as values, which every engine carries."""

    def __init__(self, function: Callable[[Job], Result]):
        self._function = function

    def __call__(self, job: Job) -> _Outcome:
        result, error = None, None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            try:
                result = self._function(job)
            except MambatrackError as mistake:
                error = str(mistake)
            except OSError as failure:
                error = str(failure)
        told = [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
        return _Outcome(result, told, error)


def _here(
    attempt: Callable[[Any], _Outcome], jobs: Sequence[Any], report: Callable[[int], None]
) -> Iterator[tuple[int, _Outcome]]:
    frames = itertools.count(1)
    for index, job in enumerate(jobs):
        with counted_by(lambda: report(next(frames))):
            outcome = attempt(job)
        yield index, outcome


def _in_processes(
    attempt: Callable[[Any], _Outcome], jobs: Sequence[Any], workers: int,
    report: Callable[[int], None],
) -> Iterator[tuple[int, _Outcome]]:  # fmt: skip
    context = processes()
    frames = context.Value("q", 0)
    pool = ProcessPoolExecutor(workers, context, start_worker, (frames,))
    try:
        waiting = {pool.submit(attempt, job): index for index, job in enumerate(jobs)}
        while waiting:
            done, _ = wait(waiting, POLL_S, FIRST_COMPLETED)
            report(frames.value)
            for future in done:
                yield waiting.pop(future), future.result()
        pool.shutdown()
    except BrokenProcessPool:
        raise MambatrackError(
            "a worker process died, perhaps for want of memory; use fewer --workers. "
            "The same command goes on from what is finished"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def processes() -> SpawnContext:
    """How worker processes are started: spawned, as a forked one inherits the locks of torch's
    threads. Python's own helper process survives a closed terminal as the workers do."""
    if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
        from multiprocessing import resource_tracker

        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, before)
    return multiprocessing.get_context("spawn")


def start_worker(frames: Any) -> None:
    """Ctrl-C and a closed terminal are the parent's to handle, without which a worker ends; its
    libraries keep to one core. frames: where it counts those that are done"""
    count_in(frames)
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_ray(
    attempt: Callable[[Any], _Outcome], jobs: Sequence[Any], engine: Engine
) -> Iterator[tuple[int, _Outcome]]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a user's runs are nobody's business
    if not engine.address:  # then it listens on the loopback, as it does on macOS and Windows
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", "ray", "the engine ray") from None
    ours = not ray.is_initialized()
    try:
        if ours:
            _connect(ray, engine)
        gpus = 1 if engine.gpu and ray.cluster_resources().get("GPU", 0) >= 1 else 0
        # a worker or node that is lost costs its sequence another try, not the run
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)(_call)
        waiting = {task.remote(attempt, job): index for index, job in enumerate(jobs)}
        while waiting:
            done, _ = ray.wait(list(waiting))
            for reference in done:
                yield waiting.pop(reference), ray.get(reference)
    except ray.exceptions.WorkerCrashedError:
        raise MambatrackError(
            "a worker of the Ray cluster was lost four times on one sequence, perhaps for want of "
            "memory; the same command goes on from what is finished"
        ) from None
    finally:
        if ours:
            ray.shutdown()


def _call(attempt: Callable[[Any], _Outcome], job: Any) -> _Outcome:
    return attempt(job)


def _connect(ray: Any, engine: Engine) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    try:
        if engine.address:
            quiet.pop("include_dashboard")
            ray.init(address=engine.address, **quiet)
        else:
            ray.init(num_cpus=max(engine.workers, 1), **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MambatrackError(
            f"no Ray cluster at {engine.address!r}: {reason}; start one with 'ray start --head' "
            "and give its address"
        ) from None
