"""The outputs of ``mambatrack live``: files, windows and counters of each source."""

from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

from mambatrack.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from mambatrack.counting.counter import Counter
    from mambatrack.counting.output import CountingOutput
    from mambatrack.live.session import LiveSession
    from mambatrack.outputs.drawing.painter import Painter
    from mambatrack.outputs.screen import Window
    from mambatrack.runs.output_files import OutputFiles
    from mambatrack.runs.run_outputs import Output, Picture


def open_outputs(
    session: "LiveSession", files: "list[OutputFiles]", config: Config, lag: int, show: bool,
    stack: ExitStack,
) -> "tuple[list[Window], list[Counter]]":  # fmt: skip
    """Gives the session its outputs and what counts; the stack closes them after it. Returns the
    windows, and the counters of lines and zones."""
    from mambatrack.live.outputs import SourceOutputs
    from mambatrack.outputs.drawing.painter import Painter
    from mambatrack.runs.run_outputs import open_counting

    outputs, windows, counters = [], [], []
    for number, own in enumerate(files):
        counting = open_counting(config.counting, own, session.detectors[number].names, None, stack)
        window = _open_window(session, number) if show else None
        if window is not None:
            windows.append(stack.enter_context(closing(window)))
        painter = partial(Painter, config.drawing, session.detectors[number].names)
        outputs.append(_outputs_of(session, number, own, lag, window, counting, painter, stack))
        session.counting[number] = counting
        counters += [] if counting is None else [counting.counter]
    session.observers.append(SourceOutputs(outputs))
    return windows, counters


def _outputs_of(
    session: "LiveSession", number: int, files: "OutputFiles", lag: int, window: "Window | None",
    counting: "CountingOutput | None", painter: "Callable[[], Painter]", stack: ExitStack,
) -> "list[Output]":  # fmt: skip
    from mambatrack.live.outputs import Delayed, LiveVideo, OnACopy
    from mambatrack.runs.run_outputs import PictureOutput, no_overlay, text_outputs

    source, names = session.sources[number], session.detectors[number].names
    overlay = no_overlay if counting is None else counting.draw
    texts = text_outputs(files, names, stack, session.group.trackers[number])
    places: list[Picture] = [] if window is None else [window]
    delayed_places: list[Picture] = []
    if files.video is not None:
        video = LiveVideo(files.video, lambda: source.fps, files.overwrite)
        stack.enter_context(closing(video))
        (delayed_places if lag else places).append(video)

    outputs: list[Output] = []
    if places:
        ahead = partial(session.forecasts.__getitem__, number)
        outputs.append(OnACopy(PictureOutput(places, painter(), ahead, overlay)))
    if not lag:
        return outputs + texts
    if delayed_places:
        texts.append(OnACopy(PictureOutput(delayed_places, painter(), overlay=overlay)))
    from mambatrack.gaps.revisions import DelayedTracks

    late = Delayed(texts, DelayedTracks(lag), bool(delayed_places))
    return [*outputs, stack.enter_context(closing(late))]


def _open_window(session: "LiveSession", number: int) -> "Window":
    from mambatrack.outputs.screen import Window

    def toggle() -> None:
        session.paused = not session.paused

    return Window(f"mambatrack: {session.sources[number].name}", toggle)
