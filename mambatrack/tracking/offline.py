"""Tracking of a whole sequence that may look ahead: not an online result.

The online tracker runs forwards and backwards in time, several times with other models. From these
results one is made (consensus.py). Gaps are filled from both ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.assignment import Indices
from mambatrack.association.interface import Association, checked_association
from mambatrack.association.loading import load_association, load_members
from mambatrack.camera.transforms import inverted
from mambatrack.config import Config, TrackerConfig, tracker_settings
from mambatrack.motion.loading import configured_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.consensus import consensus, cut
from mambatrack.tracking.memory import USUAL_RATE
from mambatrack.tracking.memory_checks import checked_memory
from mambatrack.tracking.offline_results import named_again, renumbered, results
from mambatrack.tracking.offline_sequence import OfflineSequence
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracking.whole_tracks import people_of
from mambatrack.tracks import Tracks

LEAST_DETECTIONS = 2  # of a track


def track_offline(
    detections: Sequence[Any],
    config: Config | TrackerConfig | None = None,
    image_size: tuple[int, int] | None = None,
    times: Sequence[float | None] | None = None,
    predictor: Predictor | None = None,
    association: Association | None = None,
    cameras: Sequence[Any] | None = None,
    looks: SequenceLooks | None = None,
    memory: MemoryConfig | None = None,
) -> list[Tracks]:
    """Tracks of every frame, decided after the last one was seen.

    detections: for each frame what Tracker.update takes; times: time stamps in seconds
    predictor, association: as of Tracker; cameras: for each frame what Tracker.update takes
    looks: what the boxes look like, by an embedder, as a further cue
    memory: with looks, people who left are known again as by a Tracker, and have one id
    A gap is filled between two detections of one track: PREDICTED, with its spread; ``gap`` counts
    frames since the earlier one. Nothing follows the last detection of a track, which ends in the
    next frame.
    """
    settings = tracker_settings(config)
    kept = checked_memory(memory, settings, None if looks is None else looks.appearance)
    sequence = OfflineSequence.of(detections, times, cameras, image_size, looks)
    members = _members(settings, image_size, predictor, association)
    passes, boxes = _tracked(sequence, settings, members)
    ids = renumbered(_decide(sequence, settings, passes), sequence.frame)
    tracks = results(sequence, ids, boxes)
    if kept is None or looks is None:
        return tracks
    people = people_of(sequence, looks, ids, kept, settings.frame_rate or USUAL_RATE)
    return [named_again(each, people) for each in tracks]


def _decide(sequence: OfflineSequence, config: TrackerConfig, passes: Indices) -> Indices:
    """The track of every detection [D], -1 for none. passes: as of _tracked()."""
    decided = _long(consensus(sequence.frame, passes))
    return cut(sequence.frame, decided, passes, max(config.caution, 0.0))


def _tracked(
    sequence: OfflineSequence,
    config: TrackerConfig,
    members: Sequence[tuple[Predictor, Association]],
) -> tuple[Indices, NDArray[np.float32]]:
    """[2 K, D] the track of every detection as each of the K members has it, forwards and then
    backwards in time; and its box [D, 4] xyxy, the mean of where these show the track."""
    online, directions = replace(config, caution=0.0), (False, True)
    passes = np.full((len(members) * len(directions), len(sequence.frame)), -1)
    sums, counts = np.zeros((len(sequence.frame), 4)), np.zeros((len(sequence.frame), 1))
    for track, (member, backward) in zip(passes, product(members, directions), strict=True):
        tracker = _tracker(sequence, online, *member)
        for tracks in _run(sequence, tracker, backward):
            seen = tracks.gap == 0
            rows = tracks.det_ind[seen]
            track[rows] = tracks.ids[seen]
            sums[rows] += tracks.boxes[seen]
            counts[rows] += 1
    return passes, (sums / np.maximum(counts, 1)).astype(np.float32)


def _members(
    config: TrackerConfig,
    image_size: tuple[int, int] | None,
    predictor: Predictor | None,
    association: Association | None,
) -> list[tuple[Predictor, Association]]:
    """Who decides: motion model and association as configured or given, the same association with
    another motion model, and each network of a committee by itself."""
    own = predictor or configured_predictor(config, image_size)
    whole = checked_association(association or load_association(config))
    second = replace(config, predictor="mamba-window" if config.predictor == "kalman" else "kalman")
    alone = [] if association is not None else load_members(config)
    return [
        (own, whole), (configured_predictor(second, image_size), whole),
        *((own, each) for each in alone),
    ]  # fmt: skip


def _tracker(
    sequence: OfflineSequence, config: TrackerConfig, predictor: Predictor, association: Association
) -> Tracker:
    embedder = None if sequence.looks is None else sequence.looks.again()
    return Tracker(config, sequence.image_size, predictor, association, embedder=embedder)


def _run(sequence: OfflineSequence, tracker: Tracker, backward: bool) -> Iterator[Tracks]:
    """One pass of the tracker; detections are numbered through all frames."""
    count, looks = len(sequence.found), sequence.looks
    cameras = [*map(inverted, sequence.cameras[1:]), None] if backward else sequence.cameras
    for index in reversed(range(count)) if backward else range(count):
        first, time_s = int(sequence.first[index]), sequence.times[index]
        if backward and time_s is not None:
            time_s = -time_s
        found = sequence.found[index]
        numbered = replace(found, rows=first + np.arange(len(found)))
        seen = None if looks is None else looks.frames[index]
        yield tracker.update(numbered, time_s, cameras[index], image=seen)


def _long(track: Indices) -> Indices:
    """[D] -1 for tracks of too few detections."""
    counts = np.bincount(track[track >= 0], minlength=1)
    return np.where((track >= 0) & (counts[track] >= LEAST_DETECTIONS), track, -1)
