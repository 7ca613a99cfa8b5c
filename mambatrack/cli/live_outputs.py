"""The outputs of ``mambatrack live``: files, windows and counters of each source."""

import argparse
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.named_files import DatedFile
from mambatrack.cli.output_files import check_files, files_of
from mambatrack.config import Config
from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mambatrack.counting.counter import Counter
    from mambatrack.counting.output import CountingOutput
    from mambatrack.live.renewal import Renewal
    from mambatrack.live.session import LiveSession
    from mambatrack.outputs.drawing.painter import Painter
    from mambatrack.outputs.screen import Window
    from mambatrack.runs.output_files import OutputFiles
    from mambatrack.runs.run_outputs import Output, Picture


RENEWED = "output", "mot", "jsonl", "csv"


def open_renewal(options: argparse.Namespace) -> "tuple[Renewal, list[Path]]":
    """The files of each source, checked, and a list of all that there were so far. Raises
    MambatrackError where files that are renewed would keep their name."""
    from mambatrack.live.renewal import Renewal

    paths: list[Path] = []

    def checked(given: argparse.Namespace) -> "list[OutputFiles]":
        files = [_of_source(given, number) for number in range(len(options.sources))]
        paths.extend(path for each in files for path in check_files(each))
        return files

    def renamed() -> "list[OutputFiles]":
        new = {name: DatedFile(each.pattern) for name, each in written.items()}
        return checked(argparse.Namespace(**{**vars(options), **new}))

    written = {name: each for name in RENEWED if (each := getattr(options, name)) is not None}
    for name, each in written.items():
        if options.renew and each.pattern == each:
            raise MambatrackError(
                f"--renew: {each} of --{name} would be written over; put the time into its name, "
                f"as {Path(each).stem}-%Y%m%d-%H%M{Path(each).suffix}"
            )
    return Renewal(checked(options), options.renew, renamed), paths


def _of_source(options: argparse.Namespace, number: int) -> "OutputFiles":
    """The files of source ``number``."""
    from mambatrack.runs.output_files import numbered

    files, count = files_of(options), len(options.sources)
    return replace(
        files,
        mot=numbered(files.mot, number, count),
        csv=numbered(files.csv, number, count),
        events=numbered(files.events, number, count),
        heat_map=numbered(files.heat_map, number, count),
        jsonl=numbered(files.jsonl, number, count),
        video=numbered(files.video, number, count),
    )


def open_outputs(
    session: "LiveSession", renewal: "Renewal", config: Config, lag: int, show: bool,
    stack: ExitStack,
) -> "tuple[list[Window], list[Counter]]":  # fmt: skip
    """Gives the session its outputs and what counts; the stack closes them after it. Returns the
    windows, and the counters of lines and zones."""
    from mambatrack.live.outputs import SourceOutputs
    from mambatrack.outputs.drawing.painter import Painter
    from mambatrack.runs.run_outputs import open_counting

    outputs, windows, counters = [], [], []
    for number, own in enumerate(renewal.files):
        counting = open_counting(config.counting, own, session.detectors[number].names, None, stack)
        window = _open_window(session, number) if show else None
        if window is not None:
            windows.append(stack.enter_context(closing(window)))
        painter = partial(Painter, config.drawing, session.detectors[number].names)
        outputs.append(_outputs_of(session, number, renewal, lag, window, counting, painter, stack))
        session.counting[number] = counting
        counters += [] if counting is None else [counting.counter]
    session.observers.append(SourceOutputs(outputs))
    return windows, counters


def _outputs_of(
    session: "LiveSession", number: int, renewal: "Renewal", lag: int, window: "Window | None",
    counting: "CountingOutput | None", painter: "Callable[[], Painter]", stack: ExitStack,
) -> "list[Output]":  # fmt: skip
    """A window, and files that are opened again after a renewal."""
    from mambatrack.live.outputs import Delayed, LiveVideo, OnACopy
    from mambatrack.live.renewal import RenewedOutputs
    from mambatrack.runs.run_outputs import PictureOutput, no_forecast, no_overlay, text_outputs

    source, names = session.sources[number], session.detectors[number].names
    overlay = no_overlay if counting is None else counting.draw
    ahead = partial(session.forecasts.__getitem__, number)

    def drawn(place: "Picture", now: bool) -> "Output":
        forecast = ahead if now else no_forecast
        return OnACopy(PictureOutput([place], painter(), forecast, overlay))

    def opened(files: "OutputFiles", stack: ExitStack) -> "list[Output]":
        outputs = text_outputs(files, names, stack, session.group.trackers[number])
        if files.video is not None:
            video = LiveVideo(files.video, lambda: source.fps, files.overwrite)
            outputs.append(drawn(stack.enter_context(closing(video)), now=not lag))
        if not lag or not outputs:
            return outputs
        from mambatrack.gaps.revisions import DelayedTracks

        late = Delayed(outputs, DelayedTracks(lag), files.video is not None)
        return [stack.enter_context(closing(late))]

    written = stack.enter_context(closing(RenewedOutputs(renewal, number, opened)))
    return [written] if window is None else [drawn(window, now=True), written]


def _open_window(session: "LiveSession", number: int) -> "Window":
    from mambatrack.outputs.screen import Window

    def toggle() -> None:
        session.paused = not session.paused

    return Window(f"mambatrack: {session.sources[number].name}", toggle)
