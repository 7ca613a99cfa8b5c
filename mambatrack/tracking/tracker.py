"""The online tracker: predict, associate, observe, start, end; once per frame."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mambatrack.appearance.appearance import Measure, open_appearance, unmeasured
from mambatrack.appearance.embedder import Embedder
from mambatrack.appearance.gallery import Gallery
from mambatrack.appearance.looks import looks_size
from mambatrack.assignment import Indices
from mambatrack.association.interface import Association, checked_association
from mambatrack.association.loading import load_association
from mambatrack.box_filter import BoxFilter
from mambatrack.class_names import names_by_number
from mambatrack.config import Config, TrackerConfig, tracker_settings
from mambatrack.detections import Detections, as_detections, as_given
from mambatrack.errors import MambatrackError
from mambatrack.motion.device_predictor import note_owner
from mambatrack.motion.forecast import Forecast, run_ahead
from mambatrack.motion.loading import configured_predictor
from mambatrack.motion.predictor import Predictor, State, checked_predictor
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.hypotheses import born_in
from mambatrack.tracking.leaps import reach_of
from mambatrack.tracking.memory import Others
from mambatrack.tracking.memory_checks import checked_memory
from mambatrack.tracking.memory_place import MemoryPlace
from mambatrack.tracking.saved_columns import Keepers
from mambatrack.tracking.saved_state import StateDict, layout_of, packed, unpacked, weights_of
from mambatrack.tracking.state_file import StateFile
from mambatrack.tracking.steps import associate_together, observe_together, predict_together
from mambatrack.tracking.tracker_state import (
    TrackerState,
    checked_camera,
    checked_size,
    checked_time,
)
from mambatrack.tracking.turn import Turn
from mambatrack.tracking.usual_frames import Given, usual_frames
from mambatrack.tracking.whole_frame import Predicting, whole_frame
from mambatrack.tracks import Tracks


class Tracker:
    """Online multi-object tracking from boxes (MambaTrack, ACM MM 2024, section 3).

    config: a Config or TrackerConfig; every default is in config.py
    image_size: (width, height) in pixels; detections wholly outside are dropped. None: no check
    predictor, association: a motion model (motion/predictor.py), and who is seen where
        (association/interface.py), of your own in place of those configured; a text is the
        setting of this name
    class_names: of the classes by number, which Tracks then know: a detector's ``names``
    embedder: looks at the pictures that update() gets, as a further cue of who is who
        (embedders/loading.py: open_embedder("colour")); for an association with log-odds
    memory: for how long and of how many those who left are known again, by the embedder; None, or
        one of 0 seconds: nothing is kept
    settings: further ones by name, over those of ``config``, as Tracker(max_age=30). Raises
        MambatrackError, with the nearest name, for one that does not exist

    An instance owns its ids and its state: two trackers never influence each other. One tracker is
    for one thread: an update() while another one runs raises MambatrackError, and nothing else may
    be called then either.

    turn: held while an update runs
    measure: measure("predict") is held in every frame while all tracks are predicted, to time it
    whole, usual: take usual frames in one call of the C library (tracking/whole_frame.py), or in
        few (tracking/usual_frames.py), where it knows the predictor and the association
    by_step: each frame is taken step by step, with the same result
    state: what changes from frame to frame, the tables of tracks included

    Time. With ``tracker.frame_rate`` 0 each update is one frame of the motion model. Else the time
    since the last update counts as that many frames, at least one. Nobody looked at a frame between
    two updates: the motion model is patched through it, lost tracks age and end, tentative ones do
    not. No fraction is carried on: a steady source has steady steps. A time that stands still or
    goes back is one frame, and the clock waits at the largest time seen, or goes on from there
    where time goes back by more than a second; an update without a time, or with one that is not
    finite, is one frame. After a pause of more than ``max_age`` frames no track is left.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        image_size: tuple[int, int] | None = None,
        predictor: Predictor | str | None = None,
        association: Association | str | None = None,
        class_names: Sequence[str] | Mapping[int, str] = (),
        embedder: Embedder | None = None,
        memory: MemoryConfig | None = None,
        **settings: Any,
    ):
        if isinstance(predictor, str):
            settings["predictor"], predictor = predictor, None
        if isinstance(association, str):
            settings["association"], association = association, None
        self.config = tracker_settings(config, settings)
        self._image_size = checked_size(image_size)
        self.class_names = names_by_number(class_names)
        self.predictor = checked_predictor(
            predictor or configured_predictor(self.config, self._image_size)
        )
        self.association = checked_association(association or load_association(self.config))
        self.appearance = open_appearance(embedder, self.association)
        kept = checked_memory(memory, self.config, self.appearance)
        self._place = MemoryPlace(kept, 0 if embedder is None else embedder.size)
        self.by_step = False
        self.whole = whole_frame(self.association, self.predictor, self.appearance, self.config)
        self.usual = usual_frames(self.association, kept, self.config)
        self.measure: Measure = unmeasured
        self.turn = Turn()
        parts = {"predictor": self.predictor, "association": self.association}
        self._layout = {name: layout_of(part) for name, part in parts.items()}
        if embedder is not None:
            self._layout["embedder"] = f"{embedder.name} of {embedder.size} numbers"
        self.reset()
        note_owner(self.predictor, self)

    def __repr__(self) -> str:
        size = "any size" if self.image_size is None else "{}x{}".format(*self.image_size)
        parts = f"{type(self.predictor).__name__}, {type(self.association).__name__}, {size}"
        live = len(self.state.hypotheses.table["ids"])
        return f"<Tracker {parts}: {self.frame} frames, {live} tracks, {self.started} started>"

    def update(
        self,
        detections: Any = None,
        time_s: float | None = None,
        camera: Any = None,
        data: Mapping[str, Any] | None = None,
        image: Any = None,
    ) -> Tracks:
        """Advances one frame; call it for every frame, also where nothing was detected.

        detections: Detections, or rows (N, 4..6) of x1 y1 x2 y2 [score [class]], or None
        time_s: time stamp of the frame in seconds, passed through to the result; see above
        camera: what maps points of the previous frame to this one, [2, 3] or [3, 3] in pixels, or a
            CameraMotion (camera/transforms.py); None where the camera stands, or the setting
            camera has it found out from the boxes
        data: what comes with the N detections, by name, and comes back in Tracks.data: N masks,
            key points, embeddings, as arrays, tensors or lists
        image: the picture [H, W, 3] BGR uint8, for the embedder, if there is one
        Returns all live tracks; ``state`` tells those seen now from those only predicted. Raises
        MambatrackError for detections or a transform that cannot be used, and while another update
        runs; the tracker is then as it was.
        """
        with self.turn:
            state, config, time_s = self.state, self.config, checked_time(time_s)
            given = as_given(detections, data)
            camera = checked_camera(camera, config, self.predictor)
            tracks = self.in_few_calls((given, time_s, camera, image))
            if tracks is not None:
                return tracks
            hypotheses = state.hypotheses
            found = state.admit(as_detections(given), self.image_size)
            span = state.advance_clock(time_s, config)
            hypotheses.end_unseen(span - 1, config.max_age)
            state.note_camera(camera, self.predictor)
            with self.measure("predict"):
                predict_together(self.predictor, [(hypotheses, span)])
                state.follow_camera(found, config, self.association, self.predictor)
            hypotheses.start(found, self._settle(found, image), self.predictor)
            ended = hypotheses.end(config.min_hits, config.max_age)
            return state.report(time_s, config, ended, found, self.class_names)

    def _settle(self, found: Detections, image: Any) -> list[Indices]:
        """Who is seen where; the matched tracks are moved there. -> the detections [.] that start
        tracks, of each hypothesis."""
        state, config = self.state, self.config
        due, view = (state.hypotheses, found), state.view(self.appearance, image, found)
        (settled,) = associate_together(self.association, [due], config.hypotheses, [view])
        state.cut_tracks(settled[0], config, self.association)
        observe_together(self.association, self.predictor, settled)
        return born_in(settled)

    def in_few_calls(self, given: Given) -> Tracks | None:
        """update() where ``whole`` or ``usual`` takes the frame; None, and nothing has changed,
        where it does not."""
        if self.by_step or not self.started:
            return None
        if self.usual is None:
            return self.in_one_call(*given[:2]) if given[2] is None else None
        begun = self.usual.begin({0: self}, {0: given})
        return begun.run(self._predicting())[0] if begun.due else None

    def _predicting(self) -> Predicting | None:
        """Held while tracks are predicted in one of few calls, where that is measured."""
        return None if self.measure is unmeasured else self.measure("predict")

    def in_one_call(self, found: NDArray | Detections, time_s: float | None) -> Tracks | None:
        """The same of ``whole``."""
        whole = self.whole
        if whole is None or not whole.takes(self.state, found, self._image_size):
            return None
        given = found, time_s, self._image_size, self.class_names
        return whole.update(self.state, *given, self._predicting())

    def reset(self) -> None:
        """Forgets every track: the next frame is frame 0 and the next id is 1."""
        self._place.forget()
        appearance = self.appearance
        size = 0 if appearance is None else looks_size(appearance.embedder.size)
        sizes = self.predictor.state_size, self.association.memory_size, size
        how = {"steady": self.config.steady, "filtered": not isinstance(self.predictor, BoxFilter)}
        self.state = TrackerState.new(*sizes, **how)
        self.state.hypotheses.reach = reach_of(self.config, self.association)
        if appearance is not None:
            self.state.calibration = appearance.calibration()
            self.state.memory = self._place.memory()

    def share_memory(self, gallery: Gallery, source: int, others: Others) -> None:
        """Knows people again by a gallery that several trackers have, of which this one is number
        ``source``; forgets every track. others: gives the memories of the others."""
        self._place.share(gallery, source, others)
        self.reset()

    def motion_states(self) -> list[State]:
        """The predictor's state of all tracks of all hypotheses."""
        return [table["motion"] for table in self.state.hypotheses.tables]

    def forecast(self, horizon: int = 30) -> Forecast:
        """The next ``horizon`` frames of all live tracks, as the motion model sees them now: one
        batched call per frame. Changes nothing."""
        table = self.state.hypotheses.table
        ids = self.state.shown(table["ids"])
        order = ids.argsort()
        motion = table["motion"][order]
        return run_ahead(self.predictor, motion, horizon, ids[order], self.frame - 1)

    def state_dict(self) -> StateDict:
        """Everything that later updates depend on, but for the settings: arrays, numbers and text,
        copied. A tracker that loads it goes on exactly as this one would."""
        return packed(self.state, {**self._layout, **self.weights}, self.predictor)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state_dict(), of a tracker of the same predictor, association and weights.
        Raises MambatrackError, and changes nothing, where the state does not fit or is damaged."""
        origin, table = {**self._layout, **self.weights}, self.state.hypotheses.table
        keepers: Keepers = {"motion": self.predictor, "memory": self.association}
        most, memory = self.config.hypotheses, self._place.memory()
        self.state = unpacked(state, origin, table, most, keepers, memory)
        self.state.hypotheses.reach = reach_of(self.config, self.association)
        if self.appearance is not None:
            self.state.calibration.prior = self.appearance.calibration().prior

    def save(self, path: str | Path) -> None:
        """Writes the state into a file, in one step; one that was there stays beside it as
        NAME.bak. Settings and weights are not in it. Raises MambatrackError where the file cannot
        be written."""
        StateFile(path).save({"tracker": self.state_dict()})

    def load(self, path: str | Path) -> None:
        """Goes on from a file that save() wrote, or ``mambatrack live`` for one source; as
        load_state_dict(). Raises MambatrackError where there is none, too."""
        states = StateFile(path).load()
        if len(states) != 1:
            found = f"holds the states of {len(states)} sources" if states else "is not there"
            raise MambatrackError(f"{path} {found}; expected a file with the state of one tracker")
        self.load_state_dict(*states.values())

    @cached_property
    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights in use, by what they are of."""
        return weights_of(self.config)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(width, height) of the pictures in pixels. It may change from frame to frame: where its
        shape stays, the view is taken for the same, and tracks go on at its scale."""
        return self._image_size

    @image_size.setter
    def image_size(self, image_size: tuple[int, int] | None) -> None:
        if image_size != self._image_size:
            before, self._image_size = self._image_size, checked_size(image_size)
            if self.predictor.image_size is not None and self._image_size is not None:
                self.predictor.image_size = self._image_size
            self.state.rescale(before, self._image_size, self.association, self.predictor)

    @property
    def frame(self) -> int:
        """Updates so far."""
        return self.state.frame

    @property
    def dropped(self) -> int:
        """Unusable detections so far."""
        return self.state.dropped

    @property
    def started(self) -> int:
        """Tracks that were put out so far. Ids of hypotheses that never were leave holes."""
        return self.state.hypotheses.started

    @property
    def clock(self) -> float | None:
        """Largest time seen, in seconds; None before the first."""
        return self.state.clock
