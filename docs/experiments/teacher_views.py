"""What a teacher of embedders sees in small crops, and how far apart its codes of one crop are.

python docs/experiments/teacher_views.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --teacher person-reidentification-retail-0287.xml --crops people.npz

The crops of embedders_vtest.py, made small, grey or half covered before the teacher sees them. Of
300 of the --crops of embedder_crops.py: 1 less the cosine, along 96 main axes, of the teacher's
codes of a crop as it is, and as train-embedder disturbs it, seen at 48x32.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from embedders_vtest import rank_1_and_auc, read_crops

from mambatrack.embedders.crops import cut, parts_inside, resized
from mambatrack.embedders.loading import open_embedder
from mambatrack.learning.embedder_data import read_crops as read_training_crops
from mambatrack.learning.embedder_pictures import disturbed, plain
from mambatrack.learning.embedder_training import CROP, main_axes

AXES, SOME, BATCH = 96, 300, 8
SIZES = (128, 256), (48, 96), (24, 48), (12, 24), (6, 12)


def of_length_1(rows):
    """[N, E]"""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def codes(teacher, crops):
    """[N, E] of crops of any size."""
    crops = resized(crops, teacher.crop_size)
    parts = [teacher.look(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
    return of_length_1(np.concatenate(parts))


def covered(crops, rows=slice(0, 0), columns=slice(0, 0)):
    """With grey over these rows and columns."""
    found = crops.copy()
    found[:, rows] = found[:, :, columns] = 127
    return found


def changed(crops):
    """(what was done, the crops)"""
    for size in SIZES:
        yield f"{size[1]}x{size[0]}", resized(crops, size)
    grey = crops.mean(axis=3, keepdims=True).repeat(3, axis=3).astype(np.uint8)
    yield "grey", grey
    height, width = crops.shape[1:3]
    sides = covered(crops, columns=slice(0, width // 4))
    yield "the middle half", covered(sides, columns=slice(width - width // 4, width))
    yield "no head", covered(crops, rows=slice(0, height * 28 // 100))
    yield "no legs", covered(crops, rows=slice(height // 2, height))


def distance(first, second, like):
    """Mean of 1 - cosine along the main axes of ``like``."""
    axes, centre = main_axes(like, AXES), like.mean(axis=0)
    pairs = [of_length_1((each - centre) @ axes) for each in (first, second)]
    return float(1 - (pairs[0] * pairs[1]).sum(axis=1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("--video", "--truth", "--crops"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--teacher", required=True)
    given, rng = parser.parse_args(), np.random.default_rng(0)
    cv2.setNumThreads(1)
    teacher, seen = open_embedder(given.teacher), read_crops(given.video, given.truth)
    crops = np.zeros((len(seen.frames), *teacher.crop_size[::-1], 3), np.uint8)
    for frame, picture in seen.pictures.items():
        rows = seen.frames == frame
        parts, _ = parts_inside(seen.boxes[rows], picture.shape[1::-1])
        crops[rows] = cut(picture, parts, teacher.crop_size)
    for what, each in changed(crops):
        rank, auc = rank_1_and_auc(codes(teacher, each), seen)
        print(f"{what} | {rank:.3f} | {auc:.3f}", flush=True)
    learnt = read_training_crops([given.crops]).pictures
    learnt = learnt[rng.choice(len(learnt), SOME, replace=False)]
    as_it_is = codes(teacher, plain(learnt, teacher.crop_size[::-1]))
    again = codes(teacher, disturbed(learnt, CROP, rng))
    half = SOME // 2
    print(f"plain and disturbed: {distance(as_it_is, again, as_it_is):.3f}")
    print(f"two people: {distance(as_it_is[:half], as_it_is[half:], as_it_is):.3f}")


if __name__ == "__main__":
    main()
