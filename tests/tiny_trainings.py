"""Trainings of the motion model, the association, the gap filler, the embedder and the detector
that take a second."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from mambatrack import load_config
from mambatrack.files import replacing
from mambatrack.learning import (
    association_training,
    detector_training,
    embedder_training,
    embedder_views,
    gap_training,
    motion_data,
    motion_spread,
)
from mambatrack.learning.association_training import train_association
from mambatrack.learning.detector_training import train_detector
from mambatrack.learning.embedder_training import train_embedder
from mambatrack.learning.gap_training import train_gap_filling
from mambatrack.learning.log import Log
from mambatrack.learning.loop import silent
from mambatrack.learning.motion_training import train

SETTINGS = {  # by section
    "training": {"d_model": 8, "layers": 1, "d_state": 2, "steps": 7, "warmup": 4,
                 "checkpoint_every": 2, "batch_size": 4, "window": 4},
    "association": {"d_model": 8, "d_state": 4, "steps": 6, "iterations": 2, "members": 2,
                    "frames": 10, "pieces": 1},
    "gap_filling": {"d_model": 8, "layers": 1, "d_state": 2, "q": 3, "longest": 12, "steps": 7,
                    "checkpoint_every": 2, "batch_size": 40},
    "embedder": {"teacher": "colour", "views": 2, "width": 9, "code": 6, "batch_size": 9,
                 "steps": 7, "checkpoint_every": 2},
    "detector_training": {"width": 9, "neck": 4, "side": 64, "coarse_side": 32, "coarse_steps": 3,
                          "batch_size": 2, "steps": 7, "checkpoint_every": 2, "warmup": 2},
}  # fmt: skip
SECTIONS = list(SETTINGS)
COMMANDS = {
    "training": "train", "association": "train-association", "gap_filling": "train-gap-filling",
    "embedder": "train-embedder", "detector_training": "train-detector",
}  # fmt: skip
WEIGHTS = {
    "training": "predictor.safetensors", "association": "association.safetensors",
    "gap_filling": "refill.safetensors", "embedder": "embedder.safetensors",
    "detector_training": "detector.safetensors",
}  # fmt: skip


def draw_quickly(self, picture):
    """Takes the place of Log.draw, which takes longer than everything else."""
    with replacing(picture) as temporary:
        temporary.write_text(f"a curve of {len(self.rows)} rows")


def make_quick(patch):
    """Enough is validated to tell whether a network learns; no curves are drawn."""
    patch.setattr(motion_data, "VALIDATION", 100)
    patch.setattr(motion_data, "CALIBRATION", 100)
    patch.setattr(motion_spread, "MOST_STEPS", 20)
    patch.setattr(gap_training, "VALIDATION", 400)
    patch.setattr(gap_training, "CALIBRATION", 400)
    patch.setattr(Log, "draw", draw_quickly)


def make_tiny(patch, curves=False):
    """Checkpoints come often, and little is validated; curves are drawn only if asked for."""
    patch.setattr(association_training, "CHECKPOINT_EVERY", 2)
    patch.setattr(motion_data, "VALIDATION", 8)
    patch.setattr(motion_data, "CALIBRATION", 8)
    patch.setattr(gap_training, "VALIDATION", 20)
    patch.setattr(gap_training, "CALIBRATION", 40)
    patch.setattr(embedder_training, "CROP", (48, 16))
    patch.setattr(embedder_views, "TOGETHER", 1000)
    patch.setattr(detector_training, "STEM", (4, 4))
    if not curves:
        patch.setattr(Log, "draw", draw_quickly)


def run(section, data, out, report=silent, **changes):
    """Trains from the data to the folder ``out``; returns the path of the weights."""
    values = {f"{section}.{key}": value for key, value in (SETTINGS[section] | changes).items()}
    config = load_config(None, values | {"tracker.predictor": "still"})
    if section == "training":
        return train([data], config, out, report)
    if section == "association":
        return train_association([data], config, out, report)
    if section == "embedder":
        return train_embedder([write_crops(data)], config.embedder, out, report)
    if section == "detector_training":
        return train_detector([write_labelled(data)], config.detector_training, out, report)
    return train_gap_filling([data], config.gap_filling, out, report)


def write_crops(folder, people=12, each=3, size=(128, 64)):
    """Crops of people in one colour each, all of them seen at once; painted once more, at random.
    Returns the path of the file."""
    path = Path(folder) / "crops.npz"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    track = np.repeat(np.arange(people), each)
    colours = rng.integers(0, 256, (people, 3))[track]
    colours = np.concatenate([colours, rng.integers(0, 256, (people, 3))])
    pictures = colours[:, None, None] + rng.normal(0, 8, (len(colours), *size, 3))
    np.savez(
        path,
        pictures=pictures.clip(0, 255).astype(np.uint8),
        track=np.concatenate([track, np.full(people, -1)]),
        moment=np.concatenate([np.tile(np.arange(each), people), np.zeros(people, int)]),
        scene=np.zeros(len(colours), int),
    )
    return path


def write_labelled(folder, pictures=10, size=(72, 96)):
    """Pictures of noise with a white person of another size and place in each, in the layout of
    YOLO. Returns the path of the folder."""
    root, rng = Path(folder) / "labelled", np.random.default_rng(0)
    if root.exists():
        return root
    for part in ("images", "labels"):
        (root / part).mkdir(parents=True)
    for number in range(pictures):
        picture = rng.integers(0, 90, (*size, 3), dtype=np.uint8)
        high = int(rng.integers(24, 60))
        wide, top = high // 3, int(rng.integers(size[0] - high))
        left = int(rng.integers(size[1] - wide))
        picture[top : top + high, left : left + wide] = 255
        centre = (left + wide / 2) / size[1], (top + high / 2) / size[0]
        row = (0, *centre, wide / size[1], high / size[0])
        cv2.imwrite(str(root / "images" / f"{number}.png"), picture)
        (root / "labels" / f"{number}.txt").write_text(" ".join(map(str, row)))
    return root


def command(section, data, out):
    """The arguments of the same training on the command line."""
    settings = [f"--{section}.{key}={value}" for key, value in SETTINGS[section].items()]
    if section == "embedder":
        read = ["--crops", str(write_crops(data))]
    else:
        read = ["--dataset", str(write_labelled(data) if "detector" in section else data)]
    folders = [*read, "--out", str(out)]
    recipe = section in ("training", "detector_training")
    plain = ["--config", "overlap"] if recipe else []  # not the recipe that ships
    return [COMMANDS[section], *folders, *settings, *plain, "--tracker.predictor", "still"]


def files(folder):
    """What is in a folder; of a checkpoint its tensors, as its header has no fixed order."""
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        assert path.suffix in (".safetensors", ".json", ".csv", ".npz", ".png"), "left over"
        name = str(path.relative_to(folder))
        found[name] = path.read_bytes()
        if path.name == "checkpoint.safetensors":
            found[name] = {key: value.tobytes() for key, value in load_file(path).items()}
    return found


def whole_files(data, folder):
    """Those of the trainings, by section, where nobody stops them."""
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch)
        for section in SECTIONS:
            run(section, data, folder / section)
    return {section: files(folder / section) for section in SECTIONS}
