r"""A committee whose networks look through different motion models: each member of the association
gets the pairs as its own motion model predicts the tracks.

    python docs/experiments/two_views.py --row dancers data/dancetrack/val ... \
      --views mamba-window,mamba-window,mamba-window mamba-window,mamba-window,kalman

One motion model for each member, the first one's boxes are put out and tell which pairs there are.
With more motion models than networks, the networks are taken again in turn.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from jittered import jittered

from mambatrack.association import features
from mambatrack.association.exits import Lowest
from mambatrack.association.interface import Candidates
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.loading import (
    association_path,
    encoder_and_pairs,
    load_weights,
    open_encoder,
)
from mambatrack.association.scorer import Committee, CommitteeEncoder, PairScorer
from mambatrack.config import Config, TrackerConfig
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking import tracker

SEEN = 8  # floats of a box and its spread


class Several(Predictor):
    """The states of all motion models side by side, then what each but the first predicts."""

    def __init__(self, names: list[str]) -> None:
        self.models = [load_predictor(name) for name in names]
        sizes = [each.state_size for each in self.models]
        ends = np.cumsum([0, *sizes]).tolist()
        self.parts = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        starts = range(ends[-1], ends[-1] + SEEN * (len(names) - 1), SEEN)
        starts = range(ends[-1], ends[-1] + SEEN * (len(names) - 1), SEEN)
        self.seen = [slice(start, start + SEEN) for start in starts]
        self.state_size = ends[-1] + SEEN * (len(names) - 1)

    def start(self, boxes: Any) -> Any:
        nothing = np.zeros((len(boxes), SEEN * len(self.seen)), np.float32)
        return np.hstack([*(each.start(boxes) for each in self.models), nothing])

    def predict(self, state: Any) -> tuple[Any, Any]:
        results = []
        for model, part in zip(self.models, self.parts, strict=True):
            own = np.ascontiguousarray(state[:, part])
            results.append(model.predict(own))
            state[:, part] = own
        for seen, result in zip(self.seen, results[1:], strict=True):
            state[:, seen] = np.hstack(result)
        return results[0]

    def correct(self, state: Any, rows: Any, boxes: Any) -> None:
        for model, part in zip(self.models, self.parts, strict=True):
            own = np.ascontiguousarray(state[:, part])
            model.correct(own, rows, boxes)
            state[:, part] = own


class View:
    """A pair network that reads the features of its own motion model."""

    def __init__(self, scorer: PairScorer, number: int) -> None:
        self.scorer, size = scorer, len(features.NAMES)
        self.rows = slice(number * size, (number + 1) * size)

    def tokens(self, given: Any) -> Any:
        return self.scorer.tokens(given[self.rows])

    def __call__(self, given: Candidates, code: Any) -> Any:
        return self.scorer(given._replace(features=given.features[self.rows]), code)


class ManyViews(LearnedAssociation):
    seen: list[slice] = []

    def describe(self, table: Any, found: Any, boxes: Any) -> Candidates:
        given = super().describe(table, found, boxes)
        all_views, kept = [given.features], (table["boxes"].copy(), table["spread"].copy())
        corners = np.ascontiguousarray(found.boxes.T)
        alone = features._of_detections(found, np.ascontiguousarray(boxes.T), corners)
        for seen in self.seen:
            both = table["motion"][:, seen]
            fresh = both.any(axis=1)
            table["boxes"][fresh], table["spread"][fresh] = both[fresh, :4], both[fresh, 4:]
            all_views.append(self._view(given, table, alone))
            table["boxes"][:], table["spread"][:] = kept
        return given._replace(features=np.concatenate(all_views))

    @staticmethod
    def _view(given: Candidates, table: Any, alone: Any) -> Any:
        predicted = np.ascontiguousarray(table["boxes"].T)
        corners = np.ascontiguousarray(features.cxcywh_to_xyxy(table["boxes"]).T)
        track = features._of_tracks(table, predicted, corners)
        rows, columns = given.tracks, given.detections
        own = features._of_pairs(track.take(rows, axis=1), alone.take(columns, axis=1))
        own[-2] = features.best_other(own[0], rows, given.track_count)
        own[-1] = features.best_other(own[0], columns, given.detection_count)
        return own


def association_of(config: TrackerConfig, views: list[str], seen: list[slice]) -> Any:
    """Committee of the configured networks, one for each entry of ``views``."""
    names = sorted(set(views), key=views.index)
    weights = load_weights(association_path(config))
    scorers, encoders, sizes = [], [], []
    for number, view in enumerate(views):
        encoder, pairs = encoder_and_pairs(weights[number % len(weights)])
        encoders.append(open_encoder(encoder))
        scorers.append(View(PairScorer(pairs), names.index(view)))
        sizes.append(len(encoder["head.2.bias"]))
    lowest = Lowest(config.match_odds, config.birth_odds)
    committee = Committee(scorers, sizes, lowest)
    association = ManyViews(committee, CommitteeEncoder(encoders), sum(sizes), config)
    association.seen = seen
    return association


def use(views: list[str]) -> None:
    names = sorted(set(views), key=views.index)

    def predictor(config: Any, *rest: Any) -> Any:
        return Several(names)

    def association(config: Any) -> Any:
        return association_of(config, views, Several(names).seen)

    tracker.configured_predictor, tracker.load_association = predictor, association


def scores_of(sequences: list[Sequence], options: argparse.Namespace) -> str:
    rng, got = np.random.default_rng(0), []
    settings = TrackerConfig(association=options.association)
    for _ in range(max(options.runs, 1)):
        own = jittered(settings, rng) if options.runs else settings
        with tempfile.TemporaryDirectory() as folder:
            entry = Entry("run", Path(folder) / "run", Config(tracker=own))
            scores = evaluate(sequences, [entry])["run"].scores.combined
        got.append([scores.HOTA, scores.AssA, scores.IDF1, scores.IDSW])
    hota, assa, idf1, switches = np.mean(got, axis=0)
    return f"{hota:.1f} +- {np.std(got, axis=0)[0]:.1f} / {assa:.1f} / {idf1:.1f} / {switches:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--half", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--views", nargs="+", required=True)
    parser.add_argument("--association", default="learned")
    parser.add_argument("--runs", type=int, default=0, help="with jittered settings")
    options = parser.parse_args()
    rows = [(name, scored_sequences(root)) for name, root in options.row]
    rows += [(name, scored_sequences(root, half=True)) for name, root in options.half]
    for name, sequences in rows:
        for views in options.views:
            use(views.split(","))
            print(f"| {name} | {views} | {scores_of(sequences, options)} |", flush=True)


if __name__ == "__main__":
    main()
