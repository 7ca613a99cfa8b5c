"""How well embedders know people again on OpenCV's vtest.avi, whose truth is that of PETS09-S2L1.

python docs/experiments/embedders_vtest.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --embedders colour osnet_x0_25_msmt17.onnx person-reidentification-retail-0287.xml

Crops: true boxes of every 10th frame that no other true box touches and that lie in the picture.
Pairs of one person: two crops at least 5 s apart. Pairs of two people: who are in view together in
some frame. rank-1: of the crops with such a pair, those whose likest crop of all pairs is of the
same person. AUC: how often a pair of one person is liker than a pair of two.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mambatrack import open_frames, open_sequence, read_ground_truth
from mambatrack.embedders.loading import open_embedder

EVERY, APART_S, BATCH = 10, 5.0, 8


class Crops(NamedTuple):
    """frames [N], from 1, people [N], boxes [N, 4] xyxy; together [N, N]: whose people are ever in
    view at once; rate: frames a second; pictures: by frame"""

    frames: np.ndarray
    people: np.ndarray
    boxes: np.ndarray
    together: np.ndarray
    rate: float
    pictures: dict


def touched(boxes):
    """[N] which boxes another one touches."""
    left = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    right = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    over = (right > left).all(axis=2)
    np.fill_diagonal(over, False)
    return over.any(axis=1)


def read_crops(video, folder):
    """The crops of the protocol."""
    sequence = open_sequence(folder)
    truth, (width, height) = read_ground_truth(sequence), sequence.image_size
    size, chosen = int(truth.id.max()) + 1, []
    together = np.zeros((size, size), bool)
    for frame in np.unique(truth.frame):
        (rows,) = (truth.frame == frame).nonzero()
        together[np.ix_(truth.id[rows], truth.id[rows])] = True
        if frame % EVERY == 1:
            boxes = truth.boxes[rows]
            inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= (width, height)).all(axis=1)
            chosen.append(rows[inside & ~touched(boxes)])
    rows = np.concatenate(chosen)
    frames, people = truth.frame[rows], truth.id[rows]
    with open_frames(video) as source:
        wanted = set(frames.tolist())
        pictures = {each.index + 1: each.image for each in source if each.index + 1 in wanted}
    return Crops(
        frames, people, truth.boxes[rows], together[np.ix_(people, people)], sequence.fps, pictures
    )


def embedded(embedder, crops):
    """[N, E] of all crops."""
    vectors = np.zeros((len(crops.frames), embedder.size), np.float32)
    for frame, picture in crops.pictures.items():
        of_frame = crops.frames == frame
        vectors[of_frame] = embedder(picture, crops.boxes[of_frame]).vectors
    return vectors


def milliseconds(embedder, crops, repeats=5):
    """Of processor time a crop, in batches of BATCH crops of one picture, the best of several."""
    sides = crops.boxes[:BATCH]
    picture, spent = crops.pictures[int(crops.frames[0])], []
    for _ in range(repeats):
        began = time.process_time()
        embedder(picture, sides)
        spent.append(time.process_time() - began)
    return 1000 * min(spent) / len(sides)


def rank_1_and_auc(vectors, crops):
    """(share of crops whose likest is of the same person, area under the curve)"""
    alike = vectors @ vectors.T
    one = crops.people[:, None] == crops.people[None, :]
    apart = np.abs(crops.frames[:, None] - crops.frames[None, :]) >= APART_S * crops.rate
    same, others = one & apart, ~one & crops.together
    best = np.where(same, alike, -2).max(axis=1), np.where(others, alike, -2).max(axis=1)
    asked = same.any(axis=1)
    ranks = np.sort(alike[others])
    below = np.searchsorted(ranks, alike[same], "left")
    equal = np.searchsorted(ranks, alike[same], "right") - below
    auc = (below + equal / 2).mean() / len(ranks)
    return float((best[0] > best[1])[asked].mean()), float(auc)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--embedders", nargs="+", default=["colour"])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    crops = read_crops(options.video, options.truth)
    print(f"{len(crops.frames)} crops of {len(np.unique(crops.people))} people")
    print("embedder | numbers | rank-1 | AUC | ms a crop")
    for name in options.embedders:
        embedder = open_embedder(name)
        rank, auc = rank_1_and_auc(embedded(embedder, crops), crops)
        spent = milliseconds(embedder, crops)
        print(f"{embedder.name} | {embedder.size} | {rank:.3f} | {auc:.3f} | {spent:.3f}")


if __name__ == "__main__":
    main()
