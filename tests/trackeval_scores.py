"""TrackEval's own scores, as its script computes them, and how far ours are from them."""

import contextlib
import io
from pathlib import Path

import numpy as np

from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation import Score


def trackeval_scores(sequences: list[Sequence], trackers: Path) -> dict[str, dict[str, list]]:
    """TrackEval run as its own script runs it, on the files as they are: tracker -> sequence (and
    COMBINED) -> those fields of Score that are TrackEval's. ``trackers`` holds
    TRACKER/data/NAME.txt."""
    import trackeval

    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MotChallenge2DBox({
            "GT_FOLDER": str(sequences[0].folder.parent), "TRACKERS_FOLDER": str(trackers),
            "SKIP_SPLIT_FOL": True, "SEQ_INFO": {each.name: each.frames for each in sequences},
        })  # fmt: skip
        evaluator = trackeval.Evaluator({
            "PRINT_RESULTS": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False, "PLOT_CURVES": False, "LOG_ON_ERROR": None,
        })  # fmt: skip
        metrics = [getattr(trackeval.metrics, name)() for name in ("HOTA", "CLEAR", "Identity")]
        results = evaluator.evaluate([dataset], metrics)[0]["MotChallenge2DBox"]
    return {
        tracker: {
            name.removesuffix("_SEQ"): _fields(each["pedestrian"]) for name, each in rows.items()
        }
        for tracker, rows in results.items()
    }


def _fields(metrics: dict[str, dict]) -> list[float]:
    values = {**metrics["HOTA"], **metrics["CLEAR"], **metrics["Identity"]}
    return [
        np.mean(values[name]) * (1 if kind is int else 100)
        for name, kind in Score.__annotations__.items()
        if name in values
    ]


def largest_difference(
    ours: dict[str, Score], theirs: dict[str, list[float]]
) -> tuple[float, str, str]:
    """(difference, sequence, field) where two tables of one tracker are furthest apart."""
    assert set(ours) == set(theirs)
    return max(
        (abs(value - expected), name, field)
        for name, row in ours.items()
        for field, value, expected in zip(Score._fields, row, theirs[name], strict=False)
    )
