"""``mambatrack track``: a source, boxes on standard input, a folder of videos, or a data set."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mambatrack.cli import pipe, videos
from mambatrack.cli.arguments import (
    MOTION_MODEL,
    Command,
    add_appearance,
    add_camera,
    add_detector,
    add_device,
    add_engine,
    add_offline,
    add_part,
    add_split,
    add_tracker,
    engine_extras,
    part_of,
)
from mambatrack.cli.effects import BOXES, VIDEO, VIDEOS, Parser, model_facts
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import (
    DatasetPath,
    SourcePath,
    WrittenFolder,
    check_named_files,
)
from mambatrack.cli.one_writer import one_writer
from mambatrack.cli.output_files import (
    add_counting,
    add_outputs,
    check_files,
    default_output,
    files_of,
    horizon_of,
    with_places,
)
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import (
    FAILED,
    INTERRUPTED,
    OK,
    can_show,
    engine_of,
    with_chosen_models,
)
from mambatrack.cli.signals import Interruption, resumable
from mambatrack.config import Config
from mambatrack.errors import counted
from mambatrack.sources.addresses import without_secrets

LARGE = 1280  # pixels, longer side of a picture in which a network may overlook people

if TYPE_CHECKING:
    from mambatrack.runs.run import Run
    from mambatrack.sources.frames import FrameSource


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "source",
        nargs="?",
        type=SourcePath,
        metavar="SOURCE",
        help="video file, folder or glob of images, webcam index, RTSP or HTTP address; with --out "
        "a folder of videos; - is boxes on standard input",
    )
    add("--dataset", type=DatasetPath, metavar="DIR",
        help="track every sequence or video below DIR")  # fmt: skip
    add_split(parser, needs=("--dataset",))
    add("--out", type=WrittenFolder, form=FOLDER, metavar="DIR", needs=(VIDEOS, "--dataset"),
        help="for the results of --dataset or a folder of videos; goes on "
        "from a stop")  # fmt: skip
    parser.under("tracking")
    add_tracker(parser)
    add_offline(parser)
    add_camera(parser)
    add_appearance(parser)
    add_device(parser, MOTION_MODEL)
    parser.under("detector")
    add_detector(parser)
    parser.under("part of the source")
    add_part(parser, needs=(VIDEO,))
    parser.under("outputs")
    add_outputs(parser)
    add("--no-sound", action="store_true", needs=("--output", "--output-video"),
        help="leave the sound of the source out of the video")  # fmt: skip
    parser.under("counting")
    add_counting(parser)
    parser.under("several sequences or videos")
    videos.add_arguments(parser)
    add_engine(parser)
    parser.under("boxes on standard input")
    pipe.add_arguments(parser)
    parser.set_defaults(check=_check, facts=_facts)


def _check(options: argparse.Namespace) -> None:
    """Refuses a command without a source, or without a place for several results."""
    if (options.source is None) == (options.dataset is None):
        options.parser.error("give a SOURCE, or a folder of sequences with --dataset")
    if options.dataset is not None and options.out is None:
        options.parser.error("--dataset DIR and --out DIR go together")
    if options.offline and "forecast" in (options.draw or ()):
        options.parser.error("--draw forecast has no effect with --offline: leave it out")
    videos.check(options)
    pipe.check(options)


def _facts(options: argparse.Namespace, config: Config) -> Iterator[str]:
    """What the source is, and what is written because nothing else is."""
    yield from model_facts(options, config)
    if options.source == "-":
        yield BOXES
        if not _texts(options):
            yield "--emit"
    elif videos.is_video_folder(options.source):
        yield VIDEOS
    elif options.source is not None:
        yield VIDEO
        if not _texts(options):
            yield "--output"


def _texts(options: argparse.Namespace) -> bool:
    return any((options.mot, options.jsonl, options.csv, options.events, options.heat_map))


def run(options: argparse.Namespace, config: Config) -> int:
    """One source, boxes on standard input, a folder of videos, or every sequence of a data set."""
    if options.dataset is not None:
        return _track_dataset(options, config)
    if options.source == "-":
        return pipe.run(options, config)
    if videos.is_video_folder(options.source):
        return videos.run(options, config)
    return _track_source(options, config)


def _track_source(options: argparse.Namespace, config: Config) -> int:
    show = options.show and can_show()
    if show or options.output or _texts(options):
        return _track_into(options, config, show)
    options.output = default_output(options.source)
    check_named_files(options, config)
    with one_writer([options.output]):
        return _track_into(options, config, show)


def _track_into(options: argparse.Namespace, config: Config, show: bool) -> int:
    """The source into the files that the options name."""
    from mambatrack.counting.output import summary
    from mambatrack.detectors import open_detector
    from mambatrack.runs.source_run import open_run
    from mambatrack.sources.frames import open_frames
    from mambatrack.sources.readers import check_there

    files = replace(files_of(options), sound=not options.no_sound)
    config = with_places(options, config)
    paths = check_files(files)
    check_there(options.source)
    config = with_chosen_models(config, options.quiet)
    source = partial(open_frames, options.source, *part_of(options))
    detector = partial(open_detector, config.detector)
    ahead = 0 if options.offline else horizon_of(options, config)
    with open_run(source, detector, config, files, show, ahead, options.stride) as (run, frames):
        interrupted = _go(run, frames.count, options.quiet)
    counted = summary(counter) if (counter := run.counter) is not None else []
    if not options.quiet:
        print(_summary(run, frames, config))
        for line in counted:
            print(line)
        if paths:
            print(f"wrote {', '.join(map(str, paths))}")
    if interrupted:
        return INTERRUPTED
    if frames.problem:
        print(f"error: {without_secrets(options.source)}: {frames.problem}", file=sys.stderr)
        return FAILED
    return OK


def _track_dataset(options: argparse.Namespace, config: Config) -> int:
    from mambatrack.datasets.sequences import find_sequences, select_split
    from mambatrack.embedders.automatic import with_chosen_embedder
    from mambatrack.runs.dataset_jobs import plan, track_sequence
    from mambatrack.runs.engines import run_all

    config = with_chosen_embedder(config)
    sequences = find_sequences(options.dataset, config.dataset.longest)
    sequences = select_split(sequences, options.split) if options.split else sequences
    jobs = plan(sequences, config, options.out, options.overwrite)
    done = len(sequences) - len(jobs)
    if done and not options.quiet:
        print(f"there already: {done} of {counted(len(sequences), 'sequence')}")
    total = sum(job.sequence.frames for job in jobs)
    with (
        resumable("track", options.quiet),
        Progress("frames", total, options.quiet, "tracking") as progress,
    ):
        results = run_all(track_sequence, jobs, engine_of(options, config), progress.update)
        for _, totals in results:
            if not options.quiet:
                print(f"{totals.name}: {totals}", flush=True)
    if not options.quiet:
        print(f"wrote {counted(len(jobs), 'MOT file')}, with JSON Lines beside, to {options.out}")
    return OK


def _go(run: "Run", total: int | None, quiet: bool) -> bool:
    """Tracks to the end, or to a signal -> whether it was one."""
    from mambatrack.outputs.screen import WindowClosed

    try:
        with Interruption() as interruption, Progress("frames", total, quiet) as progress:

            def report(frames: int) -> None:
                progress.update(frames)
                interruption.check()

            run.go(report)
    except WindowClosed:
        pass
    except KeyboardInterrupt:
        return True
    return False


def _summary(run: "Run", frames: "FrameSource", config: Config) -> str:
    from mambatrack.detectors import problem_of

    lines = [str(run.totals())]
    if frames.skipped:
        lines.append(f"{counted(frames.skipped, 'frame')} came empty: skipped")
    if frames.resized:
        lines.append(f"changes of the frame size: {frames.resized}; the last one is {frames.size}")
    if run.tracker.dropped:
        lines.append(f"dropped: {counted(run.tracker.dropped, 'unusable detection')}")
    problem = problem_of(run.detector) or _no_track(run, frames, config)
    if problem is not None:
        lines.append(problem)
    return "\n".join(lines)


def _no_track(run: "Run", frames: "FrameSource", config: Config) -> str | None:
    """What may help where a detector in the pictures led to no track."""
    detector = config.detector
    if run.ids or not run.frames or detector.name == "file":
        return None
    if detector.name == "motion":
        return "no track: detector motion finds who walks in front of a camera that stands"
    if detector.name == "own":
        return "no track: own finds people; --detector yolox_nano knows more, motion what moves"
    if not detector.slice and max(frames.size) >= LARGE:
        return "no track: in large pictures --slice 640 finds what is small"
    return "no track: a larger model may find more, as --detector yolox_s"


TRACK = Command(
    "track", "track a video, images, webcam or stream", add_arguments, run, extras=engine_extras
)
