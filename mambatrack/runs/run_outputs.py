"""What becomes of the tracks of each frame of a run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.codes import Codes, TrackCode
from mambatrack.appearance.embedder import Floats
from mambatrack.errors import MambatrackError
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.outputs.lines import jsonl_embedding
from mambatrack.outputs.text import TrackWriter
from mambatrack.runs.output_files import OutputFiles, text_writers
from mambatrack.settings import CountingConfig
from mambatrack.sources.frames import Frame
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks

if TYPE_CHECKING:
    from mambatrack.counting.output import CountingOutput
    from mambatrack.gaps.revisions import Reviser, Revision


KEPT = 4096  # frames whose numbers are remembered for revisions


Known = Callable[[], tuple[Codes, Calibration]]


def text_outputs(
    files: OutputFiles, names: Sequence[str], stack: ExitStack, tracker: Tracker,
    known: Known | None = None,
) -> "list[Output]":  # fmt: skip
    """The text files as outputs, closed by the stack; names: of classes; known: what the tracks of
    an offline run look like, once it is done. Raises MambatrackError where embeddings are asked for
    and the tracker has no embedder."""
    writers = [stack.enter_context(each) for each in text_writers(files, names)]
    outputs: list[Output] = [TextOutput(each) for each in writers]
    if files.jsonl is not None and files.revise:
        from mambatrack.gaps.revisions import Reviser

        outputs[-1] = stack.enter_context(closing(RevisedOutput(writers[-1], Reviser())))
    if files.embeddings:
        codes = (
            EmbeddingOutput(writers[-1], tracker)
            if known is None
            else OfflineEmbeddingOutput(writers[-1], tracker, known)
        )
        outputs.append(stack.enter_context(closing(codes)))
    return outputs


def open_counting(
    config: CountingConfig, files: OutputFiles, names: Sequence[str], size: tuple[int, int] | None,
    stack: ExitStack,
) -> "CountingOutput | None":  # fmt: skip
    """What counts at the configured lines and zones, closed by the stack; None where there is
    nothing to count."""
    if not (config.lines or config.zones or files.heat_map):
        return None
    from mambatrack.counting import output
    from mambatrack.counting.places import parse_places

    places = parse_places(config.lines, config.zones)
    counting = output.open_counting(
        places, names, config.anchor, config.margin, size,
        files.events, files.heat_map, files.overwrite,
    )  # fmt: skip
    return None if counting is None else stack.enter_context(closing(counting))


class Output(Protocol):
    """Where tracks go, frame by frame."""

    def write(self, frame: Frame, tracks: Tracks) -> None: ...


class Picture(Protocol):
    """Where pictures go, each with the time of its frame: a video file or a window."""

    def write(self, image: Any, time_s: float) -> None: ...


class TextOutput:
    """Tracks into a text file."""

    def __init__(self, writer: TrackWriter):
        self._writer = writer

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._writer.write(tracks)


class RevisedOutput:
    """Tracks into JSON Lines, and a line for each gap, filled from both of its ends, when its track
    was found again (revisions.py). A gap of more than KEPT frames is left out."""

    def __init__(self, writer: TrackWriter, reviser: "Reviser"):
        self._writer, self._reviser = writer, reviser
        self._frames: dict[int, int] = {}  # number in the file by count, of the newest
        self._count = 0  # frames that were passed over are no gap

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._writer.write(tracks)
        self._frames[self._count] = tracks.frame
        self._frames.pop(self._count - KEPT, None)
        self._note(self._reviser.update(replace(tracks, frame=self._count)))
        self._count += 1

    def close(self) -> None:
        """Writes the revisions that were waited for; before the writer is closed."""
        self._note(self._reviser.finish())

    def _note(self, revisions: Iterable["Revision"]) -> None:
        from mambatrack.outputs.lines import jsonl_revision

        for revision in revisions:
            if revision.frames[0] in self._frames:
                frames = np.array([self._frames[count] for count in revision.frames.tolist()])
                self._writer.note(jsonl_revision(replace(revision, frames=frames)))


class EmbeddingOutput:
    """A line of JSON Lines for each track of ``tracker`` that has ended, of what it looked like."""

    def __init__(self, writer: TrackWriter, tracker: Tracker):
        self._writer, self._tracker, self._embedder = writer, tracker, _embedder_of(tracker)
        self._codes, self._frame = tracker.state.codes(), 0  # of the newest frame

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._note(np.isin(self._codes.ids, tracks.ended))
        self._codes, self._frame = self._tracker.state.codes(), tracks.frame

    def close(self) -> None:
        """Writes those of the tracks that are alive; before the writer is closed."""
        self._note(np.ones(len(self._codes.ids), bool))

    def _note(self, over: NDArray[np.bool_]) -> None:
        calibration = self._tracker.state.calibration
        for identity, vector, looks in _rows(self._codes, over):
            code = TrackCode(identity, self._frame, self._embedder, looks, vector, calibration)
            self._writer.note(jsonl_embedding(code))


class OfflineEmbeddingOutput:
    """The same of a sequence that is tracked offline: a line for each id, at the end of the file.

    known: what the tracks look like, asked once all are written
    """

    def __init__(self, writer: TrackWriter, tracker: Tracker, known: Known):
        self._writer, self._known, self._embedder = writer, known, _embedder_of(tracker)
        self._last: dict[int, int] = {}  # frame of each id

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._last |= dict.fromkeys(tracks.ids.tolist(), tracks.frame)

    def close(self) -> None:
        """Writes the lines; before the writer is closed. A run that was stopped before its tracks
        were decided has none."""
        if not self._last:
            return
        codes, calibration = self._known()
        for identity, vector, looks in _rows(codes, np.isin(codes.ids, list(self._last))):
            last = self._last[identity]
            code = TrackCode(identity, last, self._embedder, looks, vector, calibration)
            self._writer.note(jsonl_embedding(code))


def _embedder_of(tracker: Tracker) -> str:
    if tracker.appearance is None:
        raise MambatrackError(
            "--embeddings writes what an embedder makes of the pictures, and there is none; "
            "name one as --appearance (appearance.embedder)"
        )
    return tracker.appearance.embedder.name


def _rows(codes: Codes, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, Floats, int]]:
    """id, vector and looks of each."""
    for row in chosen.nonzero()[0].tolist():
        identity, vector, looks = (column[row] for column in codes)
        yield int(identity), vector, int(looks)


def no_overlay(image: Any) -> None:
    """Draws nothing."""


def no_forecast() -> None:
    """Where none is drawn."""


class PictureOutput:
    """Tracks drawn into the frame, once for all places that show it.

    ahead: called for the forecast to draw, None for none
    overlay: draws into the picture last, where the layer zones is asked for
    """

    def __init__(
        self, places: Sequence[Picture], painter: Painter,
        ahead: Callable[[], Forecast | None] = no_forecast,
        overlay: Callable[[Any], None] = no_overlay,
    ):  # fmt: skip
        self._places, self._painter, self._ahead = places, painter, ahead
        self._overlay = overlay if "zones" in painter.config.layers else no_overlay

    def write(self, frame: Frame, tracks: Tracks) -> None:
        image = self._painter.draw(frame.image, tracks, self._ahead(), in_place=True)
        self._overlay(image)
        for place in self._places:
            place.write(image, frame.time_s)
