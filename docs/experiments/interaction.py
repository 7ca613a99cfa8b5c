"""How should the pairs of a frame hear of each other, and a history be read?

    python docs/experiments/interaction.py --run run/ --dataset simulated-0 simulated-1 \
      --results interaction.jsonl

The association network with each of the mixers in people_mixers.py in place of, or before, its
rounds of max-pooling. ``run/`` has, or gets, a recording of every sequence, tracked with the
shipped networks; those of every tenth name are held out. --weights: learning goes on from these,
the new part adding nothing at the start. A run that stands in --results is not made again.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from people_mixers import VARIANTS, Mixed, People, Scene, hilbert
from seeds_table import Cut, run_missing
from torch import Tensor

from mambatrack.association.features import NAMES
from mambatrack.association.loading import load_association, load_weights
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.config import AssociationConfig, TrackerConfig
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.learning.association_learner import _normalise
from mambatrack.learning.association_network import PairBatch, pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, Piece, join
from mambatrack.learning.association_recording import Recording, record
from mambatrack.learning.schedules import one_cycle

STEPS, PIECES = 400, 2
CHECKED = 300  # frames of each sequence that measures
HELD_OUT = 10  # every so many names one is held out


class Placed(NamedTuple):
    """A recording, and where its detections are [M, 2] in the picture."""

    indexed: IndexedRecording
    position: NDArray[np.float32]

    def piece(self, rng: np.random.Generator, frames: int) -> tuple[Piece, "Where"]:
        """As IndexedRecording.piece."""
        total = len(self.indexed.recording.pairs)
        first = int(rng.integers(max(total - frames, 0) + 1))
        mirror = bool(rng.random() < 0.5)
        return self.cut(first, min(first + frames, total), mirror)

    def cut(self, first: int, end: int, mirror: bool = False) -> tuple[Piece, "Where"]:
        given = self.indexed.recording
        found = slice(self.indexed.found[first], self.indexed.found[end])
        position = self.position[found]
        position = np.abs(np.array([float(mirror), 0.0]) - position)
        frames = np.arange(end - first)
        return self.indexed.cut(first, end, mirror), Where(
            np.repeat(frames, given.rows[first:end]),
            np.repeat(frames, given.found[first:end]),
            position,
        )


class Where(NamedTuple):
    """The frames of a piece's tracks [N] and detections [M], and where the latter are [M, 2]."""

    track_frame: NDArray[np.int64]
    detection_frame: NDArray[np.int64]
    position: NDArray[np.float64]


def scene_of(pieces: list[tuple[Piece, Where]]) -> Scene:
    batch = join([piece for piece, _ in pieces])
    frames, offset = ([], []), 0
    for _, where in pieces:
        frames[0].append(where.track_frame + offset)
        frames[1].append(where.detection_frame + offset)
        offset += 1 + max(int(each.max(initial=0)) for each in where[:2])
    frame = np.concatenate([*frames[0], *frames[1]])
    position = np.concatenate([where.position for _, where in pieces])
    return Scene(batch, _people(batch, frame, position))


def _people(batch: PairBatch, frame: NDArray, found: NDArray) -> People:
    """frame [N + M], found [M, 2]. A track is where the candidate is that it overlaps most."""
    tracks, detections = batch.tracks.numpy(), batch.detections.numpy()
    count = len(frame) - len(found)
    order = np.argsort(batch.features[:, NAMES.index("iou")].numpy(), kind="stable")
    position = np.full((len(frame), 2), np.nan)
    position[count:] = found
    position[tracks[order]] = found[detections[order]]
    (index,) = (~np.isnan(position[:, 0])).nonzero()
    index = index[np.lexsort((hilbert(position[index]), frame[index]))]
    _, first, row, lengths = np.unique(
        frame[index], return_index=True, return_inverse=True, return_counts=True
    )
    column = np.arange(len(index)) - first[row]
    arrays = (torch.from_numpy(each) for each in (index, row, column, lengths))
    return People(*arrays, torch.from_numpy(position[index].astype(np.float32)))


class Data(NamedTuple):
    learnt: list[Placed]
    held_out: list[Scene]


def read(run: Path, folders: list[str]) -> Data:
    sequences = find_detected_sequences(folders)
    held = {*sorted({each.name for each in sequences})[::HELD_OUT]}
    data, policy = Data([], []), None
    run.mkdir(parents=True, exist_ok=True)
    for each in sequences:
        folder = each.folder.parent
        path = run / f"{folder.parent.name}-{folder.name}-{each.name}.npz"
        if not path.exists():
            policy = policy or load_association(TrackerConfig())
            record(each, policy, TrackerConfig()).save(path)
        placed = Placed(IndexedRecording.of(Recording.load(path)), _positions(each))
        if each.name in held:
            frames = min(CHECKED, len(placed.indexed.recording.pairs))
            data.held_out.append(scene_of([placed.cut(0, frames)]))
        else:
            data.learnt.append(placed)
    return data


def _positions(sequence: Sequence) -> NDArray[np.float32]:
    found = sequence_detections(sequence)
    centres = xyxy_to_cxcywh(found.boxes)[:, :2] / sequence.image_size
    return centres[np.argsort(found.frame, kind="stable")].astype(np.float32)


def learn(model: Mixed, data: Data, seed: int, steps: int) -> None:
    settings, rng = AssociationConfig(), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=settings.weight_decay)
    frames = np.array([len(each.indexed.recording.pairs) for each in data.learnt], np.float64)
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group |= one_cycle(step, steps, settings.rate)
        drawn = rng.choice(len(frames), size=PIECES, p=frames / frames.sum())
        scene = scene_of([data.learnt[each].piece(rng, settings.frames) for each in drawn])
        optimiser.zero_grad()
        pair_loss(model.answer(scene), scene.batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def measure(model: Mixed, scenes: list[Scene]) -> dict[str, float]:
    """Mean loss of the sequences; share of wrong decisions of tracks with a candidate, of those
    with several, and of detections with a candidate."""
    losses, wrong = [], np.zeros((3, 2))
    for scene in scenes:
        batch, said = scene.batch, model.answer(scene)
        losses.append(float(pair_loss(said, batch)))
        tracks = _wrong(said.pairs, said.lost, batch.tracks, batch.same)
        detections = _wrong(said.pairs, said.unmatched, batch.detections, batch.same)
        candidates = torch.bincount(batch.tracks, minlength=len(said.lost))
        several = tracks[candidates[candidates > 0] > 1]
        wrong += [[float(e.sum()), len(e)] for e in (tracks, several, detections)]
    names = "wrong tracks", "wrong among several", "wrong detections"
    shares = wrong[:, 0] / wrong[:, 1]
    return {"loss": float(np.mean(losses)), **dict(zip(names, shares.tolist(), strict=True))}


def _wrong(pairs: Tensor, none: Tensor, owner: Tensor, same: Tensor) -> Tensor:
    """Of those with a candidate: whether the likeliest choice is not the right one."""
    best = none.scatter_reduce(0, owner, pairs, "amax")
    right = none.index_add(0, owner[same], pairs[same] - none[owner[same]])
    asked = torch.zeros_like(none, dtype=torch.bool).index_fill(0, owner, True)
    return (right < best - 1e-4)[asked]


def run(cut: Cut, data: Data, weights: Path | None) -> dict[str, Any]:
    torch.manual_seed(cut.seed)
    model, begun = VARIANTS[cut.variant](), time.process_time()
    _normalise(model, [each.indexed for each in data.learnt])
    if weights:
        members = load_weights(weights)
        own = members[cut.seed % len(members)]
        model.load_state_dict({k: torch.from_numpy(v) for k, v in own.items()}, strict=False)
    learn(model, data, cut.seed, cut.steps)
    seconds = time.process_time() - begun
    return {
        "weights": sum(each.numel() for each in model.parameters()), "seconds": round(seconds, 1),
        "measured": {k: round(each, 5) for k, each in measure(model, data.held_out).items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--dataset", nargs="+", required=True, help="folders with gt and det")
    parser.add_argument("--weights", type=Path, help="association.safetensors to go on from")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = read(options.run, options.dataset)
    start = f"from {options.weights.stem}" if options.weights else "from scratch"
    cuts = (
        Cut(start, variant, seed, options.steps)
        for seed in options.seeds
        for variant in options.variants
    )
    run_missing(cuts, partial(run, data=data, weights=options.weights), options.results)


if __name__ == "__main__":
    main()
