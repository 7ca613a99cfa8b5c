"""Purity and completeness of tracks: a track taken as a cluster of the boxes of one person.

Purity is the share of boxes that belong to the majority of their cluster (Manning, Raghavan and
Schuetze, Introduction to Information Retrieval, 2008, section 16.3); completeness is the same with
the sides changed, the inverse purity of Amigo et al., Information Retrieval 12, 2009. Of tracking
they are Smith et al.'s tracker purity and object purity (CVPR workshops, 2005), weighted by boxes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

IOU = 0.5
CONTINUED = 1000.0  # added to the IoU of a pair that was matched in the frame before
SLACK = np.finfo(float).eps  # by which an IoU may be below the threshold, as TrackEval has it

Fields = dict[str, Any]


class Purity:
    """A metric as TrackEval's are, over matched boxes only: fields summed over sequences, then
    shares of the sums.

    matched: pairs of a true box and a box of a track; pure, complete: of these, those on the most
    frequent object of their track, and on the most frequent track of their object; Tracks, objects:
    with a matched box; PureTracks: matched to one object only; joined: pairs of an object and a
    track with a matched box
    """

    summed = ("matched", "pure", "complete", "Tracks", "PureTracks", "objects", "joined")

    def eval_sequence(self, data: Mapping[str, Any]) -> Fields:
        """data: a sequence as TrackEval's pre-processing gives it."""
        return _with_shares(dict(zip(self.summed, counts_of(confusion(data)), strict=True)))

    def combine_sequences(self, fields: Mapping[Any, Fields]) -> Fields:
        return _with_shares(self._sums(fields))

    def combine_classes_det_averaged(self, fields: Mapping[Any, Fields]) -> Fields:
        return self.combine_sequences(fields)

    def combine_classes_class_averaged(self, fields: Mapping[Any, Fields]) -> Fields:
        """Counts are summed here too, as TrackEval's are; shares are means of the classes."""
        shares = {name: np.mean([each[name] for each in fields.values()]) for name in SHARES}
        return {**self._sums(fields), **shares}

    def _sums(self, fields: Mapping[Any, Fields]) -> Fields:
        return {name: sum(each[name] for each in fields.values()) for name in self.summed}


SHARES = {  # of Purity: what is divided by what
    "Purity": ("pure", "matched"),
    "Completeness": ("complete", "matched"),
    "TracksPerObject": ("joined", "objects"),
}


def confusion(data: Mapping[str, Any]) -> NDArray[np.int64]:
    """[objects, tracks] frames in which the two are matched, as CLEAR matches them: one to one
    from an IoU of 0.5 on, pairs of the frame before first, then the largest sum of IoU."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((data["num_gt_ids"], data["num_tracker_ids"]), np.int64)
    before = np.full(len(counts), -1)  # track of each object
    frames = zip(data["gt_ids"], data["tracker_ids"], data["similarity_scores"], strict=True)
    for objects, tracks, overlap in frames:
        if not (len(objects) and len(tracks)):
            continue
        worth = np.where(overlap >= IOU - SLACK, overlap, 0)
        worth += CONTINUED * ((before[objects, None] == tracks) & (worth > 0))
        rows, columns = linear_sum_assignment(worth, maximize=True)
        fits = worth[rows, columns] > 0
        seen, by = objects[rows[fits]], tracks[columns[fits]]
        counts[seen, by] += 1
        before[:] = -1
        before[seen] = by
    return counts


def counts_of(matched: NDArray[np.int64]) -> tuple[int, ...]:
    """The fields Purity.summed of a table [objects, tracks] of matched boxes."""
    joined = matched > 0
    objects_of_track, tracks_of_object = joined.sum(0), joined.sum(1)
    counts = (
        matched.sum(), matched.max(0, initial=0).sum(), matched.max(1, initial=0).sum(),
        (objects_of_track > 0).sum(), (objects_of_track == 1).sum(),
        (tracks_of_object > 0).sum(), joined.sum(),
    )  # fmt: skip
    return tuple(map(int, counts))


def _with_shares(sums: Fields) -> Fields:
    """A share of nothing is 0, as in TrackEval's metrics."""
    return {**sums, **{name: sums[part] / max(sums[of], 1) for name, (part, of) in SHARES.items()}}
