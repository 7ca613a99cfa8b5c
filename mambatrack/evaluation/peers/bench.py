"""Other trackers on the same detections: scores, time, memory, in one run.

Each tracker runs in a fresh process (peer_process.py) of an interpreter that has it, so that no
package shares memory, threads or versions with another. What is timed is interleaved: one pass is
every tracker once, and a ratio compares trackers of the same pass.
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Several
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation.peers.process import Answer, Video, installed_version, run_worker
from mambatrack.evaluation.peers.results import Peer, PeerReport
from mambatrack.evaluation.peers.timed_boxes import TimedBoxes, apart, meeting, real, recorded
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.evaluation.scores import score
from mambatrack.files import check_output, replacing, write_text

FRAMES = {10: 220, 30: 170, 100: 100, 300: 60}  # objects -> frames of one pass, warm-up included
WHO_MEET = 10, 100  # people
REAL_FRAMES = 120  # of each sequence
PASSES = 5
PACKAGES = tuple(dict.fromkeys(each.package for each in ADAPTERS.values()))
FOREIGN = ("boxmot",)  # packages whose licence keeps them out of our environment


def bench_peers(
    dataset: str | Path | None = None,
    out: str | Path | None = None,
    pythons: Mapping[str, str] | None = None,
    passes: int = PASSES,
    report: Callable[[str], None] = lambda line: None,
    results: str | Path | None = None,
    names: Several[str] = tuple(ADAPTERS),
    overwrite: bool = False,
    timed: Several[TimedBoxes] | None = None,
) -> PeerReport:
    """Runs every tracker that is installed on a data set, and takes its time on painted boxes and
    on those of the data set.

    dataset: folder of sequences with det/det.txt and gt/gt.txt; without it only time is measured
    out: Markdown file to write, as docs/benchmarks.md;  overwrite: one that exists is replaced
    pythons: interpreter by package, where it is not this one (parse_pythons)
    report: called with a line about what runs now, and one for every tracker that is left out
    results: folder that keeps the MOT files, in a folder for each tracker; as ``out``
    timed: the boxes to take time on, usual_boxes(dataset) where there are none
    A peer that is absent or fails is left out; ours must run.
    """
    if passes < 1:
        raise MambatrackError(f"expected at least 1 pass, found {passes}")
    page = None if out is None else check_output(out, overwrite)
    sequences = _sequences(dataset) if dataset is not None else []
    bench = _Bench({**_this_environment(), **(pythons or {})}, report)
    bench.find(names)
    if results is not None and not overwrite:
        _refuse_to_replace(Path(results), bench.peers, sequences)
    if sequences:
        with TemporaryDirectory() as temporary:
            bench.score(sequences, Path(results or temporary))
    timed = usual_boxes(dataset) if timed is None else timed
    bench.time([video for each in timed for video in each.videos], passes)
    folder = Path(dataset) if dataset is not None else None
    foreign = tuple(name for name, python in bench.pythons.items() if python != sys.executable)
    found = PeerReport(bench.peers, bench.skipped, timed, folder, sequences, foreign)
    if page is not None:
        from mambatrack.evaluation.peers.report import markdown

        write_text(page, markdown(found))
    return found


def usual_boxes(dataset: str | Path | None = None) -> list[TimedBoxes]:
    """Painted people who keep apart and who meet, and the beginning of each sequence."""
    found = [apart(*each) for each in FRAMES.items()]
    found += [meeting(people, FRAMES[people]) for people in WHO_MEET]
    return found if dataset is None else [*found, real(dataset, REAL_FRAMES)]


def parse_pythons(options: Several[str]) -> dict[str, str]:
    """Interpreters by package, from texts NAME=PYTHON. Raises MambatrackError with the names."""
    pythons = {}
    for option in options:
        name, _, python = option.partition("=")
        if name not in PACKAGES or not python:
            raise MambatrackError(
                f"--peer {option}: expected NAME=PYTHON, the interpreter that has the package, "
                f"with NAME one of {', '.join(PACKAGES)}"
            )
        if shutil.which(python) is None:
            raise MambatrackError(f"--peer {option}: {python} is not a program that can be run")
        pythons[name] = python
    return pythons


class _Bench:
    """The trackers that take part. One that fails is taken out, with the reason."""

    def __init__(self, pythons: Mapping[str, str], report: Callable[[str], None]):
        self.pythons, self.report = pythons, report
        self.peers: dict[str, Peer] = {}
        self.skipped: dict[str, str] = {}

    def find(self, names: Several[str]) -> None:
        """Asks every package for its version; one that is missing is said once."""
        for name in names:
            package = ADAPTERS[name].package
            if package not in self.skipped:
                version = installed_version(name, self.pythons.get(package))
                if version is not None:
                    self.peers[name] = Peer(version)
                else:
                    self._skip(package, _how_to_install(package))

    def score(self, sequences: Several[Sequence], results: Path) -> None:
        videos = [recorded(each) for each in sequences]
        for name in list(self.peers):
            self.report(f"scores: {name}")
            if answer := self._run(name, videos):
                folder = _folder_of(name, results)
                write_results(folder, sequences, answer.rows)
                self.peers[name].score = score(sequences, folder).combined

    def time(self, videos: Several[Video], passes: int) -> None:
        for number in range(1, passes + 1):
            for name in list(self.peers):
                self.report(f"time, pass {number} of {passes}: {name}")
                if answer := self._run(name, videos):
                    self.peers[name].passes.append(answer)

    def _run(self, name: str, videos: Several[Video]) -> Answer | None:
        package = ADAPTERS[name].package
        try:
            return run_worker(name, self.pythons[package], videos)
        except MambatrackError as error:
            if package == "mambatrack":
                raise
            del self.peers[name]
            self._skip(name, str(error))
            return None

    def _skip(self, name: str, reason: str) -> None:
        self.skipped[name] = reason
        self.report(f"{name} is left out: {reason}")


def write_results(
    folder: Path, sequences: Several[Sequence], rows: Several[NDArray[np.float64]]
) -> None:
    """``folder``/NAME.txt for each sequence, MOT text."""
    folder.mkdir(parents=True, exist_ok=True)
    for sequence, found in zip(sequences, rows, strict=True):
        frame, boxes = found[:, :1] + sequence.start, xyxy_to_ltwh(found[:, 2:])
        rest = np.tile([1.0, -1, -1, -1], (len(found), 1))
        table = np.concatenate([frame, found[:, 1:2], boxes, rest], axis=1)
        formats = ["%d", "%d"] + ["%.3f"] * 4 + ["%d"] * 4
        with replacing(folder / f"{sequence.name}.txt") as temporary:
            np.savetxt(temporary, table, delimiter=",", fmt=formats)


def _folder_of(name: str, results: Path) -> Path:
    return results / name.replace(" ", "-")


def _refuse_to_replace(results: Path, names: Iterable[str], sequences: Several[Sequence]) -> None:
    """MambatrackError where a file that write_results() will write is there."""
    for name in names:
        for each in sequences:
            path = _folder_of(name, results) / f"{each.name}.txt"
            if path.exists():
                check_output(path)


def _sequences(dataset: str | Path) -> list[Sequence]:
    found = [each for each in find_sequences(dataset) if each.det_path and each.gt_path]
    if not found:
        raise MambatrackError(f"no sequence in {dataset} has both a det/det.txt and a gt/gt.txt")
    if find_spec("trackeval") is None:  # said before the trackers run
        raise MissingExtra("trackeval", "eval", "scoring with HOTA")
    return found


def _this_environment() -> dict[str, str]:
    return {name: sys.executable for name in PACKAGES if name not in FOREIGN}


def _how_to_install(package: str) -> str:
    return (
        f"no interpreter with the package {package}; python -m venv DIR, "
        f"DIR/bin/pip install {package}, and add --peer {package}=DIR/bin/python"
    )
