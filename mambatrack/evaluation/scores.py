"""Scores of tracking results: TrackEval for the benchmark's numbers, motmetrics for the events.

    python -m mambatrack.evaluation --gt data/dancetrack/val --results results/

prints HOTA, DetA, AssA, MOTA, IDF1 and IDSW of every sequence and of all together. No seqmap is
needed. The numbers are TrackEval's own (its data set class MotChallenge2DBox and its metrics).
"""

import argparse
import contextlib
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou as box_iou
from mambatrack.datasets import Sequence, Trajectories, find_sequences
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.mot_text import read_mot


class Score(NamedTuple):
    """Percent, but IDSW, which is a count. HOTA, DetA and AssA are means over 19 thresholds."""

    HOTA: float
    DetA: float
    AssA: float
    MOTA: float
    IDF1: float
    IDSW: int


@dataclass(frozen=True)
class Scores:
    """One Score a sequence, by name, and the one of all sequences as TrackEval combines them."""

    sequences: dict[str, Score]
    combined: Score

    def table(self) -> str:
        """Plain text, a line a sequence, COMBINED last."""
        rows = {**self.sequences, "COMBINED": self.combined}
        width = max(map(len, rows)) + 2
        lines = ["sequence".ljust(width) + "".join(name.rjust(8) for name in Score._fields)]
        for name, row in rows.items():
            values = "".join(f"{value:8.2f}" for value in row[:-1])
            lines.append(f"{name.ljust(width)}{values}{row.IDSW:8d}")
        return "\n".join(lines)


class Summary(NamedTuple):
    """What match_events counted; MOTA and IDF1 in percent."""

    MOTA: float
    IDF1: float
    IDSW: int
    matches: int
    misses: int
    false_positives: int


def score(sequences: Iterable[Sequence], results: str | Path) -> Scores:
    """TrackEval's scores of the MOT files ``results``/NAME.txt, one for each sequence.

    results: a folder, or the file itself where there is one sequence. Needs the extra eval.
    """
    sequences = list(sequences)
    names = [sequence.name for sequence in sequences]
    if not names or len(set(names)) < len(names):
        raise MambatrackError(f"expected sequences with different names, found {names}")
    files = [_result_file(sequence, Path(results), len(names)) for sequence in sequences]
    metrics = _metrics()
    raw: dict[str, dict[str, Any]] = {}
    for sequence, file in zip(sequences, files, strict=True):
        data = _trackeval_data(sequence, file)
        raw[sequence.name] = {name: metric.eval_sequence(data) for name, metric in metrics.items()}
    combined = {
        name: metric.combine_sequences({key: raw[key][name] for key in names})
        for name, metric in metrics.items()
    }
    return Scores({name: _score(raw[name]) for name in names}, _score(combined))


def match_events(ground_truth: Trajectories, results: Trajectories, iou: float = 0.5) -> Any:
    """The motmetrics accumulator of all frames: ``.mot_events`` is a table of matches, switches,
    misses and false positives, frame by frame. A pair below the ``iou`` is never matched."""
    import motmetrics

    accumulator = motmetrics.MOTAccumulator()
    frames = np.union1d(ground_truth.frame, results.frame)
    true_rows, found_rows = _rows_of(ground_truth, frames), _rows_of(results, frames)
    for frame, true, found in zip(frames, true_rows, found_rows, strict=True):
        overlap = box_iou(
            ground_truth.boxes[true].astype(np.float64), results.boxes[found].astype(np.float64)
        )
        distance = np.where(overlap >= iou, 1 - overlap, np.nan)
        accumulator.update(ground_truth.id[true], results.id[found], distance, frameid=int(frame))
    return accumulator


def summary(accumulator: Any) -> Summary:
    """MOTA, IDF1 and counts of a motmetrics accumulator; a switch is a match too.

    IDF1, misses and false positives are TrackEval's. Switches, and so MOTA, can differ: after a gap
    motmetrics goes on with the pair from before the gap as long as it overlaps enough, TrackEval
    takes the best pair. Tracks on MOT17's distractors are false positives here; TrackEval takes
    them out.
    """
    import motmetrics

    columns = ["mota", "idf1", "num_switches", "num_matches", "num_misses", "num_false_positives"]
    row = motmetrics.metrics.create().compute(accumulator, metrics=columns).iloc[0]
    mota, idf1, switches, matches, misses, false_positives = (row[column] for column in columns)
    return Summary(
        100 * float(mota), 100 * float(idf1), int(switches), int(matches) + int(switches),
        int(misses), int(false_positives),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 0 on success, 1 with one line on a mistake."""
    parser = argparse.ArgumentParser(
        "python -m mambatrack.evaluation",
        description="TrackEval scores of MOT result files, one for each sequence, and combined.",
    )
    parser.add_argument("--gt", required=True, help="folder of a dataset, split or sequence")
    parser.add_argument("--results", required=True, help="folder with NAME.txt, or one such file")
    chosen = parser.parse_args(arguments)
    try:
        sequences = [each for each in find_sequences(chosen.gt) if each.gt_path is not None]
        if not sequences:
            raise MambatrackError(f"no sequence in {chosen.gt} has a gt/gt.txt")
        print(score(sequences, chosen.results).table())
    except MambatrackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _result_file(sequence: Sequence, results: Path, count: int) -> Path:
    file = results if results.is_file() and count == 1 else results / f"{sequence.name}.txt"
    if not file.is_file():
        raise MambatrackError(
            f"no result for sequence {sequence.name}: expected {results}/{sequence.name}.txt "
            "in MOT format; a sequence without tracks has an empty file"
        )
    return file


def _metrics() -> dict[str, Any]:
    trackeval = _trackeval()
    quiet = {"PRINT_CONFIG": False}
    return {
        "HOTA": trackeval.metrics.HOTA(),
        "CLEAR": trackeval.metrics.CLEAR(dict(quiet)),
        "Identity": trackeval.metrics.Identity(dict(quiet)),
    }


def _trackeval() -> Any:
    try:
        import trackeval
    except ImportError:
        raise MissingExtra("trackeval", "eval", "scoring with HOTA") from None
    return trackeval


def _trackeval_data(sequence: Sequence, results: Path) -> dict[str, Any]:
    """One sequence as TrackEval's metrics want it, after TrackEval's own pre-processing.

    TrackEval reads files in a fixed layout only, so it is given clean copies in that layout.
    """
    trackeval = _trackeval()
    truth, found = _truth_table(sequence), _result_table(sequence, results)
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        _write(Path(folder) / "gt" / "sequence" / "gt" / "gt.txt", truth)
        _write(Path(folder) / "results" / "tracker" / "data" / "sequence.txt", found)
        try:
            dataset = trackeval.datasets.MotChallenge2DBox(
                {
                    "GT_FOLDER": f"{folder}/gt",
                    "TRACKERS_FOLDER": f"{folder}/results",
                    "SEQ_INFO": {"sequence": sequence.frames},
                    "SKIP_SPLIT_FOL": True,
                    "BENCHMARK": _benchmark(sequence, truth),
                    "PRINT_CONFIG": False,
                }
            )
            raw = dataset.get_raw_seq_data("tracker", "sequence")
            return dataset.get_preprocessed_seq_data(raw, "pedestrian")
        except trackeval.utils.TrackEvalException as error:
            raise MambatrackError(f"TrackEval refuses {results}: {error}") from None


def _benchmark(sequence: Sequence, truth: NDArray[np.float64]) -> str:
    """The rules for distractors: ten columns are MOT15's layout, which has no classes."""
    if truth.shape[1] >= 10:
        return "MOT15"
    return "MOT20" if sequence.name.startswith("MOT20") else "MOT17"


def _truth_table(sequence: Sequence) -> NDArray[np.float64]:
    if sequence.gt_path is None:
        raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt in it")
    table = read_mot(sequence.gt_path)
    absent = np.ones((len(table), max(9 - table.shape[1], 0)))
    return np.concatenate([table, absent], axis=1)


def _result_table(sequence: Sequence, path: Path) -> NDArray[np.float64]:
    table = read_mot(path)[:, :7]
    if not np.isfinite(table).all() or (table[:, 1] < 0).any():
        raise MambatrackError(
            f"{path} has numbers that are not finite or ids below 0; expected a tracker's results"
        )
    frames = table[:, 0]
    if len(table) and (frames.min() < 1 or frames.max() > sequence.frames):
        raise MambatrackError(
            f"{path} has frames {frames.min():.0f} to {frames.max():.0f}, "
            f"but sequence {sequence.name} has frames 1 to {sequence.frames}"
        )
    score = np.ones((len(table), 7 - table.shape[1]))
    return np.concatenate([table, score, np.full((len(table), 3), -1.0)], axis=1)


def _rows_of(trajectories: Trajectories, frames: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows that belong to each of the ``frames`` (ascending, all that occur)."""
    order = np.argsort(trajectories.frame, kind="stable")
    return np.split(order, np.searchsorted(trajectories.frame[order], frames))[1:]


def _write(path: Path, table: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True)
    whole = ["%d", "%d"] + ["%.17g"] * (table.shape[1] - 2)
    np.savetxt(path, table, delimiter=",", fmt=whole)


def _score(metrics: dict[str, Any]) -> Score:
    hota, clear, identity = metrics["HOTA"], metrics["CLEAR"], metrics["Identity"]
    return Score(
        HOTA=100 * float(np.mean(hota["HOTA"])),
        DetA=100 * float(np.mean(hota["DetA"])),
        AssA=100 * float(np.mean(hota["AssA"])),
        MOTA=100 * float(clear["MOTA"]),
        IDF1=100 * float(identity["IDF1"]),
        IDSW=int(clear["IDSW"]),
    )

