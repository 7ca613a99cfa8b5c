"""Scores of tracking results: TrackEval for the benchmark's numbers, motmetrics for the events.

The numbers are TrackEval's own (its data set class MotChallenge2DBox and its metrics), without its
folder layout and seqmaps.
"""

import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou as box_iou
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation.results import result_files, result_table

CURVES = ("HOTA", "DetA", "AssA", "LocA")

Raw = dict[str, dict[str, Any]]
"""What TrackEval's metrics give for one sequence: metric -> field -> value."""


class Score(NamedTuple):
    """TrackEval's fields under TrackEval's names: percent, or a count.

    HOTA to LocA are means over the 19 thresholds of 0.05 to 0.95 (Luiten et al., IJCV 2021); CLEAR
    (MOTA to CLR_FP; Bernardin and Stiefelhagen, 2008) and Identity (IDF1 to IDFP; Ristani et al.,
    2016) are at an IoU of 0.5.
    """

    HOTA: float
    DetA: float
    AssA: float
    DetRe: float
    DetPr: float
    AssRe: float
    AssPr: float
    LocA: float
    MOTA: float
    MOTP: float
    CLR_Re: float
    CLR_Pr: float
    IDSW: int
    Frag: int
    MT: int
    PT: int
    ML: int
    CLR_TP: int
    CLR_FN: int
    CLR_FP: int
    IDF1: float
    IDR: float
    IDP: float
    IDTP: int
    IDFN: int
    IDFP: int


@dataclass(frozen=True)
class Scores:
    """One Score a sequence, by name, and the one of all sequences as TrackEval combines them.

    curves: of all sequences, percent [19] at each threshold of alphas(), by the names in CURVES
    """

    sequences: dict[str, Score]
    combined: Score
    curves: dict[str, NDArray[np.float64]]

    def rows(self) -> dict[str, Score]:
        """Every sequence, then COMBINED."""
        return {**self.sequences, "COMBINED": self.combined}


class Summary(NamedTuple):
    """What match_events counted; MOTA and IDF1 in percent."""

    MOTA: float
    IDF1: float
    IDSW: int
    matches: int
    misses: int
    false_positives: int


def score(sequences: Iterable[Sequence], results: str | Path, strict: bool = False) -> Scores:
    """TrackEval's scores of the MOT files ``results``/NAME.txt, one for each sequence.

    results: a folder, or the file itself where there is one sequence. Needs the extra eval.
    strict: what is only a warning (an empty file, results of unknown sequences) is an error.
    """
    sequences = list(sequences)
    files = result_files(sequences, results, strict)
    return combine({each.name: score_file(each, files[each.name], strict) for each in sequences})


def score_file(sequence: Sequence, results: Path, strict: bool = False) -> Raw:
    """TrackEval's fields for one sequence, which combine() turns into scores."""
    metrics = _metrics()
    data = _trackeval_data(sequence, results, strict)
    return {name: metric.eval_sequence(data) for name, metric in metrics.items()}


def combine(raw: Mapping[str, Raw]) -> Scores:
    """Scores of sequences by name, and of all of them together as TrackEval combines them."""
    together = {
        name: metric.combine_sequences({key: each[name] for key, each in raw.items()})
        for name, metric in _metrics().items()
    }
    curves = {name: 100 * np.asarray(together["HOTA"][name], np.float64) for name in CURVES}
    return Scores({key: _score(each) for key, each in raw.items()}, _score(together), curves)


def alphas() -> NDArray[np.float64]:
    """The thresholds [19] of HOTA's curves."""
    return np.arange(0.05, 0.99, 0.05)


def match_events(ground_truth: Trajectories, results: Trajectories, iou: float = 0.5) -> Any:
    """The motmetrics accumulator of all frames: ``.mot_events`` is a table of matches, switches,
    misses and false positives, frame by frame. A pair below the ``iou`` is never matched."""
    import motmetrics

    accumulator = motmetrics.MOTAccumulator()
    frames = np.union1d(ground_truth.frame, results.frame)
    true_rows = rows_by_frame(ground_truth.frame, frames)
    found_rows = rows_by_frame(results.frame, frames)
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


def load_trackeval() -> Any:
    """The package; raises MissingExtra, which names the extra."""
    try:
        import trackeval
    except ImportError:
        raise MissingExtra("trackeval", "eval", "scoring with HOTA") from None
    return trackeval


def _metrics() -> dict[str, Any]:
    trackeval = load_trackeval()
    quiet = {"PRINT_CONFIG": False}
    return {
        "HOTA": trackeval.metrics.HOTA(),
        "CLEAR": trackeval.metrics.CLEAR(dict(quiet)),
        "Identity": trackeval.metrics.Identity(dict(quiet)),
    }


def _trackeval_data(sequence: Sequence, results: Path, strict: bool) -> dict[str, Any]:
    """One sequence as TrackEval's metrics want it, after TrackEval's own pre-processing.

    TrackEval looks for files in a fixed layout; it finds empty ones there, and in the place of
    their text it is given the tables that were read and checked already.
    """
    trackeval = load_trackeval()
    truth, found = _truth_table(sequence), _result_table(sequence, results, strict)
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for name in ("gt/sequence/gt/gt.txt", "results/tracker/data/sequence.txt"):
            (Path(folder) / name).parent.mkdir(parents=True)
            (Path(folder) / name).touch()
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
    tables = {"gt.txt": _by_frame(truth), "sequence.txt": _by_frame(found)}
    dataset._load_simple_text_file = lambda file, **_: (tables[Path(file).name], {})
    try:
        raw = dataset.get_raw_seq_data("tracker", "sequence")
        return dataset.get_preprocessed_seq_data(raw, "pedestrian")
    except trackeval.utils.TrackEvalException as error:
        raise MambatrackError(
            f"TrackEval refuses {results} or {sequence.gt_path}: {error}"
        ) from None


def _benchmark(sequence: Sequence, truth: NDArray[np.float64]) -> str:
    """The rules for distractors: ten columns are MOT15's layout, which has no classes."""
    if truth.shape[1] >= 10:
        return "MOT15"
    return "MOT20" if sequence.name.startswith("MOT20") else "MOT17"


def _truth_table(sequence: Sequence) -> NDArray[np.float64]:
    if sequence.gt_path is None:
        raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt in it")
    table = _from_frame_one(sequence, sequence.within(read_mot(sequence.gt_path)))
    absent = np.ones((len(table), max(9 - table.shape[1], 0)))
    return np.concatenate([table, absent], axis=1)


def _result_table(sequence: Sequence, path: Path, strict: bool) -> NDArray[np.float64]:
    table = _from_frame_one(sequence, result_table(sequence, path, strict))
    return np.concatenate([table, np.full((len(table), 3), -1.0)], axis=1)


def _from_frame_one(sequence: Sequence, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The table with the first frame that takes part as frame 1."""
    return np.concatenate([table[:, :1] - sequence.start, table[:, 1:]], axis=1)


def _by_frame(table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The rows of each frame, by its number as text."""
    frames, first = np.unique(np.sort(table[:, 0]), return_index=True)
    rows = np.split(table[np.argsort(table[:, 0], kind="stable")], first[1:])
    return {f"{frame:.0f}": part for frame, part in zip(frames, rows, strict=False)}


def _score(metrics: Raw) -> Score:
    fields = {**metrics["HOTA"], **metrics["CLEAR"], **metrics["Identity"]}
    return Score._make(
        int(fields[name]) if kind is int else 100 * float(np.mean(fields[name]))
        for name, kind in Score.__annotations__.items()
    )
