"""Whether a small Mamba that reads the looks of a tracklet makes a better code than their mean.

python docs/experiments/tracklet_codes.py --crops street.npz office.npz --video vtest.avi \
    --truth pets09/PETS09-S2L1 --detector bytetrack_nano.onnx --embedder colour --seeds 0 1 2

--crops: files of embedder_crops.py, of other videos than the one measured on; the network learns on
their tracks, that two stretches of one are alike and those of others are not. Measured: the offline
tracks of the detector's boxes, with the person of the truth that most of a track's boxes are of;
each in tracklets of LOOKS looks, one in EVERY. Pairs of one person are at least 5 s apart.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from appearance_vtest import boxes_of, configured
from offline_looks import looked_at
from people_vtest import SAME
from torch import nn

from mambatrack import open_frames, open_sequence, read_ground_truth, track_offline
from mambatrack.boxes import iou
from mambatrack.embedders.colour import CROP, histograms
from mambatrack.networks.mamba import MambaBlock

LOOKS, EVERY, APART_S, WIDTH, STEPS, BATCH, HEAT = 8, 5, 5.0, 48, 600, 48, 0.07


class Reader(nn.Module):
    """Looks [B, L, E] -> codes [B, E]: a weighted mean and, where it is asked for, a correction."""

    def __init__(self, size, corrected):
        super().__init__()
        self.enter, self.block = nn.Linear(size, WIDTH), MambaBlock(WIDTH, 8)
        self.weight, self.correct = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, size)
        self.corrected = corrected
        for each in (self.weight, self.correct):
            nn.init.zeros_(each.weight)
            nn.init.zeros_(each.bias)

    def forward(self, looks):
        tokens = self.enter(looks)
        lengths = torch.full((len(looks),), looks.shape[1])
        tokens = tokens + self.block(tokens, lengths)
        code = (self.weight(tokens).softmax(1) * looks).sum(1)
        if self.corrected:
            code = code + self.correct(tokens[:, -1])
        return nn.functional.normalize(code, dim=1)


def learnt(stretches, size, corrected, seed):
    """stretches: of each track its looks [M, E] in order."""
    torch.manual_seed(seed)
    rng, reader = np.random.default_rng(seed), Reader(size, corrected)
    long = [each for each in stretches if len(each) >= 2 * LOOKS]
    optimiser = torch.optim.AdamW(reader.parameters(), 1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, STEPS)
    for _ in range(STEPS):
        chosen = rng.choice(len(long), min(BATCH, len(long)), replace=False)
        pairs = np.stack([two_of(long[each], rng) for each in chosen])
        one, other = (reader(torch.from_numpy(pairs[:, side])) for side in (0, 1))
        alike, same = one @ other.T / HEAT, torch.arange(len(chosen))
        entropy = nn.functional.cross_entropy
        loss = (entropy(alike, same) + entropy(alike.T, same)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return reader.eval()


def two_of(looks, rng):
    """[2, LOOKS, E] two stretches that have no look in common."""
    half = rng.integers(LOOKS, len(looks) - LOOKS + 1)
    first = rng.integers(0, half - LOOKS + 1)
    second = rng.integers(half, len(looks) - LOOKS + 1)
    return np.stack([looks[first : first + LOOKS], looks[second : second + LOOKS]])


def tracks_of(files, embedder):
    """Looks of each track of the files."""
    found = []
    for file in files:
        kept = np.load(file)
        vectors = kept["teacher"].astype(np.float32)
        if embedder == "colour":
            crops = np.stack([cv2.resize(each, CROP) for each in kept["pictures"]])
            vectors = histograms(crops)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        for track in np.unique(kept["track"]):
            (rows,) = (kept["track"] == track).nonzero()
            _, moments = np.unique(kept["moment"][rows], return_index=True)
            found.append(vectors[rows[moments]])
    return found


def tracklets_of(options):
    """looks [K, LOOKS, E], people [K], seconds [K, 2] from and to."""
    config = configured(options.detector)
    kept = options.cache / f"{options.video.stem}-{Path(options.detector).stem}.npy"
    boxes, sequence = boxes_of(options.video, config, kept), open_sequence(options.truth)
    with open_frames(options.video) as frames:
        boxes = [*boxes, *[np.zeros((0, 6))] * frames.count][: frames.count]
        looks = looked_at(((each.image, boxes[each.index]) for each in frames), options.embedder)
    tracks = track_offline(boxes, config, sequence.image_size, looks=looks)
    truth, seen = read_ground_truth(sequence), {}
    for number, each in enumerate(tracks, start=1):
        own = each.select(each.observed)
        vectors, usable = looks.again()(looks.frames[number - 1], own.boxes)
        (rows,) = (truth.frame == number).nonzero()
        overlap = iou(own.boxes, truth.boxes[rows].astype(np.float32))
        for row, identity in enumerate(own.ids.tolist()):
            hit = overlap[row].argmax() if len(rows) else -1
            who = int(truth.id[rows[hit]]) if len(rows) and overlap[row, hit] >= 0.5 else 0
            if usable[row]:
                seen.setdefault(identity, []).append((number, SAME.get(who, who), vectors[row]))
    parts = []
    for of_track in seen.values():
        who = np.bincount([each for _, each, _ in of_track]).argmax()
        for first in range(0, len(of_track) - LOOKS * EVERY + 1, LOOKS * EVERY):
            own = of_track[first : first + LOOKS * EVERY : EVERY]
            span = own[0][0] / sequence.fps, own[-1][0] / sequence.fps
            parts.append((np.stack([each for *_, each in own]), who, span))
    parts = [each for each in parts if each[1]]
    looks, people, spans = (np.array(column) for column in zip(*parts, strict=True))
    return looks.astype(np.float32), people, spans


def figures(alike, people, spans):
    """(rank-1, AUC) of similarities [K, K]."""
    away = np.maximum(spans[:, None, 0] - spans[None, :, 1], spans[None, :, 0] - spans[:, None, 1])
    same = people[:, None] == people
    pair, two = same & (away >= APART_S), ~same
    asked = pair.any(axis=1)
    best = np.where(pair | two, alike, -9)[asked].argmax(axis=1)
    right = pair[asked, :][np.arange(len(best)), best].mean()
    values = np.concatenate([alike[pair], alike[two]])
    ranks = values.argsort().argsort()[: pair.sum()]
    auc = (ranks.mean() - (pair.sum() - 1) / 2) / two.sum()
    return right, auc


def unit(codes):
    return codes / np.linalg.norm(codes, axis=-1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crops", type=Path, nargs="+", required=True)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--detector", required=True)
    parser.add_argument("--embedder", default="colour")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    looks, people, spans = tracklets_of(options)
    pairs = np.einsum("ale,bme->abml", looks, looks).reshape(len(looks), len(looks), -1)
    among = np.einsum("kle,kme->klm", looks, looks).mean(axis=2)
    typical = np.exp(among / 0.1) / np.exp(among / 0.1).sum(axis=1, keepdims=True)
    codes = {
        "one look": looks[:, 0],
        "mean": unit(looks.mean(axis=1)),
        "mean, looks weighed by how like the others they are":
            unit((typical[..., None] * looks).sum(axis=1)),
    }  # fmt: skip
    print(f"{len(looks)} tracklets of {len(set(people.tolist()))} people")
    for name, own in codes.items():
        print("| {} | {:.3f} | {:.3f} |".format(name, *figures(own @ own.T, people, spans)))
    for name, alike in (("largest of all pairs", pairs.max(2)), ("median", np.median(pairs, 2))):
        print("| {} | {:.3f} | {:.3f} |".format(name, *figures(alike, people, spans)), flush=True)
    stretches = tracks_of(options.crops, options.embedder)
    for corrected in (False, True):
        for seed in options.seeds:
            reader = learnt(stretches, looks.shape[2], corrected, seed)
            with torch.no_grad():
                own = reader(torch.from_numpy(looks)).numpy()
            form = "weights and a correction" if corrected else "weights"
            row = figures(own @ own.T, people, spans)
            print("| Mamba, {}, seed {} | {:.3f} | {:.3f} |".format(form, seed, *row), flush=True)


if __name__ == "__main__":
    main()
