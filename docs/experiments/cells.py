"""Which recurrent cell, and how much state, in the causal predictor's place for one?

    python docs/experiments/cells.py waves --results waves.jsonl
    python docs/experiments/cells.py dancers --dataset dancetrack/train --results dancers.jsonl

One block of networks/causal.py: its projections, convolution, gate and MLP stay, and the scan
between them is each of those in recurrent_cells.py, with the width at which all networks have about
as many weights as ours. After every box of a piece all of MEASURED are forecast at once, so nothing
is fed back.
``waves`` is made-up periodic motion, ``dancers`` are true tracks. A run that stands in --results is
not made again.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from recurrent_cells import CELLS, carried, equal_network, weights_of
from seeds_table import Cut, run_missing
from torch import Tensor

from mambatrack.datasets.people import read_people
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.learning.schedules import one_cycle
from mambatrack.networks.causal import CausalMotionPredictor, observed_tokens
from mambatrack.networks.units import TOKEN, UNITS

STEPS, BATCH, RATE = 300, 16, 8e-3
SEEN = 72  # boxes of a piece after which something is forecast
MEASURED = (1, 5, 10, 20, 30)  # frames ahead
PERIODS = (4, 8, 16, 32, 64)  # frames, of the waves that measure; drawn between them in training
NOISE = 0.01  # sides of the box, of where a wave is seen
CHECKED = 500  # pieces that measure
HELD_OUT = 5  # every so many names of sequences one is held out


class Ways(NamedTuple):
    """tokens [B, SEEN, TOKEN];  goal [B, SEEN, K, 2]: where the centre is MEASURED frames after
    each, from where it is then; the network's outputs times ``unit`` should be that."""

    tokens: Tensor
    goal: Tensor
    unit: Tensor


class Task(NamedTuple):
    """draw(rng): what a step learns from;  held: what measures, by name."""

    draw: Callable[[np.random.Generator], Ways]
    held: dict[str, Ways]


def ahead(way: Tensor) -> Tensor:
    """way [B, SEEN + 30, 2] of the centre -> [B, SEEN, K, 2] how far it goes."""
    return torch.stack([way[:, k : SEEN + k] - way[:, :SEEN] for k in MEASURED], dim=2)


def waves(rng: np.random.Generator, periods: NDArray) -> Ways:
    """A box for each of ``periods`` [B] that goes to and fro in x and in y, each seen with an error
    of NOISE sides. Slow waves reach farther, by the root of their period; the goal is a share of
    that reach, the rms distance from the middle."""
    t = np.arange(-1, SEEN + MEASURED[-1])
    angle = rng.uniform(0, 2 * np.pi, (2, len(periods), 1)) + 2 * np.pi * t / periods[:, None]
    strength = rng.normal(size=(2, len(periods), 1))
    strength *= np.sqrt(2 / (strength**2).sum(0))
    way = _as_tensor((strength * np.sin(angle)).transpose(1, 2, 0))
    reach = _as_tensor(0.05 * np.sqrt(periods)).view(-1, 1, 1)  # sides of the box
    seen = way * reach + NOISE * _as_tensor(rng.normal(size=way.shape))
    tokens = F.pad(UNITS * seen.diff(dim=1)[:, :SEEN], (0, TOKEN - 2))
    return Ways(tokens, ahead(way[:, 1:]), 0.25 / reach[..., None])


def _as_tensor(array: NDArray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def wave_task() -> Task:
    def draw(rng: np.random.Generator) -> Ways:
        low, high = np.log(PERIODS[0]), np.log(PERIODS[-1])
        return waves(rng, np.exp(rng.uniform(low, high, BATCH)))

    held = {}
    for each in PERIODS:
        periods = np.full(CHECKED // len(PERIODS), float(each))
        held[f"period {each}"] = waves(np.random.default_rng(each), periods)
    return Task(draw, held)


class Dancers:
    """True boxes of people who are there for SEEN + 30 frames without a break."""

    def __init__(self, sequences: list[Sequence]):
        self.people = [read_people(each) for each in sequences]
        length = SEEN + MEASURED[-1]
        self.ends = [np.argwhere(each.age >= length) for each in self.people]
        self.share = np.array([len(each) for each in self.ends], np.float64)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Tokens, and where the centre goes in sizes of the box."""
        pieces = []
        for which in rng.choice(len(self.ends), count, p=self.share / self.share.sum()):
            frame, person = self.ends[which][rng.integers(len(self.ends[which]))]
            rows = slice(frame + 1 - SEEN - MEASURED[-1], frame + 1)
            pieces.append(self.people[which].boxes[rows, person])
        boxes = torch.from_numpy(np.stack(pieces))
        seen = torch.ones(boxes.shape[:2], dtype=torch.bool)[:, :SEEN]
        tokens, _, _, scale = observed_tokens(boxes[:, :SEEN], seen)
        return tokens, ahead(boxes[..., :2]) / (UNITS * scale[..., None, None])


def dancer_task(folders: list[str]) -> Task:
    """The goal is a share of how far people go on the mean, in each number of frames."""
    sequences = [each for folder in folders for each in find_sequences(folder) if each.gt_path]
    kept = {*sorted({each.name for each in sequences})[::HELD_OUT]}
    learnt, held = (
        Dancers([each for each in sequences if (each.name in kept) is which])
        for which in (False, True)
    )
    print(f"{len(learnt.people)} sequences learnt from, {len(held.people)} held out", flush=True)
    reach, checked = (part.draw(np.random.default_rng(0), CHECKED) for part in (learnt, held))
    usual, own = (each[1].norm(dim=-1).mean((0, 1)).view(-1, 1) for each in (reach, checked))

    def draw(rng: np.random.Generator) -> Ways:
        tokens, goal = learnt.draw(rng, BATCH)
        return Ways(tokens, goal / usual, torch.ones(()))

    return Task(draw, {"dancers": Ways(checked[0], checked[1] / own, usual / own)})


def errors(model: CausalMotionPredictor, given: Ways) -> Tensor:
    lengths = torch.full((len(given.tokens),), SEEN)
    said = model(given.tokens, lengths)[0].unflatten(-1, (-1, 2))
    return said * given.unit - given.goal


@torch.inference_mode()
def measure(model: CausalMotionPredictor, task: Task) -> dict[str, float]:
    """Mean error of the last tokens, which have seen a whole period of the slowest wave."""
    found = {}
    for name, given in task.held.items():
        off = errors(model, given)[:, PERIODS[-1] :].norm(dim=-1).mean((0, 1))
        found |= {f"{name}: {k}": float(e) for k, e in zip(MEASURED, off, strict=True)}
        found[f"{name}: all"] = float(off.mean())
    return found


def learn(model: CausalMotionPredictor, task: Task, seed: int, steps: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=0.0)
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group |= one_cycle(step, steps, RATE)
        optimiser.zero_grad()
        off = errors(model, task.draw(np.random.default_rng([seed, step])))
        F.smooth_l1_loss(off, torch.zeros_like(off)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


def run(cut: Cut, task: Task) -> dict[str, Any]:
    torch.manual_seed(cut.seed)
    model, start = equal_network(cut.variant, 2 * len(MEASURED)), time.process_time()
    learn(model, task, cut.seed, cut.steps)
    measured = {name: round(each, 5) for name, each in measure(model, task).items()}
    return {
        "width": model.embed.out_features, "weights": weights_of(model), "carried": carried(model),
        "seconds": round(time.process_time() - start, 1), "measured": measured,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("waves", "dancers"))
    parser.add_argument("--dataset", nargs="+", default=[], help="folders of sequences with gt")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), metavar="CELL")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = wave_task() if options.task == "waves" else dancer_task(options.dataset)
    cuts = (
        Cut(options.task, cell, seed, options.steps)
        for seed in options.seeds
        for cell in options.cells
    )
    run_missing(cuts, partial(run, task=task), options.results)


if __name__ == "__main__":
    main()
