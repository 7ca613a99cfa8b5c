"""Pieces of recordings, in the arrays of a batch that the learned association learns from."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.association.features import ALONE, NAMES
from mambatrack.learning.association_network import PairBatch, PairLogits
from mambatrack.learning.association_recording import Recording

LEAST_TRUST = 0.5  # of scores: other detectors are less sure of what they see
LOWEST_SCORE = 0.1


class Taught(NamedTuple):
    """What a teacher says of each pair, each track and each detection (two): PairLogits."""

    pairs: NDArray[np.float32]
    lost: NDArray[np.float32]
    unmatched: NDArray[np.float32]
    person: NDArray[np.float32]


class Piece(NamedTuple):
    """Some frames of a recording in the arrays of a PairBatch, and what a teacher says of them."""

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
    taught: Taught | None = None


class IndexedRecording(NamedTuple):
    """A recording, where each of its frames begins, and what a teacher says of it."""

    recording: Recording
    pair: NDArray[np.int64]
    row: NDArray[np.int64]
    found: NDArray[np.int64]
    taught: Taught | None = None

    @classmethod
    def of(cls, recording: Recording) -> "IndexedRecording":
        counts = recording.pairs, recording.rows, recording.found
        pair, row, found = (np.concatenate([[0], np.cumsum(each)]) for each in counts)
        return cls(recording, pair, row, found)

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
        parts = (pairs, rows, found, found)
        said = self.taught and Taught(*(a[b] for a, b in zip(self.taught, parts, strict=True)))
        return Piece(
            features, tracks, given.detections[pairs] + self.found[frame] - found.start, alone,
            given.same[pairs], given.person[found], track_of, heard, token_pair,
            track_of[tracks[token_pair]], heard[tracks[token_pair]],
            np.bincount(track_of[tracks[token_pair]], minlength=len(ids)), said,
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
    for name in PairBatch._fields:
        offsets = np.cumsum([0, *sizes.get(name, [0] * len(pieces))[:-1]])
        parts = [
            getattr(piece, name) + offset if name in sizes else getattr(piece, name)
            for piece, offset in zip(pieces, offsets, strict=True)
        ]
        tensors.append(torch.from_numpy(np.concatenate(parts)))
    return PairBatch(*tensors)


def join_taught(pieces: list[Piece]) -> PairLogits | None:
    """What a teacher says of the batch that ``join`` makes; None where there is none."""
    said = [each.taught for each in pieces if each.taught]
    if not said:
        return None
    return PairLogits(*(torch.from_numpy(np.concatenate(part)) for part in zip(*said, strict=True)))
