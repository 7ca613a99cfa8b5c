"""Scores of several trackers on one data set, tracked first where there are no results yet."""

import functools
import operator
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambatrack.config import Config
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import DetectionRows, select
from mambatrack.datasets.sequence_facts import LONGEST
from mambatrack.datasets.sequences import Sequence, find_sequences, second_half, select_split
from mambatrack.datasets.truth import read_ground_truth, with_classes
from mambatrack.errors import MambatrackError, complain
from mambatrack.evaluation.occlusion import OcclusionReport, interpolate, occlusion_report
from mambatrack.evaluation.results import read_results, result_files
from mambatrack.evaluation.scores import Scores, combine, score_file
from mambatrack.evaluation.switches import Switch, find_switches
from mambatrack.evaluation.timeline import Timeline, timeline
from mambatrack.evaluation.trackeval_data import Raw, load_trackeval
from mambatrack.runs.dataset_jobs import Job, plan, track_sequence
from mambatrack.runs.detection_cache import detect_sequence
from mambatrack.runs.engines import HERE, Engine, run_all
from mambatrack.sources.timing import model_frames


@dataclass(frozen=True)
class Entry:
    """A tracker to score: results in ``folder``, tracked first with ``config`` where it is given.

    folder may be one MOT file where there is one sequence.
    """

    name: str
    folder: Path
    config: Config | None = None


@dataclass(frozen=True)
class Details:
    """What lies behind the scores of one tracker on one sequence.

    occlusion, interpolated: of the tracks as they are, and with straight lines in their gaps; None
        where the sequence has no detections
    timeline: who held which id when
    """

    occlusion: OcclusionReport | None
    interpolated: OcclusionReport | None
    switches: list[Switch]
    timeline: Timeline


@dataclass(frozen=True)
class Evaluation:
    """One tracker's scores, its MOT files by sequence, and details where they were asked for."""

    scores: Scores
    files: dict[str, Path]
    details: dict[str, Details]

    @property
    def switches(self) -> list[Switch]:
        return [switch for each in self.details.values() for switch in each.switches]


@dataclass(frozen=True)
class Task:
    """One tracker on one sequence; job: what is left to track."""

    entry: Entry
    sequence: Sequence
    results: Path
    job: Job | None
    strict: bool
    details: bool


Outcome = tuple[dict[str, Raw], Details | None]
"""TrackEval's fields of each class, and the details where they were asked for."""


def occlusion_by_tracker(evaluations: Mapping[str, Evaluation]) -> dict[str, OcclusionReport]:
    """Of all sequences that have detections; the first tracker with interpolation comes last."""
    every = {
        name: [each.occlusion for each in evaluation.details.values()]
        for name, evaluation in evaluations.items()
    }
    first, evaluation = next(iter(evaluations.items()))
    every[f"{first}, interpolated"] = [each.interpolated for each in evaluation.details.values()]
    told = {name: [each for each in reports if each] for name, reports in every.items()}
    return {name: functools.reduce(operator.add, each) for name, each in told.items() if each}


def scored_sequences(
    root: str | Path,
    split: str | None = None,
    half: bool = False,
    strict: bool = False,
    classes: Several[str] = (),
    longest: int = LONGEST,
) -> list[Sequence]:
    """The sequences below ``root`` that have a ground truth; warns of those that have none.

    split: name of the folder they are below, as val. half: only their second halves
    classes: that count, where they follow from no convention (with_classes)
    longest: frames of a sequence; more are taken for a mistake
    """
    found = find_sequences(root, longest)
    found = select_split(found, split) if split else found
    sequences = [each for each in found if each.gt_path is not None]
    if not sequences:
        raise MambatrackError(f"no sequence in {root} has a gt/gt.txt")
    without = [each.name for each in found if each.gt_path is None]
    if without:
        complain(f"not scored, as they have no gt/gt.txt: {', '.join(without)}", strict)
    sequences = [second_half(each) for each in sequences] if half else sequences
    return with_classes(sequences, classes, strict)


def evaluate(
    sequences: Several[Sequence],
    entries: Several[Entry],
    engine: Engine = HERE,
    details: bool = False,
    strict: bool = False,
    overwrite: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> dict[str, Evaluation]:
    """Evaluations by the entries' names, in their order.

    report: called with the frames done, of all trackers together, as they are tracked; those of a
    sequence that needs no tracking once it is scored. An interrupted run goes on from the sequences
    that are tracked.
    """
    load_trackeval()  # what is missing is said before anything is tracked
    sequences = with_classes(sequences)
    if details:
        _check_one_class(sequences)
    names = [each.name for each in entries]
    if len(set(names)) < len(names):
        raise MambatrackError(f"trackers need different names, found {', '.join(names)}")
    tasks = [
        task for each in entries for task in _tasks(sequences, each, details, strict, overwrite)
    ]
    outcomes: dict[int, Outcome] = {}
    done = _Done(report)
    for index, outcome in run_all(evaluate_task, tasks, engine, done.count):
        outcomes[index] = outcome
        done.finish(tasks[index])
    return {each.name: _gathered(each.name, tasks, outcomes) for each in entries}


class _Done:
    """Adds up the frames that are done and tells of them."""

    def __init__(self, report: Callable[[int], None]):
        self._report = report
        self._counted = self._tracked = self._scored = 0

    def count(self, frames: int) -> None:
        """So many have been tracked."""
        self._counted = frames
        self._tell()

    def finish(self, task: Task) -> None:
        if task.job is None:
            self._scored += task.sequence.frames
        else:
            self._tracked += task.sequence.frames
        self._tell()

    def _tell(self) -> None:
        self._report(max(self._counted, self._tracked) + self._scored)


def evaluate_task(task: Task) -> Outcome:
    """Tracks where that is left to do, then scores."""
    if task.job is not None:
        track_sequence(task.job)
    raw = score_file(task.sequence, task.results, task.strict)
    return raw, _details(task) if task.details else None


def _check_one_class(sequences: Several[Sequence]) -> None:
    """Details are told of tracks and objects that are matched whatever their class."""
    several = next((each.classes.names for each in sequences if each.classes), ())
    if len(several) > 1:
        raise MambatrackError(
            f"occlusions, switches, clips, plots and the report are about one class, but "
            f"{', '.join(several)} count; name one with --classes"
        )


def _gathered(name: str, tasks: list[Task], outcomes: Mapping[int, Outcome]) -> Evaluation:
    own = {
        task.sequence.name: (task, *outcomes[index])
        for index, task in enumerate(tasks)
        if task.entry.name == name
    }
    return Evaluation(
        combine({key: raw for key, (_, raw, _) in own.items()}),
        {key: task.results for key, (task, _, _) in own.items()},
        {key: details for key, (_, _, details) in own.items() if details is not None},
    )


def _details(task: Task) -> Details:
    sequence, config = task.sequence, task.entry.config or Config()
    truth, results = read_ground_truth(sequence), read_results(sequence, task.results)
    found = _detections(sequence, config)
    score, rate = config.tracker.match_score, config.tracker.frame_rate
    max_age = config.tracker.max_age // model_frames(1 / sequence.fps, rate)  # in pictures
    occlusion = interpolated = None
    if found is not None:
        occlusion = occlusion_report(truth, found, results, results.predicted, score)
        lines = interpolate(results, results.predicted, max_age)
        interpolated = occlusion_report(truth, found, *lines, score)
    observed = select(results, ~results.predicted)
    switches = find_switches(sequence, truth, observed, found, score, max_age)
    held = timeline(truth, results, results.predicted)
    return Details(occlusion, interpolated, switches, held)


def _detections(sequence: Sequence, config: Config) -> DetectionRows | None:
    """What the tracker was given, as far as it is there."""
    if config.detector.name in ("auto", "file"):
        return (
            None
            if sequence.det_path is None
            else sequence_detections(sequence, config.detector.scores)
        )
    rows = detect_sequence(sequence, config.detector).rows
    table = sequence.within(
        np.concatenate([rows[:, :1] + 1, rows[:, 1:]], axis=1, dtype=np.float64)
    )
    boxes = table[:, 1:5].astype(np.float32)
    return DetectionRows(table[:, 0].astype(np.int64), boxes, table[:, 5])


def _tasks(
    sequences: Several[Sequence], entry: Entry, details: bool, strict: bool, overwrite: bool
) -> list[Task]:
    if entry.config is None:
        files, jobs = result_files(sequences, entry.folder, strict), {}
    else:
        left = plan(sequences, entry.config, entry.folder, overwrite)
        jobs = {job.sequence.name: job for job in left}
        files = {each.name: entry.folder / f"{each.name}.txt" for each in sequences}
    return [
        Task(entry, each, files[each.name], jobs.get(each.name), strict, details)
        for each in sequences
    ]
