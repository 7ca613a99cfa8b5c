"""Training of the learned association on sequences whose detections and truth are known."""

import csv
import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from mambatrack.association.features import ALONE, NAMES
from mambatrack.association.learned import load_learned
from mambatrack.config import AssociationConfig, Config
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.errors import MambatrackError
from mambatrack.learning.association_network import PairBatch, PairNetwork, pair_loss
from mambatrack.learning.association_recording import Recording, record
from mambatrack.networks.model_files import write_model
from mambatrack.renamed import as_named_today
from mambatrack.version import VERSION

HELD_OUT = 10  # every so many sequences one is kept for validation
CHECKED = 200  # frames of each of those
LEAST_TRUST = 0.5  # of scores: other detectors are less sure of what they see
LOWEST_SCORE = 0.1
SAMPLED = 17  # one in so many pairs decides how features are scaled
SEED_STEP = 1000  # between the members of a committee
GRADIENT_LIMIT = 1.0  # of its norm
REPORT_EVERY = 500  # steps


def train_association(
    data: Iterable[str | Path],
    config: Config,
    out: str | Path,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Trains a learned association and returns the path of its weights.

    data: folders of sequences with gt/gt.txt and det/det.txt; every tenth sequence validates
    config: ``association`` is the recipe, ``tracker`` the tracker that it is trained for
    out: gets association.safetensors with its model card association.json, log.csv and, for each
    round, its recordings and network. With those of some rounds there, training goes on after them.
    report: called with a line of progress.
    Raises MambatrackError for unusable data or a folder with rounds of other settings.
    """
    folder, settings = Path(out), config.association
    usable = find_detected_sequences(data)
    names = [_recorded(folder, each).name for each in usable]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MambatrackError(
            f"two sequences would be kept as {twice[0]}; give the data folders different names"
        )
    torch.set_num_threads(settings.threads)
    _claim(folder, config, usable)
    network = folder / "association.safetensors"
    roots = [str(Path(root)) for root in data]
    for number in range(settings.iterations):
        kept = folder / f"round-{number}"
        before = kept.with_name(f"round-{number - 1}") / "association.safetensors"
        _record_all(usable, kept, before if number else None, config, report)
        last = number == settings.iterations - 1
        target = network if last else kept / "association.safetensors"
        if target.exists():
            continue
        steps = settings.steps if last else max(settings.steps // 3, 1)
        first = max(number + 1 - settings.recent, 0)
        pool = [folder / f"round-{past}" for past in range(first, number + 1)]
        if not last or settings.members == 1:
            _fit(pool, usable, settings, steps, target, roots, report)
            continue
        members = [
            folder / f"member-{each}/association.safetensors" for each in range(settings.members)
        ]
        for each, member in enumerate(members):
            if not member.exists():
                member.parent.mkdir(exist_ok=True)
                own = replace(settings, seed=settings.seed + SEED_STEP * each)
                _fit(pool, usable, own, steps, member, roots, report)
        join_members(members, target, settings.seed)
    return network


def join_members(members: list[Path], target: Path, seed: int) -> None:
    """Makes one association of several, whose log-odds are averaged."""
    cards = [json.loads(each.with_suffix(".json").read_text(encoding="utf-8")) for each in members]
    weights = {
        f"{number}.{name}": array
        for number, each in enumerate(members)
        for name, array in load_file(each).items()
    }
    card = cards[0]
    architecture, training = card["architecture"], card["training"]
    architecture["members"] = len(members)
    architecture["parameters"] = sum(each["architecture"]["parameters"] for each in cards)
    training |= {"seed": seed, "members": len(members)}
    losses = [each["validation"]["loss"] for each in cards]
    card["validation"] = {"loss": round(float(np.mean(losses)), 5)}
    write_model(target, weights, card)


def _claim(folder: Path, config: Config, sequences: list[Sequence]) -> None:
    """Refuses a folder whose rounds were made otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "association": asdict(config.association),
        "tracker": asdict(config.tracker),
        "sequences": [f"{each.folder.parent.name}/{each.name}" for each in sequences],
    }
    said = json.loads(json.dumps(said))
    record_path = folder / "run.json"
    if record_path.exists():
        before = as_named_today(json.loads(record_path.read_text(encoding="utf-8")))
        if before != said:
            raise MambatrackError(
                f"{folder} holds a training with other settings or data; use those, or another "
                "folder"
            )
    record_path.write_text(json.dumps(said, indent=1), encoding="utf-8")


def _recorded(folder: Path, sequence: Sequence) -> Path:
    return folder / f"{sequence.folder.parent.name}-{sequence.name}.npz"


def _record_all(
    sequences: list[Sequence],
    folder: Path,
    network: Path | None,
    config: Config,
    report: Callable[[str], None],
) -> None:
    folder.mkdir(exist_ok=True)
    policy = load_learned(network, config.tracker) if network else None
    for sequence in sequences:
        path = _recorded(folder, sequence)
        if not path.exists():
            record(sequence, policy, config.tracker).save(path)
    report(f"{folder.name}: {len(sequences)} sequences recorded")


def _fit(
    pool: list[Path],
    sequences: list[Sequence],
    settings: AssociationConfig,
    steps: int,
    target: Path,
    roots: list[str],
    report: Callable[[str], None],
    unseen: Collection[str] = (),
) -> None:
    """unseen: features that the network is not shown, to learn what they are worth"""
    names = sorted({each.name for each in sequences})
    held = set(names[::HELD_OUT])
    learn: list[_Indexed] = []
    check: list[_Indexed] = []
    for folder in pool:
        for sequence in sequences:
            recording = Recording.load(_recorded(folder, sequence))
            (check if sequence.name in held else learn).append(_Indexed.of(recording))
    torch.manual_seed(settings.seed)
    model = PairNetwork(settings.d_model, settings.layers, settings.d_state, settings.rounds)
    _normalise(model, learn, unseen)
    rate = settings.rate
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    rng = np.random.default_rng(settings.seed)
    share = np.array([len(each.recording.pairs) for each in learn], np.float64)
    share /= share.sum()
    losses: list[float] = []
    started = time.monotonic()
    with (target.parent / "log.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "loss", "validation", "seconds"])
        for step in range(1, steps + 1):
            drawn = rng.choice(len(learn), size=settings.pieces, p=share)
            pieces = [learn[i].piece(rng, settings.frames) for i in drawn]
            loss = _step(model, optimiser, join(pieces))
            schedule.step()
            losses.append(loss)
            if step % REPORT_EVERY == 0 or step == steps:
                checked = _validate(model, check)
                seconds = round(time.monotonic() - started)
                log.writerow([step, f"{np.mean(losses):.5f}", f"{checked:.5f}", seconds])
                file.flush()
                report(
                    f"{target.parent.name}: step {step} of {steps}, loss {np.mean(losses):.4f}, "
                    f"validation {checked:.4f}, {seconds} s"
                )
                losses.clear()
    _export(target, model, settings, roots, steps, len(learn), checked)


def _step(model: PairNetwork, optimiser: torch.optim.Optimizer, batch: PairBatch) -> float:
    loss = pair_loss(model(batch), batch)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def _validate(model: PairNetwork, check: list["_Indexed"]) -> float:
    losses = []
    for each in check:
        batch = join([each.cut(0, min(CHECKED, len(each.recording.pairs)), False)])
        if len(batch.tracks):
            losses.append(float(pair_loss(model(batch), batch)))
    return float(np.mean(losses))


class Piece(NamedTuple):
    """Some frames of a recording in the arrays of a PairBatch."""

    features: NDArray[np.float32]
    tracks: NDArray[np.int64]
    detections: NDArray[np.int64]
    alone: NDArray[np.float32]
    same: NDArray[np.bool_]
    person: NDArray[np.bool_]
    track_of: NDArray[np.int64]
    heard: NDArray[np.int64]
    token_pair: NDArray[np.int64]
    token_track: NDArray[np.int64]
    token_place: NDArray[np.int64]
    lengths: NDArray[np.int64]


class _Indexed(NamedTuple):
    """A recording, and where each of its frames begins."""

    recording: Recording
    pair: NDArray[np.int64]
    row: NDArray[np.int64]
    found: NDArray[np.int64]

    @classmethod
    def of(cls, recording: Recording) -> "_Indexed":
        counts = recording.pairs, recording.rows, recording.found
        return cls(recording, *(np.concatenate([[0], np.cumsum(each)]) for each in counts))

    def piece(self, rng: Generator, frames: int) -> Piece:
        """A run of frames, mirrored or not, seen by a detector more or less sure of itself."""
        total = len(self.recording.pairs)
        first = int(rng.integers(max(total - frames, 0) + 1))
        mirror, trust = bool(rng.random() < 0.5), float(rng.uniform(LEAST_TRUST, 1))
        trust = trust if rng.random() < 0.5 else 1.0
        return self.cut(first, min(first + frames, total), mirror, trust)

    def cut(self, first: int, end: int, mirror: bool, trust: float = 1.0) -> Piece:
        given = self.recording
        pairs, rows, found = (
            slice(each[first], each[end]) for each in (self.pair, self.row, self.found)
        )
        frame = np.repeat(np.arange(first, end), given.pairs[first:end])
        features = given.features[:, pairs].T.astype(np.float32)
        alone = given.alone[:, found].T.astype(np.float32)
        if mirror:
            features, alone = mirrored(features, NAMES), mirrored(alone, ALONE)
        if trust != 1:
            features, alone = distrusted(features, NAMES, trust), distrusted(alone, ALONE, trust)
        tracks = given.tracks[pairs] + self.row[frame] - rows.start
        ids, track_of = np.unique(given.ids[rows], return_inverse=True)
        (token_pair,) = given.chosen[pairs].nonzero()
        heard = _earlier(track_of, tracks[token_pair])
        return Piece(
            features, tracks, given.detections[pairs] + self.found[frame] - found.start, alone,
            given.same[pairs], given.person[found], track_of, heard, token_pair,
            track_of[tracks[token_pair]], heard[tracks[token_pair]],
            np.bincount(track_of[tracks[token_pair]], minlength=len(ids)),
        )  # fmt: skip


def _earlier(track_of: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """track_of [N], the track of each row by frame; seen: the rows that were seen -> how often the
    track of each row was seen before it [N]."""
    counted = np.zeros(len(track_of), np.int64)
    counted[seen] = 1
    order = np.argsort(track_of, kind="stable")
    total = np.cumsum(counted[order]) - counted[order]
    first = np.searchsorted(track_of[order], track_of[order])
    earlier = np.empty_like(counted)
    earlier[order] = total - total[first]
    return earlier


def mirrored(values: NDArray[np.float32], names: tuple[str, ...]) -> NDArray[np.float32]:
    """Features [K, F] of the same scene in a mirror."""
    partner = [
        names.index(name.replace("left_", "right_"))
        if name.startswith("left_")
        else names.index(name.replace("right_", "left_"))
        if name.startswith("right_")
        else index
        for index, name in enumerate(names)
    ]
    turned = [name.startswith(("x_", "left_", "right_")) for name in names]
    return np.where(turned, -values[:, partner], values[:, partner])


def distrusted(
    values: NDArray[np.float32], names: tuple[str, ...], trust: float
) -> NDArray[np.float32]:
    """Features [K, F] as of a detector whose scores, above LOWEST_SCORE, are ``trust`` times
    these."""
    scale = np.array([trust if "score" in name else 1 for name in names], np.float32)
    kept = [name.endswith("score") * LOWEST_SCORE * (1 - trust) for name in names]
    return values * scale + np.array(kept, np.float32)


def join(pieces: list[Piece]) -> PairBatch:
    """One batch; indices are counted on from piece to piece."""
    sizes = {
        "tracks": [len(each.track_of) for each in pieces],
        "detections": [len(each.alone) for each in pieces],
        "track_of": [len(each.lengths) for each in pieces],
        "token_pair": [len(each.tracks) for each in pieces],
        "token_track": [len(each.lengths) for each in pieces],
    }
    tensors: list[Tensor] = []
    for name in Piece._fields:
        offsets = np.cumsum([0, *sizes.get(name, [0] * len(pieces))[:-1]])
        parts = [
            getattr(piece, name) + offset if name in sizes else getattr(piece, name)
            for piece, offset in zip(pieces, offsets, strict=True)
        ]
        tensors.append(torch.from_numpy(np.concatenate(parts)))
    return PairBatch(*tensors)


def _normalise(model: PairNetwork, learn: list[_Indexed], unseen: Collection[str] = ()) -> None:
    """Centres and scales of the features, the same in a mirror; a scale of 0 for those unseen."""
    parts = (("feature", "features", NAMES), ("alone", "alone", ALONE))
    for name, column, names in parts:
        sample = np.concatenate(
            [getattr(each.recording, column)[:, ::SAMPLED].T.astype(np.float32) for each in learn]
        )
        sample = np.concatenate([sample, mirrored(sample, names)])
        tails = np.percentile(sample, [10, 90], axis=0)
        spread = np.maximum(sample.std(axis=0) / 2, (tails[1] - tails[0]) / 2.56)
        for kind, values in (("mean", sample.mean(axis=0)), ("scale", 1 / (spread + 1e-3))):
            getattr(model, f"{name}_{kind}").copy_(torch.from_numpy(values.astype(np.float32)))
        getattr(model, f"{name}_scale")[[each in unseen for each in names]] = 0


def _export(
    target: Path,
    model: PairNetwork,
    settings: AssociationConfig,
    roots: list[str],
    steps: int,
    sequences: int,
    validation: float,
) -> None:
    """The weights and, beside them, their model card."""
    recipe = asdict(settings)
    card: dict[str, Any] = {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {
            "kind": "association", "d_model": settings.d_model, "layers": settings.layers,
            "d_state": settings.d_state, "rounds": settings.rounds,
            "parameters": sum(each.numel() for each in model.parameters()),
        },
        "features": list(NAMES),
        "data": ["/".join(Path(root).parts[-2:]) for root in roots],
        "licence": recipe.pop("licence"),
        "training": {**recipe, "step": steps, "recordings": sequences, "torch": torch.__version__},
        "validation": {"loss": round(validation, 5)},
    }  # fmt: skip
    write_model(target, model.state_dict(), card)
