"""Starts worker.py in the interpreter that has a tracker, and reads what it measured."""

import os
import subprocess
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers import worker
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.files import read_arrays

ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")
}


class Video(NamedTuple):
    """What a tracker is given: detections [R, 6] of frame (from 1), x1, y1, x2, y2, score."""

    frames: int
    size: tuple[int, int]
    detections: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What one run of the worker measured.

    ready_s: CPU time of importing the package and making a tracker; memory_mb: peak, MiB
    rows: for each video [K, 6]: frame, id, x1, y1, x2, y2; milliseconds: for each video [frames]
    """

    ready_s: float
    memory_mb: float
    rows: list[NDArray[np.float64]]
    milliseconds: list[NDArray[np.float64]]


def run_worker(name: str, python: str, videos: Several[Video]) -> Answer:
    """One tracker on the videos, in a fresh process. Raises MambatrackError where it fails."""
    with TemporaryDirectory() as folder:
        given, answer = Path(folder) / "detections.npz", Path(folder) / "answer.npz"
        arrays: dict[str, Any] = {f"detections_{i}": each[2] for i, each in enumerate(videos)}
        arrays["frames"] = np.array([each.frames for each in videos], int)
        arrays["sizes"] = np.array([each.size for each in videos], int).reshape(-1, 2)
        np.savez(given, **arrays)
        done = _call(name, python, str(given), str(answer))
        if done.returncode or not answer.is_file():
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise MambatrackError(f"{name} failed: {said}")
        read = read_arrays(answer)
        return Answer(
            float(read["ready_s"]),
            float(read["memory_mb"]),
            [read[f"rows_{i}"] for i in range(len(videos))],
            [read[f"milliseconds_{i}"] for i in range(len(videos))],
        )


def installed_version(name: str, python: str | None) -> str | None:
    """None where the package of the tracker is not installed."""
    if python is None:
        return None
    done = _call(name, python)
    if done.returncode == worker.MISSING:
        return None
    if done.returncode:
        raise MambatrackError(f"{python} cannot run {name}: {done.stderr.strip()}")
    return done.stdout.strip()


def _call(name: str, python: str, *files: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **ONE_THREAD}
    if ADAPTERS[name].package == "mambatrack":  # also where it is not installed
        above = str(Path(__file__).parents[3])
        paths = [above, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [python, worker.__file__, name, *files]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
