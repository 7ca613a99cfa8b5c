"""Several trackers on one model: each has its own ids, all share every call of a network.

>>> group = TrackerGroup(config, 2)
>>> group.update({0: (detections, time_s), 1: (others, time_s)})    # {0: Tracks, 1: Tracks}
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

from mambatrack.appearance.embedder import Embedder
from mambatrack.appearance.gallery import Gallery
from mambatrack.association.interface import Association
from mambatrack.association.loading import load_association
from mambatrack.camera.transforms import CameraMotion
from mambatrack.config import Config, TrackerConfig, tracker_settings
from mambatrack.detections import Detections, as_detections, as_given
from mambatrack.errors import MambatrackError, shown
from mambatrack.motion.loading import configured_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.hypotheses import Settled, born_in
from mambatrack.tracking.memory import Memory
from mambatrack.tracking.memory_checks import checked_sharing
from mambatrack.tracking.steps import associate_together, observe_together, predict_together
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracking.tracker_state import TrackerState, checked_camera, checked_time
from mambatrack.tracking.turn import Turns
from mambatrack.tracking.usual_frames import Begun, Given
from mambatrack.tracks import Tracks


class TrackerGroup:
    """``count`` trackers, numbered from 0, whose results are those of trackers on their own.

    config, predictor, association, class_names, embedder, memory: as of Tracker; all trackers have
        the same ones. With memory.shared they have one memory and one space of ids: who was seen by
        one is known again by the others, and the times of all have to be of one clock

    The networks are loaded once, and called once for all trackers that are due; the motion model
    once more for each further frame that any of them has to go (Tracker, Time), and once for each
    size of picture where its predictions depend on that. The C library has a call for all trackers
    in any case; without it motion model and encoder are called for each where many tracks come
    together (track_table.SHARED_CALL_TRACKS). Usual frames are a few calls for all trackers that
    have one (Tracker.usual); where a frame is one call (Tracker.whole), each tracker has its own.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        count: int = 1,
        predictor: Predictor | None = None,
        association: Association | None = None,
        class_names: Sequence[str] | Mapping[int, str] = (),
        embedder: Embedder | None = None,
        memory: MemoryConfig | None = None,
    ):
        if not isinstance(count, int) or count < 1:
            raise MambatrackError(f"the number of trackers is {shown(count)}; expected 1 or more")
        self.config = tracker_settings(config)
        self.association = association or load_association(self.config)
        # the size of the pictures is not known yet, and replaced in resize()
        predictor = predictor or configured_predictor(self.config, (1, 1))
        own = memory and replace(memory, shared=False)
        self.trackers = [
            Tracker(
                self.config,
                None,
                copy.copy(predictor),
                self.association,
                class_names,
                embedder,
                own,
            )
            for _ in range(count)
        ]
        self._one_count = checked_sharing(memory)
        self._usual = None if self._one_count else self.trackers[0].usual
        if self._one_count and memory is not None and embedder is not None:
            gallery = Gallery(embedder.size, memory.size, memory.pictures)
            for number, each in enumerate(self.trackers):
                each.share_memory(gallery, number, partial(_others, self.trackers, number))

    def __repr__(self) -> str:
        live = sum(len(each.state.hypotheses.table) for each in self.trackers)
        return f"<TrackerGroup of {len(self.trackers)} trackers: {live} tracks>"

    def resize(self, index: int, image_size: tuple[int, int]) -> None:
        """The frames of tracker ``index`` are of this (width, height) from now on."""
        self.trackers[index].image_size = image_size

    def update(
        self,
        due: Mapping[int, tuple[Any, float | None]],
        cameras: Mapping[int, Any] = {},
        images: Mapping[int, Any] = {},
    ) -> dict[int, Tracks]:
        """Tracker.update of those trackers that have a frame: their detections and time, how the
        camera moved where that is known, and the picture for the embedder. Data of detections comes
        with as_detections(boxes, data)."""
        _check_numbers(due, len(self.trackers))
        with Turns([self.trackers[index].turn for index in due]):
            motions = self._motions(due, cameras)
            given = {
                index: (as_given(rows), checked_time(time_s), motions.get(index), images.get(index))
                for index, (rows, time_s) in due.items()
            }
            usual, whole = self._usual_among(given), self._whole_among(given)
            apart = {*whole, *(index for each in usual for index in each.due)}
            together = {index: each for index, each in given.items() if index not in apart}
            tracks = self._update(together)  # an error comes before any change
            for each in usual:
                tracks |= each.run(None)
            for index in whole:
                found = self.trackers[index].in_one_call(*given[index][:2])
                tracks |= self._update({index: given[index]}) if found is None else {index: found}
            return {index: tracks[index] for index in due}

    def _motions(
        self, due: Mapping[int, Any], cameras: Mapping[int, Any]
    ) -> dict[int, CameraMotion | None]:
        """How the cameras moved of those that are due, where it is said or asked for."""
        asked = due if self.config.camera in ("auto", "boxes") else due.keys() & cameras.keys()
        return {
            index: checked_camera(cameras.get(index), self.config, self.trackers[index].predictor)
            for index in asked
        }

    def _usual_among(self, given: Mapping[int, Given]) -> list[Begun]:
        """The frames that UsualFrames takes, those of predictions in one call together."""
        if self._usual is None:
            return []
        trackers = {index: self.trackers[index] for index in given}
        begun = [
            self._usual.begin({index: trackers[index] for index in alike}, given)
            for alike in _alike(trackers)
        ]
        return [each for each in begun if each.due]

    def _whole_among(self, given: Mapping[int, Given]) -> list[int]:
        """The trackers whose frames WholeFrame takes: none where UsualFrames takes any."""
        if self._usual is not None:
            return []
        return [
            index
            for index, (found, _, camera, _) in given.items()
            if (tracker := self.trackers[index]).whole is not None
            and camera is None
            and tracker.whole.takes(tracker.state, found, tracker.image_size)
        ]

    def _update(self, due: Mapping[int, Given]) -> dict[int, Tracks]:
        """The steps of a frame, each for all trackers together."""
        if not due:
            return {}
        config, trackers = self.config, [self.trackers[index] for index in due]
        states = [each.state for each in trackers]
        given = [as_detections(detections) for detections, *_ in due.values()]
        times = [time_s for _, time_s, *_ in due.values()]
        motions = [camera for *_, camera, _ in due.values()]
        images = [image for *_, image in due.values()]
        sizes = [each.image_size for each in trackers]
        found = list(map(TrackerState.admit, states, given, sizes))
        spans = list(map(TrackerState.advance_clock, states, times, repeat(config)))
        for tracker, span, camera in zip(trackers, spans, motions, strict=True):
            tracker.state.hypotheses.end_unseen(span - 1, config.max_age)
            tracker.state.note_camera(camera, tracker.predictor)
        alike = _alike(dict(enumerate(trackers)))
        for due_together in alike:
            predict_together(
                trackers[due_together[0]].predictor,
                [(states[place].hypotheses, spans[place]) for place in due_together],
            )
        for tracker, rows in zip(trackers, found, strict=True):
            tracker.state.follow_camera(rows, config, self.association, tracker.predictor)
        problems = [(each.hypotheses, rows) for each, rows in zip(states, found, strict=True)]
        views = [
            state.view(each.appearance, image, rows)
            for image, each, state, rows in zip(images, trackers, states, found, strict=True)
        ]
        settled = associate_together(self.association, problems, config.hypotheses, views)
        for tracker, own in zip(trackers, settled, strict=True):
            tracker.state.cut_tracks(own[0], config, tracker.association)
        for due_together in alike:
            observe_together(
                self.association,
                trackers[due_together[0]].predictor,
                [each for place in due_together for each in settled[place]],
            )
        tracks = map(self._settle, trackers, settled, times, found)
        return dict(zip(due, tracks, strict=True))

    def _settle(
        self, tracker: Tracker, settled: Sequence[Settled], time_s: float | None, found: Detections
    ) -> Tracks:
        """Starts, ends and reports, as Tracker.update does."""
        hypotheses, config = tracker.state.hypotheses, tracker.config
        if self._one_count:
            hypotheses.skip_ids(max(each.state.hypotheses.table.next_id for each in self.trackers))
        hypotheses.start(found, born_in(settled), tracker.predictor)
        ended = hypotheses.end(config.min_hits, config.max_age)
        return tracker.state.report(time_s, config, ended, found, tracker.class_names)


def _check_numbers(due: Any, count: int) -> None:
    """Raises MambatrackError where ``due`` is not of some of so many trackers."""
    if not isinstance(due, Mapping) or not set(due) <= set(range(count)):
        raise MambatrackError(
            f"due are {shown(due)}; expected (detections, time_s) by the numbers of trackers, from "
            f"0 to {count - 1}, as {{0: (boxes, 0.04)}}"
        )


def _others(trackers: Sequence[Tracker], number: int) -> list[Memory]:
    """The memories of all trackers but this one."""
    memories = [each.state.memory for each in trackers if each is not trackers[number]]
    return [each for each in memories if each is not None]


def _alike(trackers: Mapping[int, Tracker]) -> list[list[int]]:
    """The numbers of trackers whose predictions are one call: those of pictures of one size, where
    they depend on it."""
    numbers: dict[Any, list[int]] = {}
    for number, tracker in trackers.items():
        numbers.setdefault(tracker.predictor.image_size, []).append(number)
    return list(numbers.values())
