"""Scores of several trackers on one data set, tracked first where there are no results yet."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

from mambatrack.batch import Job, plan, track_sequence
from mambatrack.config import Config
from mambatrack.datasets import Sequence, find_sequences, second_half, select_split
from mambatrack.engines import HERE, Engine, run_all
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.results import complain, result_files
from mambatrack.evaluation.scores import Raw, Scores, combine, score_file


@dataclass(frozen=True)
class Entry:
    """A tracker to score: results in ``folder``, tracked first with ``config`` where it is given.

    folder may be one MOT file where there is one sequence.
    """

    name: str
    folder: Path
    config: Config | None = None


@dataclass(frozen=True)
class Task:
    """One tracker on one sequence; job: what is left to track."""

    entry: str
    sequence: Sequence
    results: Path
    job: Job | None
    strict: bool


def scored_sequences(
    root: str | Path, split: str | None = None, half: bool = False, strict: bool = False
) -> list[Sequence]:
    """The sequences below ``root`` that have a ground truth; warns of those that have none.

    split: name of the folder they are below, as val. half: only their second halves
    """
    found = find_sequences(root)
    found = select_split(found, split) if split else found
    sequences = [each for each in found if each.gt_path is not None]
    if not sequences:
        raise MambatrackError(f"no sequence in {root} has a gt/gt.txt")
    without = [each.name for each in found if each.gt_path is None]
    if without:
        complain(f"not scored, as they have no gt/gt.txt: {', '.join(without)}", strict)
    return [second_half(each) for each in sequences] if half else sequences


def evaluate(
    sequences: Several[Sequence],
    entries: Several[Entry],
    engine: Engine = HERE,
    strict: bool = False,
    overwrite: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Scores]:
    """Scores by the entries' names, in their order.

    report: called with (done, total) after each sequence of each tracker. An interrupted run goes
    on from the sequences that are tracked.
    """
    names = [each.name for each in entries]
    if len(set(names)) < len(names):
        raise MambatrackError(f"trackers need different names, found {', '.join(names)}")
    tasks = [task for each in entries for task in _tasks(sequences, each, strict, overwrite)]
    raw: dict[str, dict[str, Raw]] = {name: {} for name in names}
    for done, (index, result) in enumerate(run_all(evaluate_task, tasks, engine), start=1):
        raw[tasks[index].entry][tasks[index].sequence.name] = result
        report(done, len(tasks))
    order = [each.name for each in sequences]
    return {name: combine(_in_order(raw[name], order)) for name in names}


def evaluate_task(task: Task) -> Raw:
    """Tracks where that is left to do, then scores."""
    if task.job is not None:
        track_sequence(task.job)
    return score_file(task.sequence, task.results, task.strict)


def _tasks(sequences: Several[Sequence], entry: Entry, strict: bool, overwrite: bool) -> list[Task]:
    if entry.config is None:
        files = result_files(sequences, entry.folder, strict)
        jobs: dict[str, Job] = {}
    else:
        jobs = {
            job.sequence.name: job for job in plan(sequences, entry.config, entry.folder, overwrite)
        }
        files = {each.name: entry.folder / f"{each.name}.txt" for each in sequences}
    return [
        Task(entry.name, each, files[each.name], jobs.get(each.name), strict) for each in sequences
    ]


def _in_order(values: Mapping[str, Raw], names: list[str]) -> dict[str, Raw]:
    return {name: values[name] for name in names}
