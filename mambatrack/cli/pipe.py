"""``detector | mambatrack track - | viewer``: a line of boxes in, a line of tracks out, at once."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np

from mambatrack.cli.arguments import whole
from mambatrack.cli.effects import BOXES, without
from mambatrack.cli.output_files import check_files, files_of
from mambatrack.cli.shared import INTERRUPTED, OK
from mambatrack.cli.signals import Interruption
from mambatrack.config import Config, DetectorConfig
from mambatrack.csv_text import csv_text
from mambatrack.detectors.classes import chosen_labels, is_named, wants_all
from mambatrack.errors import MambatrackError, counted
from mambatrack.outputs.lines import (
    CSV_COLUMNS,
    csv_rows,
    jsonl_frame,
    jsonl_header,
    jsonl_line,
    mot_rows,
)
from mambatrack.outputs.text import OutputFile, TrackWriter
from mambatrack.runs.output_files import OutputFiles, text_writers
from mambatrack.sources.box_stream import (
    FORMATS,
    MAX_MISSING,
    BoxFrame,
    BoxStream,
    fill_missing,
    open_stream,
    parse_size,
)
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks


def track_stream(
    frames: Iterable[BoxFrame], tracker: Tracker, writers: Iterable[TrackWriter]
) -> Iterator[int]:
    """Tracks to the end of the stream; yields the frames done, after each one is written."""
    writers = list(writers)
    for done, frame in enumerate(frames, start=1):
        tracks = tracker.update(frame.detections, frame.time_s)
        tracks = replace(tracks, frame=frame.index)
        for writer in writers:
            writer.write(tracks)
        yield done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``track -`` beyond those of ``track``."""
    add = partial(parser.add_argument, needs=(BOXES,))
    add("--format", choices=FORMATS, help="of the boxes from - (default: by the first line)")
    add("--emit", choices=(*FORMATS, "none"), help="of tracks on standard output, with - "
        "(default: as the boxes; none with --mot, --jsonl, --csv)")  # fmt: skip
    add("--size", metavar="WxH", help="of the picture that boxes from - are in, in pixels")
    add("--max-missing", type=whole(0), default=MAX_MISSING, metavar="N",
        help=f"frames that may be left out in one place of - ({MAX_MISSING})")  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Refuses predicted boxes where no MOT text is written."""
    if options.mot_predicted and options.emit in ("jsonl", "csv", "none") and not options.mot:
        options.parser.error(without("--mot-predicted", ["--mot", "--emit mot"]))


def run(options: argparse.Namespace, config: Config) -> int:
    """``track -``: boxes on standard input, tracks on standard output or in files."""
    from mambatrack.runs.cameras import refuse_told
    from mambatrack.runs.source_run import refuse_appearance, refuse_offline

    refuse_offline(config, "standard input")
    refuse_appearance(config, "standard input has none")
    refuse_told(config.tracker.camera, "standard input")
    files = files_of(options)
    check_files(files)
    size = parse_size(options.size) if options.size else None
    done = 0
    with Interruption() as interruption, ExitStack() as stack:
        with interruption.at_once():
            stream = open_stream(sys.stdin.buffer, options.format)
        tracker = Tracker(config, image_size=size or stream.header.size)
        writers = [stack.enter_context(each) for each in _writers(options, files, stream)]
        frames = fill_missing(_wanted(stream, config.detector), options.max_missing)
        for count in track_stream(interruption.until(frames), tracker, writers):
            done = count
    if not options.quiet:
        unusable = f", {counted(tracker.dropped, 'unusable detection')}" if tracker.dropped else ""
        found = f"{counted(done, 'frame')}, {counted(tracker.started, 'track')}"
        print(found + unusable, file=sys.stderr)
    return INTERRUPTED if interruption else OK


class StandardOutput(OutputFile):
    """Standard output, unbuffered: what went down a pipe cannot be taken back, and a file behind it
    may hold more than ours. A reader that has left is a BrokenPipeError."""

    def __init__(self) -> None:
        super().__init__(io.FileIO(os.dup(sys.stdout.fileno()), "wb"), "standard output")

    def append(self, text: str) -> None:
        try:
            super().append(text)
        except MambatrackError as error:
            if isinstance(error.__cause__, BrokenPipeError):
                raise error.__cause__ from None
            raise

    def _take_back(self) -> None:
        pass


def _writers(
    options: argparse.Namespace, files: OutputFiles, stream: BoxStream
) -> Iterator[TrackWriter]:
    """Of the files, and of standard output."""
    names = stream.names
    yield from text_writers(files, names)
    in_files = files.mot or files.jsonl or files.csv
    emit = options.emit or ("none" if in_files else stream.format)
    if emit == "mot":
        yield TrackWriter(StandardOutput(), _mot_rows(options.mot_predicted))
    elif emit == "csv":
        yield TrackWriter(
            StandardOutput(),
            lambda tracks: csv_text(csv_rows(tracks, names)),
            csv_text([CSV_COLUMNS]),
        )
    elif emit == "jsonl":
        yield TrackWriter(
            StandardOutput(),
            lambda tracks: jsonl_line(jsonl_frame(tracks, names, data=True)),
            jsonl_line(jsonl_header(names)),
        )


def _mot_rows(predicted: bool) -> Callable[[Tracks], str]:
    def rows(tracks: Tracks) -> str:
        return mot_rows(tracks.select(tracks.observed | (tracks.predicted & predicted)))

    return rows


def _wanted(stream: BoxStream, settings: DetectorConfig) -> Iterator[BoxFrame]:
    """The frames with those detections that ``conf`` and ``classes`` keep."""
    known = stream.format != "csv"  # CSV tells the names of classes as they come
    numbered = tuple(stream.names) or tuple(map(str, range(1000)))
    labels = chosen_labels(settings.classes, numbered) if known else None
    for frame in stream:
        found = frame.detections
        kept = found.scores >= settings.conf
        if labels is not None:
            kept &= np.isin(found.labels, list(labels))
        elif not known and not wants_all(settings.classes):
            kept &= is_named(found.labels, stream.names, settings.classes)
        yield frame if kept.all() else replace(frame, detections=found.select(kept))
