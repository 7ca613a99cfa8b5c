"""What changes in a tracker from frame to frame."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.codes import Codes
from mambatrack.appearance.looks import Looks
from mambatrack.appearance.view import View
from mambatrack.assignment import Indices
from mambatrack.association.interface import Association
from mambatrack.association.pairs import check_crowd
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.camera.boxes import BoxCamera
from mambatrack.camera.transforms import CameraMotion, Size, as_motion, scale_of
from mambatrack.config import TrackerConfig
from mambatrack.detection_data import DetectionData
from mambatrack.detections import Detections, within
from mambatrack.errors import MambatrackError, shown
from mambatrack.motion.predictor import Predictor, check_movable, is_movable
from mambatrack.sources.timing import model_frames
from mambatrack.track_table import TrackTable
from mambatrack.tracking.beginning import Beginning
from mambatrack.tracking.caution import SUREST, ShownIds
from mambatrack.tracking.hypotheses import Hypotheses, Settled
from mambatrack.tracking.memory import NOBODY, USUAL_RATE, Memory, Returns
from mambatrack.tracking.pauses import Pauses
from mambatrack.tracks import Tracks

SETTLED = 3  # frames in which a track was seen, so that its prediction means something
NO_TIME = {  # what an array of so many axes is, in place of a time
    1: "; scores and classes are columns of the boxes", 3: "; a picture is given as image=picture",
}  # fmt: skip
LONGEST_SIDE = 10**7  # of a picture, as of the boxes in it
LONGEST_S = 1e30  # a time; a longer one counts as none
SET_BACK_S = 1.0  # a time that is further back is of a clock that was set, not of late frames


@dataclass
class TrackerState:
    """hypotheses: the tracks; frame: updates so far; dropped: unusable detections so far
    clock: the largest time seen, in seconds, None before the first
    behind: seconds by which the clock that times are by was set back since
    camera: how it moved before the newest frame, None where nobody said
    timed: number and time of the first update with a time, since this was made or loaded
    from_boxes: what tells that from boxes, where it is asked to
    ids: under which the tracks are put out
    calibration: what similarities of embeddings are worth, where there are any
    memory: of those who left, None where nothing is kept
    beginning: what is told of detections before the first track
    pauses: what is told of times between updates
    """

    hypotheses: Hypotheses
    frame: int = 0
    dropped: int = 0
    clock: float | None = None
    behind: float = 0.0
    camera: CameraMotion | None = None
    timed: tuple[int, float] | None = None
    from_boxes: BoxCamera = field(default_factory=BoxCamera)
    ids: ShownIds = field(default_factory=ShownIds)
    calibration: Calibration = field(default_factory=Calibration)
    memory: Memory | None = None
    beginning: Beginning = field(default_factory=Beginning)
    pauses: Pauses = field(default_factory=Pauses)

    @staticmethod
    def new(state_size: int, memory_size: int, looks_size: int = 0, **how: bool) -> "TrackerState":
        """No track yet. The sizes are those of the predictor, the association and the looks; how:
        steady and filtered, as of TrackTable."""
        table = TrackTable(state_size, memory_size, looks_size=looks_size, **how)
        return TrackerState(Hypotheses([table], [0.0]))

    def view(self, appearance: Appearance | None, image: Any, found: Detections) -> View | None:
        """The picture to look at; None where there is none, or nobody who does."""
        if appearance is None or image is None or not np.size(image):
            return None
        pictures = None if self.memory is None else self.memory.pictures
        appearance.boxes += len(found)
        return View(appearance, self.calibration, image, found, pictures)

    def admit(self, found: Detections, image_size: tuple[int, int] | None) -> Detections:
        """The detections inside the image; counts every unusable one, and warns once. Raises
        MambatrackError where they are too many, or too many overlap (association/crowds.py)."""
        given = len(found)
        if image_size is not None:
            found = within(found, image_size)
        check_crowd(found.boxes)
        if given and not self.hypotheses.started:
            self.beginning.admit(found, given - len(found), image_size)
        if found.dropped and not self.dropped:
            warnings.warn(
                f"frame {self.frame}: dropped {found.dropped} unusable detections (not finite, of "
                "no size, repeated, or outside the image); later ones are only counted, in "
                "Tracker.dropped",
                stacklevel=3,  # who called Tracker.update()
            )
        self.dropped += found.dropped
        return found

    def span(self, time_s: float | None, config: TrackerConfig) -> int:
        """Frames of the motion model since the last update, from 1 to max_age + 2, by which every
        track has ended."""
        if time_s is None or self.clock is None or not abs(time_s) <= LONGEST_S:
            return 1
        passed = time_s + self.behind - self.clock
        return model_frames(passed, config.frame_rate, config.max_age + 2)

    def advance_clock(self, time_s: float | None, config: TrackerConfig) -> int:
        """-> the span since the last update."""
        span, rate, before = self.span(time_s, config), config.frame_rate, self.clock
        self.pauses.note(span, config)
        if time_s is None or not abs(time_s) <= LONGEST_S:
            if rate and before is not None:
                self.clock = before + 1 / rate
            return span
        self.clock = time_s + self.behind
        if before is not None and self.clock < before:
            was_set, step = self.clock < before - SET_BACK_S, 1 / rate if rate else 0.0
            self.clock = before + step if was_set else before
            self.behind = self.clock - time_s if was_set else self.behind
        if self.timed is None:
            self.timed = self.frame, self.clock
        return span

    def rescale(
        self, before: Size | None, now: Size | None, association: Association, predictor: Predictor
    ) -> None:
        """The pictures have another size from now on: where they have the same shape, the tracks
        have the new scale. A predictor that cannot move leaves them."""
        scale = scale_of(before, now)
        if scale is not None and is_movable(predictor):
            self.hypotheses.move(scale, association, predictor)

    def note_camera(self, camera: CameraMotion | None, predictor: Predictor) -> None:
        """What was said before the prediction, or seen after it. At a cut, motion so far says
        nothing of what comes."""
        self.camera = camera
        if camera is not None and camera.cut:
            self.hypotheses.halt(predictor)

    def follow_camera(
        self,
        found: Detections,
        config: TrackerConfig,
        association: Association,
        predictor: Predictor,
    ) -> None:
        """After the prediction: the tracks move with the picture, as was said or, where that is
        asked for and nothing is known, as the detections ``found`` say."""
        known = self.camera is not None and self.camera.certainty > 0
        if config.camera in ("auto", "boxes") and not known:
            self.note_camera(self._seen_in(found, config.match_score), predictor)
        self.move_along(association, predictor)

    def move_along(self, association: Association, predictor: Predictor) -> None:
        """The tracks move with the picture, as was said or seen."""
        if self.camera is not None and not self.camera.stands:
            self.hypotheses.move(self.camera.transform, association, predictor)

    def _seen_in(self, found: Detections, score: float) -> CameraMotion:
        """How the camera moved, by the tracks that were seen in the last update and detections of
        this score."""
        table = self.hypotheses.table
        seen = (table.missed == 0) & (table["hits"] >= SETTLED)
        boxes = xyxy_to_cxcywh(found.boxes[found.scores >= score])
        return self.from_boxes(table["boxes"][seen], table["spread"][seen], boxes)

    def cut_tracks(self, best: Settled, config: TrackerConfig, association: Association) -> None:
        """After the association: where ``best``, the likeliest hypothesis, is not as sure as the
        setting caution asks for, tracks go on under new ids."""
        if config.caution > 0:
            least = config.caution * SUREST / association.odds_per_score
            self.ids.cut(self.hypotheses, best, least)

    def report(
        self,
        time_s: float | None,
        config: TrackerConfig,
        ended: Indices,
        found: Detections,
        class_names: tuple[str, ...] = (),
    ) -> Tracks:
        """put_out() of the frame; the next one begins."""
        self.frame += 1
        return self.put_out(time_s, config, ended, found, class_names)

    def put_out(
        self,
        time_s: float | None,
        config: TrackerConfig,
        ended: Indices,
        found: Detections,
        class_names: tuple[str, ...],
    ) -> Tracks:
        """The live tracks of the likeliest hypothesis, with what came with the detections
        ``found`` of the frame before the one that has begun."""
        frame = self.frame - 1
        if not self.hypotheses.started and len(found):
            self.beginning.no_track(found, config)
        again = self._known_again(frame, config)
        if config.caution > 0:
            self.ids.cut_leapt(self.hypotheses)
        table = self.hypotheses.table
        tracks = table.snapshot(
            frame, time_s, config.min_hits, ended, camera=self.camera,
            data=data_of(found, table["det_ind"]), frame_rate=self.frame_rate(config),
            class_names=class_names or found.class_names,
        )  # fmt: skip
        tracks = self.ids.applied(tracks)
        return tracks if self.memory is None else self.memory.applied(tracks, again)

    def _known_again(self, frame: int, config: TrackerConfig) -> Returns:
        """What the memory says; those hidden tracks that go on as others are dropped."""
        if self.memory is None:
            return NOBODY
        rate = self.frame_rate(config) or USUAL_RATE
        now_s = frame / rate if self.clock is None else self.clock
        again = self.memory.update(self.hypotheses.table, self.calibration, now_s, rate)
        self.hypotheses.drop(again.over)
        return again

    def codes(self) -> Codes:
        """What the live tracks look like that were looked at; none without an embedder."""
        table = self.hypotheses.table
        if "looks" not in table:
            return Codes(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), np.zeros(0, np.int64))
        looks = Looks(table)
        (rows,) = looks.counts.nonzero()
        ids = self.shown(table["ids"][rows])
        return Codes(ids, looks.means[rows], looks.counts[rows].astype(np.int64))

    def shown(self, ids: Indices) -> Indices:
        """Ids of the table -> those under which the tracks are put out."""
        ids = self.ids.shown(ids)
        return ids if self.memory is None else self.memory.shown(ids)

    def frame_rate(self, config: TrackerConfig) -> float | None:
        """Frames of the motion model per second: as configured, else as the times of the updates
        have it since the first of them; None where it is not known."""
        if config.frame_rate:
            return config.frame_rate
        if self.timed is None or self.clock is None or self.clock <= self.timed[1]:
            return None
        return (self.frame - 1 - self.timed[0]) / (self.clock - self.timed[1])


def checked_camera(given: Any, config: TrackerConfig, predictor: Predictor) -> CameraMotion | None:
    """How the camera moved, as Tracker.update takes it. Raises MambatrackError for a transform that
    cannot be used, and where tracks should move whose predictor cannot."""
    motion = as_motion(given)
    if motion is not None or config.camera in ("auto", "boxes"):
        check_movable(predictor)
    return motion


def data_of(found: Detections, det_ind: Indices) -> Mapping[str, Any]:
    """What came with the detections ``found`` of a frame, for its tracks; det_ind as of Tracks."""
    if not isinstance(found.data, DetectionData):
        return {}
    return found.data.of_tracks(found.rows, det_ind)


def checked_time(time_s: Any) -> float | None:
    """The time stamp of a frame; raises MambatrackError for what is no number of seconds."""
    if time_s is None or type(time_s) is float:
        return time_s
    try:
        if isinstance(time_s, str | bytes | np.datetime64 | np.timedelta64):
            raise TypeError
        return float(time_s)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        instead = NO_TIME.get(getattr(time_s, "ndim", 0), "")
        raise MambatrackError(
            f"time_s is {shown(time_s)}; expected seconds as a number, as time.time() or a "
            f"datetime's timestamp() give them, or None{instead}"
        ) from None


def checked_size(image_size: Any) -> tuple[int, int] | None:
    """(width, height) in pixels, None where there is none. Raises MambatrackError for anything
    else."""
    if image_size is None:
        return None
    try:
        width, height = (int(side) for side in image_size)
    except (TypeError, ValueError, OverflowError):
        width = height = 0
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise MambatrackError(
            f"image_size is {shown(image_size)}; expected (width, height) in pixels, both positive "
            f"and at most {LONGEST_SIDE}, as image.shape[1::-1]"
        )
    return width, height
