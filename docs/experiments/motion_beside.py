r"""A motion model without learning beside the network: who of the two was right so far decides.

    python docs/experiments/motion_beside.py --row MOT15 data/mot15/train \
      --row dancers data/dancetrack/val --beside none kalman mean --between 0 1

Boxes of the network and of the other model are mixed. The network's share is what would have fitted
the newest detections of all tracks best, by least squares, for places and for sizes:
sum (network - other)(detection - other) / sum (network - other)^2, in box sizes, and with --prior
added, so that a stream begins with the network; --kept of both sums are kept from frame to frame.
Below the first number of --between the share is 0, above the second 1, and a line in between; where
both are the same, one of the two models is believed alone, by the places.

kalman: the Kalman filter of --predictor kalman. mean: from the newest detection on with the track's
mean velocity and size, which the table of tracks has anyway; a spread from its own errors. With
--spread network the spread stays the network's. --every: of each sequence every N-th frame.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from every_nth import thin_out
from jittered import jittered

from mambatrack.boxes import own_size
from mambatrack.config import Config, TrackerConfig
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.motion import loading
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking import tracker

LARGEST = 0.5  # box sizes, of an error that counts
SPREAD = 0.08  # box sizes, of the other model until it is known
PLACES = [0, 0, 1, 1]  # of a box [cx, cy, w, h]: which of the two shares


def products(network: Any, other: Any, seen: Any) -> Any:
    """Boxes [K, 4] -> [K, 2, 2]: for places and sizes, what is summed above and below the line."""
    size = own_size(other)
    apart = np.clip((network - other) / size, -LARGEST, LARGEST)
    right = np.clip((seen - other) / size, -LARGEST, LARGEST)
    both = np.stack([apart * right, apart**2], axis=1)
    return both.reshape(-1, 2, 2, 2).sum(axis=3).transpose(0, 2, 1)


class Belief(NamedTuple):
    """How the sums become shares, see above; prior in box sizes squared; kept: of the sums."""

    least: float
    most: float
    prior: float
    kept: float


def share_of(sums: Any, belief: Belief) -> Any:
    """[2, 2] -> [4], the network's share of a box."""
    least, most, prior, _ = belief
    share = (sums[:, 0] + prior) / (sums[:, 1] + prior)
    if least == most:
        return np.full(4, share[0] >= least, np.float32)
    return np.clip((share - least) / (most - least), 0, 1).astype(np.float32)[PLACES]


class WithKalman(Predictor):
    """The network's state, the filter's, the network's box and the sums [4] of each track, side by
    side."""

    belief, spread = Belief(0.0, 1.0, 0.02, 0.95), "mixed"

    def __init__(self, network: Predictor) -> None:
        self.network, self.kalman = network, KalmanPredictor()
        self.first = network.state_size
        self.state_size = self.first + self.kalman.state_size + 8

    def _parts(self, state: Any) -> tuple[Any, Any]:
        own, theirs = state[:, : self.first], state[:, self.first : -8]
        return np.ascontiguousarray(own), np.ascontiguousarray(theirs)

    def start(self, boxes: Any) -> Any:
        nothing = np.zeros((len(boxes), 4), np.float32)
        return np.hstack([self.network.start(boxes), self.kalman.start(boxes), boxes, nothing])

    def predict(self, state: Any) -> tuple[Any, Any]:
        own, theirs = self._parts(state)
        (boxes, spread), (others, wide) = self.network.predict(own), self.kalman.predict(theirs)
        state[:, :-4] = np.hstack([own, theirs, boxes])
        share = share_of(state[:, -4:].sum(axis=0).reshape(2, 2), self.belief)
        if self.spread == "mixed":
            spread = wide + share * (spread - wide)
        return others + share * (boxes - others), spread

    def correct(self, state: Any, rows: Any, boxes: Any) -> None:
        own, theirs = self._parts(state)
        new = products(state[rows, -8:-4], theirs[rows, :4], boxes).reshape(-1, 4)
        self.network.correct(own, rows, boxes)
        self.kalman.correct(theirs, rows, boxes)
        state[:, :-8] = np.hstack([own, theirs])
        state[rows, -4:] = self.belief.kept * state[rows, -4:] + new


class WithMean:
    """The mean motion of a table's tracks, in the two steps of a frame."""

    def __init__(self, belief: Belief, spread: str) -> None:
        self.belief, self.spread = belief, spread
        self.of: Any = None
        self.network: dict[int, Any] = {}
        self.predict, self.observe = tracker.predict_together, tracker.observe_together

    @staticmethod
    def forecast(table: Any) -> Any:
        last, means = table["last"], table["means"]
        place = last[:, :2] + table._velocity() * table["gap"][:, None]
        return np.hstack([place, np.exp(means[:, :2])]).astype(np.float32)

    def predict_together(self, predictor: Any, due: Any) -> None:
        ((hypotheses, span),) = due
        self.predict(predictor, [(hypotheses, span)])
        if not hasattr(hypotheses, "sums"):
            hypotheses.sums, hypotheses.errors = np.zeros((2, 2)), np.zeros(3)
        self.of, share = hypotheses, share_of(hypotheses.sums, self.belief)
        table = hypotheses.tables[0]
        self.network = dict(zip(table["ids"].tolist(), table["boxes"].copy(), strict=True))
        for table in hypotheses.tables:
            if (share < 1).any() and len(table):
                self._mix(table, share)

    def _mix(self, table: Any, share: Any) -> None:
        other, (place, size, count) = self.forecast(table), self.of.errors
        error = np.array([place, size])[PLACES] / count if count > 5 else SPREAD
        grown = np.sqrt(table["gap"])[:, None] * (1 + 1 / table["hits"][:, None])
        wide = (error * grown * own_size(other)).astype(np.float32)
        table["boxes"][:] = other + share * (table["boxes"] - other)
        if self.spread == "mixed":
            table["spread"][:] = wide + share * (table["spread"] - wide)

    def observe_together(self, association: Any, predictor: Any, settled: Any) -> None:
        if settled:
            self._learn(*settled[0][:2])
        self.observe(association, predictor, settled)

    def _learn(self, problem: Any, decision: Any) -> None:
        table, given, chosen = problem.table, problem.candidates, decision.chosen
        rows, seen = given.tracks[chosen], given.detections[chosen]
        known = (table["gap"][rows] == 1) & (table["hits"][rows] > 1)
        known &= np.isin(table["ids"][rows], list(self.network))
        rows, seen = rows[known], seen[known]
        network = [self.network[each] for each in table["ids"][rows].tolist()]
        other, boxes = self.forecast(table)[rows], problem.boxes.take(seen, axis=0)
        off = np.minimum(np.abs(boxes - other) / own_size(other), LARGEST).reshape(-1, 2, 2)
        new = products(np.reshape(network, (-1, 4)), other, boxes).sum(axis=0)
        self.of.sums = self.belief.kept * self.of.sums + new
        errors = [*off.mean(axis=2).sum(axis=0), len(rows)]
        self.of.errors = self.belief.kept * self.of.errors + errors


def put_beside(kind: str, belief: Belief, spread: str) -> Callable[[], None]:
    """Trackers from now on have it -> what takes it away again."""
    load = loading.load_predictor
    loaded = tracker.configured_predictor, tracker.predict_together, tracker.observe_together

    def undo() -> None:
        (tracker.configured_predictor, tracker.predict_together, tracker.observe_together) = loaded

    if kind == "kalman":
        both = type("Both", (WithKalman,), {"belief": belief, "spread": spread})
        tracker.configured_predictor = lambda config, *rest: both(load(config.predictor))
    elif kind == "mean":
        mean = WithMean(belief, spread)
        tracker.predict_together = mean.predict_together
        tracker.observe_together = mean.observe_together
    return undo


def scores_of(sequences: list[Sequence], runs: int, predictor: str) -> str:
    rng, got = np.random.default_rng(0), []
    for _ in range(max(runs, 1)):
        settings = TrackerConfig(predictor)
        if runs:
            settings = jittered(settings, rng)
        with tempfile.TemporaryDirectory() as folder:
            entry = Entry("run", Path(folder) / "run", Config(tracker=settings))
            scores = evaluate(sequences, [entry])["run"].scores.combined
        got.append([scores.HOTA, scores.AssA, scores.IDSW])
    (hota, assa, switches), off = np.mean(got, axis=0), np.std(got, axis=0)[0]
    return f"{hota:.1f} +- {off:.1f} / {assa:.1f} / {switches:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--half", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--beside", nargs="+", default=["none"], help="none, kalman, mean")
    parser.add_argument("--between", nargs=2, type=float, default=(0.0, 1.0))
    parser.add_argument("--prior", type=float, default=0.02)
    parser.add_argument("--spread", choices=("mixed", "network"), default="mixed")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument(
        "--runs", type=int, default=1, help="with jittered settings; 0: as they are"
    )
    parser.add_argument("--kept", type=float, default=0.95)
    parser.add_argument("--predictor", default=TrackerConfig().predictor)
    options = parser.parse_args()
    rows = [(name, scored_sequences(root)) for name, root in options.row]
    rows += [(name, scored_sequences(root, half=True)) for name, root in options.half]
    with tempfile.TemporaryDirectory() as folder:
        for name, sequences in rows:
            if options.every > 1:
                for each in sequences:
                    thin_out(each, options.every, Path(folder) / name / each.name)
                sequences = scored_sequences(Path(folder) / name)
            cells = []
            for kind in options.beside:
                belief = Belief(*options.between, options.prior, options.kept)
                undo = put_beside(kind, belief, options.spread)
                cells.append(f"{kind}: {scores_of(sequences, options.runs, options.predictor)}")
                undo()
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
