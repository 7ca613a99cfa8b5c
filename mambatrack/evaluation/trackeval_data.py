"""Tables of ground truth and results through TrackEval's own pre-processing and metrics.

TrackEval looks for files in a fixed layout; it finds empty ones there, and in the place of what it
would read it is given the tables, which were read and checked already. Two things are changed that
no score depends on, as TrackEval's time and memory grow with them: ids are numbered densely, and
frames in which neither the truth nor the results have a box are left out.
"""

import contextlib
import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.mot_text import Table
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation.purity import Purity

Raw = dict[str, dict[str, Any]]
"""What the metrics give for one class of one sequence: metric -> field -> value."""

THRESHOLDS = 19  # of HOTA, each with a matrix of objects by tracks


def load_trackeval() -> Any:
    """The package; raises MissingExtra, which names the extra."""
    try:
        import trackeval
    except ImportError:
        raise MissingExtra("trackeval", "eval", "scoring with HOTA") from None
    return trackeval


def metrics() -> dict[str, Any]:
    """TrackEval's metrics by name, and Purity."""
    trackeval = load_trackeval()
    quiet = {"PRINT_CONFIG": False}
    return {
        "HOTA": trackeval.metrics.HOTA(),
        "CLEAR": trackeval.metrics.CLEAR(dict(quiet)),
        "Identity": trackeval.metrics.Identity(dict(quiet)),
        "Purity": Purity(),
    }


def evaluate_tables(truth: Table, found: Table, benchmark: str, place: str) -> Raw:
    """The metrics' fields for one sequence.

    truth [R, 9], found [K, 7]: as truth_tables and result_tables give them
    benchmark: MOT17 or MOT20, whose rules for distractors differ. place: named in errors
    """
    _check_memory(truth, found, place)
    data = _prepared(truth, found, benchmark, place)
    return {name: metric.eval_sequence(data) for name, metric in metrics().items()}


def _prepared(truth: Table, found: Table, benchmark: str, place: str) -> dict[str, Any]:
    """The sequence as TrackEval's metrics want it, after TrackEval's own pre-processing."""
    trackeval = load_trackeval()
    raw = _by_side(truth, found)
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        dataset = _dataset(trackeval, Path(folder), benchmark)
    dataset._load_raw_file = lambda tracker, seq, is_gt: {**raw[is_gt], "seq": seq}
    try:
        return dataset.get_preprocessed_seq_data(
            dataset.get_raw_seq_data("tracker", place), "pedestrian"
        )
    except trackeval.utils.TrackEvalException as error:
        raise MambatrackError(f"TrackEval refuses {place}: {error}") from None


def _by_side(truth: Table, found: Table) -> dict[bool, dict[str, Any]]:
    """What TrackEval would have read from the ground truth (True) and the results (False)."""
    frames, frame = np.unique(np.concatenate([truth[:, 0], found[:, 0]]), return_inverse=True)
    frame = frame.reshape(-1)
    true = _by_frame(frame[: len(truth)], truth, len(frames))
    tracked = _by_frame(frame[len(truth) :], found, len(frames))
    return {
        True: {
            "num_timesteps": len(frames),
            "gt_ids": true["id"],
            "gt_dets": true["box"],
            "gt_classes": [rows[:, 1].astype(int) for rows in true["rest"]],
            "gt_extras": [{"zero_marked": rows[:, 0].astype(int)} for rows in true["rest"]],
            "gt_crowd_ignore_regions": [np.empty((0, 4))] * len(frames),
        },
        False: {
            "num_timesteps": len(frames),
            "tracker_ids": tracked["id"],
            "tracker_dets": tracked["box"],
            "tracker_classes": [np.ones_like(ids) for ids in tracked["id"]],
            "tracker_confidences": [rows[:, 0] for rows in tracked["rest"]],
        },
    }


def _dataset(trackeval: Any, folder: Path, benchmark: str) -> Any:
    for name in ("gt/sequence/gt/gt.txt", "results/tracker/data/sequence.txt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    return trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": f"{folder}/gt",
            "TRACKERS_FOLDER": f"{folder}/results",
            "SEQ_INFO": {"sequence": 1},
            "SKIP_SPLIT_FOL": True,
            "BENCHMARK": benchmark,
            "PRINT_CONFIG": False,
        }
    )


def _by_frame(frame: NDArray[np.int64], table: Table, frames: int) -> dict[str, list[NDArray[Any]]]:
    """Of each frame, in the order of the table: ids, numbered densely; boxes; other columns."""
    _, identity = np.unique(table[:, 1], return_inverse=True)
    order = np.argsort(frame, kind="stable")
    first = np.searchsorted(frame[order], np.arange(1, frames))
    columns = {"id": identity.reshape(-1), "box": table[:, 2:6], "rest": table[:, 6:]}
    return {name: np.split(values[order], first) for name, values in columns.items()}


def _check_memory(truth: Table, found: Table, place: str) -> None:
    """Refuses what TrackEval's matrices of objects by tracks would take more memory for than the
    machine has, as the system ends the program then without a word."""
    objects, tracks = (len(np.unique(table[:, 1])) for table in (truth, found))
    needed = 8 * ((THRESHOLDS + 6) * objects * tracks + 4 * (objects + tracks) ** 2)
    if hasattr(os, "sysconf") and needed > (there := _memory()):
        raise MambatrackError(
            f"{place}: {objects} objects and {tracks} ids of tracks; scoring them takes about "
            f"{needed / 1e9:.0f} GB, and this machine has {there / 1e9:.0f}. Has every box an id "
            "of its own?"
        )


def _memory() -> int:
    """Bytes of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
