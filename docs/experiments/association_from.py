r"""An association whose networks go on learning from trained weights, on other data, and what lies
between the two (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    python docs/experiments/association_from.py tune --run run/ --dataset simulated-0 ... \
      --weights mambatrack-association.safetensors --out tuned/ --teacher learned \
      --keep simulated-0 --set association.steps=2500 association.rate=0.0005 tracker.predictor=P
    python docs/experiments/association_from.py record --run later/ --dataset simulated-0 \
      --set tracker.association=between/association.safetensors
    python docs/experiments/association_from.py between --weights A B --share 0.5 --out between/

``run/`` gets one iteration of recordings, tracked with the configured networks, and what other
folders of ``--run`` hold is learnt from, too. --teacher also says what is right in the folders
whose names begin as --keep; elsewhere the truth alone does. --often NAME=FACTOR: how often a
recording whose name begins so is drawn, for each of its frames; dashes in front do not count, and
a name that begins with one is joined by =, as --often=-simulated-0=2.
"""

import argparse
import gc
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from mambatrack.association.loading import load_association, load_weights, path_of
from mambatrack.config import Config, load_config
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.learning import association_recording
from mambatrack.learning.association_learner import PairLearner, Recordings
from mambatrack.learning.association_network import pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, join, join_taught
from mambatrack.learning.association_recording import FORGETTING, Recorder, Recording, identities
from mambatrack.learning.association_teacher import AssociationTeacher
from mambatrack.learning.association_training import FREE, WEIGHTS, join_members
from mambatrack.learning.checkpoints import names_of, recipe_of
from mambatrack.learning.loop import Run, silent, train
from mambatrack.networks.model_files import write_model
from mambatrack.tracking.tracker import Tracker


class Switching(Recorder):
    """In a share of the frames two tracks that could be each other's change places."""

    share = 0.0
    rng = np.random.default_rng(0)

    def choose(self, problem, scores):
        chosen = super().choose(problem, scores)
        if self.rng.random() < self.share:
            return switched(problem.candidates, chosen, self.rng)
        return chosen


def switched(given, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The chosen pairs with two tracks in each other's place, where any two can change."""
    pairs = zip(given.tracks.tolist(), given.detections.tolist(), strict=True)
    row = {pair: k for k, pair in enumerate(pairs)}
    matched = [(int(given.tracks[k]), int(given.detections[k])) for k in chosen]
    swaps = [
        (place, other, row[a, d], row[b, c])
        for other, (b, d) in enumerate(matched)
        for place, (a, c) in enumerate(matched[:other])
        if (a, d) in row and (b, c) in row
    ]
    if not swaps:
        return chosen
    place, other, first, second = swaps[int(rng.integers(len(swaps)))]
    after = chosen.copy()
    after[[place, other]] = first, second
    return np.sort(after)


class Learner(PairLearner):
    """Learns from the truth where nobody teaches."""

    def draw(self, often: list[float]) -> None:
        """Each recording so many times as often as its length says."""
        self.share = self.share * np.array(often)
        self.share /= self.share.sum()

    def losses(self, step: int) -> Iterator[torch.Tensor]:
        learnt, settings = self.recordings.learnt, self.settings
        drawn = self.rng.choice(len(learnt), size=settings.pieces, p=self.share)
        pieces = [learnt[i].piece(self.rng, settings.frames) for i in drawn]
        total = torch.zeros(())
        for own in ([p for p in pieces if p.taught], [p for p in pieces if not p.taught]):
            batch = join(own) if own else None
            if batch and len(batch.tracks):
                said = self.model(batch), batch, join_taught(own), settings.teacher_weight
                total = total + pair_loss(*said) * (len(own) / len(pieces))
        yield total


def configured(options: argparse.Namespace) -> Config:
    return load_config("train-association", dict(each.split("=", 1) for each in options.set))


def tune(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    record_all(options)
    config, sequences = configured(options), find_detected_sequences(options.dataset)
    recordings, often = recorded(options, sequences)
    gc.freeze()  # the recordings stay shared with the processes that learn
    learn = partial(learnt, options, config, recordings, often)
    with get_context("fork").Pool(options.processes, maxtasksperchild=1) as pool:
        targets = pool.map(
            learn, range(len(load_weights(path_of(str(options.weights[0]))))), chunksize=1
        )
    join_members(targets, options.out / WEIGHTS, config.association.seed)


def learnt(
    options: argparse.Namespace,
    config: Config,
    recordings: Recordings,
    often: list[float],
    number: int,
) -> Path:
    """One member goes on."""
    own = replace(config.association, seed=config.association.seed + number)
    learner = Learner(recordings, own, own.steps, options.dataset)
    weights = load_weights(path_of(str(options.weights[0])))[number]
    learner.model.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    learner.draw(often)
    target: Path = options.out / f"member-{number}" / WEIGHTS
    recipe = recipe_of("association", own, names_of(find_detected_sequences(options.dataset)), FREE)
    train(learner, Run(target, "association", recipe, own.steps, 500, "training", silent))
    print(target, flush=True)
    return target


def record_all(options: argparse.Namespace) -> None:
    """What the tracker meets, in the last folder of --run; what is there stays."""
    options.run[-1].mkdir(parents=True, exist_ok=True)
    each = partial(record_one, options.run[-1], configured(options), options.switches)
    with get_context("fork").Pool(options.processes) as pool:
        pool.map(each, find_detected_sequences(options.dataset), chunksize=1)


def record_one(folder: Path, config: Config, switches: float, sequence: Sequence) -> None:
    path = folder / recording_name(sequence)
    if not path.exists():
        tracked(sequence, config, switches).save(path)


def recording_name(sequence: Sequence) -> str:
    folder = sequence.folder.parent
    return f"{folder.parent.name}-{folder.name}-{sequence.name}.npz"


def recorded(
    options: argparse.Namespace, sequences: list[Sequence]
) -> tuple[Recordings, list[float]]:
    """All recordings of the sequences, and how often each is drawn; every tenth validates."""
    recordings, often = Recordings([], []), []
    factors = factors_of(options.often)
    names = sorted({recording_name(each) for each in sequences})
    held = {*names[::10]}
    teacher = AssociationTeacher(options.teacher) if options.keep else None
    for sequence in sequences:
        name, folder = recording_name(sequence), str(sequence.folder.parent)
        own = [by for start, by in factors if name.lstrip("-").startswith(start)]
        for path in [run / name for run in options.run if (run / name).exists()]:
            each = IndexedRecording.of(Recording.load(path))
            if name in held:
                recordings.held_out.append(each)
                continue
            kept = teacher and any(folder.startswith(start) for start in options.keep)
            recordings.learnt.append(teacher.teach(each) if teacher and kept else each)
            often.append(own[0] if own else 1.0)
    return recordings, often


def factors_of(often: list[str]) -> list[tuple[str, float]]:
    """(beginning of names, factor) of each NAME=FACTOR; the name may have = in it."""
    found = [each.rpartition("=") for each in often]
    return [(name.lstrip("-"), float(factor)) for name, _, factor in found]


def tracked(sequence: Sequence, config: Config, switches: float) -> Recording:
    """As association_recording.record, with false switches in this share of the frames."""
    found = sequence_detections(sequence)
    rows, who = identities(sequence, found)
    policy = load_association(config.tracker)
    recorder = Switching([who[each] for each in rows], policy, config.tracker.class_aware)
    recorder.share, recorder.rng = switches, np.random.default_rng(len(who))
    tracker = Tracker(config.tracker, sequence.image_size, association=recorder, reach=0.0)
    arrays = np.column_stack([found.boxes, found.scores])
    for index, each in enumerate(rows):
        tracker.update(arrays[each], index / sequence.fps)
    return recorder.recording()


def between(options: argparse.Namespace) -> None:
    """Weights at ``share`` of the way from the first to the second."""
    first, second = (load_weights(path_of(str(each))) for each in options.weights)
    mixed = {
        f"{number}.{name}": torch.from_numpy(array + options.share * (later[name] - array))
        for number, (earlier, later) in enumerate(zip(first, second, strict=True))
        for name, array in earlier.items()
    }
    card = json.loads(options.weights[1].with_suffix(".json").read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    write_model(options.out / options.weights[1].name, mixed, card)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("record", "tune", "between"))
    parser.add_argument("--run", nargs="+", type=Path)
    parser.add_argument("--dataset", nargs="+", default=[])
    parser.add_argument("--weights", nargs="+", type=Path)
    parser.add_argument("--teacher", default="learned")
    parser.add_argument("--keep", nargs="*", default=[])
    parser.add_argument("--often", nargs="*", action="extend", default=[], metavar="NAME=FACTOR")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--switches", type=float, default=0.0, help="share of frames with a false one"
    )
    parser.add_argument("--forgetting", type=float, default=FORGETTING)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    return parser


def main() -> None:
    options = parser().parse_args()
    association_recording.FORGETTING = options.forgetting
    {"record": record_all, "tune": tune, "between": between}[options.task](options)


if __name__ == "__main__":
    main()
