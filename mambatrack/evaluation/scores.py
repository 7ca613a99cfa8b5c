"""Scores of tracking results: TrackEval for the benchmark's numbers, motmetrics for the events.

The numbers are TrackEval's own (its data set class MotChallenge2DBox and its metrics), without its
folder layout and seqmaps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, NewType

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou as box_iou
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.mot_text import tell_empty
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.datasets.truth import truth_tables, with_classes
from mambatrack.errors import complain
from mambatrack.evaluation.results import result_files, result_tables
from mambatrack.evaluation.trackeval_data import Raw, evaluate_tables, metrics
from mambatrack.html_table import html_table

HEADLINE = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")
CURVES = ("HOTA", "DetA", "AssA", "LocA")
Ratio = NewType("Ratio", float)  # of a Score: a number that is no share


class Score(NamedTuple):
    """TrackEval's fields under TrackEval's names, then Purity's (purity.py): percent, or a count.

    HOTA to LocA are means over the 19 thresholds of 0.05 to 0.95 (Luiten et al., IJCV 2021); CLEAR
    (MOTA to CLR_FP; Bernardin and Stiefelhagen, 2008) and Identity (IDF1 to IDFP; Ristani et al.,
    2016) are at an IoU of 0.5, and so are Purity to TracksPerObject, over the boxes that CLEAR
    matches. TracksPerObject is the mean number of tracks that an object was matched to.
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
    Purity: float
    Completeness: float
    Tracks: int
    PureTracks: int
    TracksPerObject: Ratio


@dataclass(frozen=True)
class Scores:
    """One Score a sequence, by name, and the one of all sequences as TrackEval combines them.

    curves: of all sequences, percent [19] at each threshold of alphas(), by the names in CURVES
    classes: where several classes are scored, the Scores of each; ``sequences`` and ``combined``
        are then over the detections of all classes (TrackEval's cls_comb_det_av)
    class_average: the mean of the classes' combined scores (TrackEval's cls_comb_cls_av)
    """

    sequences: dict[str, Score]
    combined: Score
    curves: dict[str, NDArray[np.float64]]
    classes: "dict[str, Scores]" = field(default_factory=dict)
    class_average: Score | None = None

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in _headline(self.combined).items())
        count = len(self.sequences)
        return f"<Scores of {count} sequence{'s' if count != 1 else ''}: {figures}>"

    def _repr_html_(self) -> str:
        """A table of the headline figures for a notebook."""
        rows = [(name, *_headline(each).values()) for name, each in self.rows().items()]
        return html_table("Scores", ("", *HEADLINE), rows)

    def rows(self) -> dict[str, Score]:
        """Every sequence, then each class and their mean where there are several, then COMBINED."""
        rows = dict(self.sequences)
        rows |= {f"class {name}": each.combined for name, each in self.classes.items()}
        if self.class_average is not None:
            rows["CLASS AVERAGE"] = self.class_average
        return {**rows, "COMBINED": self.combined}


def _headline(score: Score) -> dict[str, str]:
    """Percent with one decimal, counts as they are."""
    values = {name: getattr(score, name) for name in HEADLINE}
    return {
        name: str(value) if isinstance(value, int) else f"{value:.1f}"
        for name, value in values.items()
    }


class Summary(NamedTuple):
    """What match_events counted; MOTA and IDF1 in percent."""

    MOTA: float
    IDF1: float
    IDSW: int
    matches: int
    misses: int
    false_positives: int


def score(
    sequences: Iterable[Sequence],
    results: str | Path,
    strict: bool = False,
    classes: Iterable[str] = (),
) -> Scores:
    """TrackEval's scores of the MOT files ``results``/NAME.txt, one for each sequence.

    results: a folder, or the file itself where there is one sequence. Needs the extra eval.
    strict: what is only a warning (an empty file, results of unknown sequences) is an error.
    classes: that count, by name or number, where they follow from no convention (with_classes)
    """
    sequences = with_classes(sequences, classes, strict)
    files = result_files(sequences, results, strict)
    return combine({each.name: score_file(each, files[each.name], strict) for each in sequences})


def score_file(sequence: Sequence, results: Path, strict: bool = False) -> dict[str, Raw]:
    """TrackEval's fields for each class of one sequence, which combine() turns into scores."""
    truth, found = truth_tables(sequence), result_tables(sequence, results, strict)
    assert sequence.gt_path is not None
    tell_empty(sequence.gt_path, np.concatenate(list(truth.values())), "are never found", strict)
    benchmark = "MOT20" if sequence.name.startswith("MOT20") else "MOT17"
    raw = {
        name: evaluate_tables(truth[name], found[name], benchmark, f"{results} or its ground truth")
        for name in truth
    }
    _tell_doubts(sequence, results, raw, strict)
    return raw


def combine(raw: Mapping[str, Mapping[str, Raw]]) -> Scores:
    """Scores of sequences by name, and of all of them together as TrackEval combines them.

    raw: sequence -> class -> fields; all sequences have the same classes
    """
    classes = list(next(iter(raw.values())))
    by_class = {name: {key: each[name] for key, each in raw.items()} for name in classes}
    if len(classes) == 1:
        return _combined(by_class[classes[0]])
    whole = _combined({key: combine_classes(each.values()) for key, each in raw.items()})
    together = [_together(each) for each in by_class.values()]
    return replace(
        whole,
        combined=_score(combine_classes(together)),
        curves=_curves(combine_classes(together)),
        classes={name: _combined(each) for name, each in by_class.items()},
        class_average=_score(combine_classes(together, averaged=True)),
    )


def combine_classes(raw: Iterable[Raw], averaged: bool = False) -> Raw:
    """Several classes together, by detections; averaged: the mean of the classes."""
    each = dict(enumerate(raw))
    return {
        name: getattr(metric, f"combine_classes_{'class' if averaged else 'det'}_averaged")(
            {key: fields[name] for key, fields in each.items()}
        )
        for name, metric in metrics().items()
    }


def _combined(raw: Mapping[str, Raw]) -> Scores:
    """Of one class, or of classes that were combined: sequence -> fields."""
    together = _together(raw)
    return Scores(
        {key: _score(each) for key, each in raw.items()}, _score(together), _curves(together)
    )


def _together(raw: Mapping[str, Raw]) -> Raw:
    return {
        name: metric.combine_sequences({key: each[name] for key, each in raw.items()})
        for name, metric in metrics().items()
    }


def _curves(raw: Raw) -> dict[str, NDArray[np.float64]]:
    return {name: 100 * np.asarray(raw["HOTA"][name], np.float64) for name in CURVES}


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


def _tell_doubts(sequence: Sequence, results: Path, raw: Mapping[str, Raw], strict: bool) -> None:
    """Warns where there is nothing to find, or nothing is found at all."""
    fields = combine_classes(raw.values())["HOTA"]
    true, false = (float(np.max(fields[name])) for name in ("HOTA_FN", "HOTA_FP"))
    if not np.any(fields["HOTA_TP"]) and true and false:
        complain(
            f"{results}: no box overlaps with a true box of its frame in sequence {sequence.name}. "
            "Are frames counted from 1 in both files, are the columns left,top,width,height in "
            "pixels of the same picture, and is it the same sequence and class?",
            strict,
        )
    elif not np.any(fields["HOTA_TP"]) and not true:
        complain(
            f"{sequence.gt_path} has no box that counts, so sequence {sequence.name} scores 0",
            strict,
        )


def _score(metrics: Raw) -> Score:
    """A field that is a share becomes percent."""
    fields = {name: value for metric in metrics.values() for name, value in metric.items()}
    return Score._make(
        int(fields[name])
        if kind is int
        else float(np.mean(fields[name])) * (1 if kind is Ratio else 100)
        for name, kind in Score.__annotations__.items()
    )
