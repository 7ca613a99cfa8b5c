"""What the sub-commands do; each returns its exit code."""

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.config import Config, describe
from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from mambatrack.detectors import Detector
    from mambatrack.runs.engines import Engine
    from mambatrack.runs.run import Output, Run
    from mambatrack.sources.frames import FrameSource

OK, FAILED, INTERRUPTED = 0, 1, 130


def track(options: argparse.Namespace, config: Config) -> int:
    """One source, boxes on standard input, a folder of videos, or every sequence of a data set."""
    from mambatrack.cli import pipe, videos

    if options.dataset is not None:
        return _track_dataset(options, config)
    if options.source == "-":
        return pipe.run(options, config)
    if videos.is_video_folder(options.source):
        return videos.run(options, config)
    return _track_source(options, config)


def _track_source(options: argparse.Namespace, config: Config) -> int:
    from mambatrack.detectors import open_detector
    from mambatrack.runs.run import open_run
    from mambatrack.sources.frames import open_frames, parse_crop
    from mambatrack.tracking.tracker import Tracker

    show = options.show and can_show()
    if not (show or options.output or options.mot or options.jsonl or options.csv):
        options.output = _default_output(options.source)
    paths = check_outputs(options)
    crop = parse_crop(options.crop) if options.crop else None
    chosen = options.source, crop, options.start, options.stop, options.stride
    with ExitStack() as stack:
        frames = stack.enter_context(open_frames(*chosen))
        if frames.live:
            refuse_offline(config, options.source)
        detector = open_detector(config.detector)
        run = open_run(
            frames, lambda: stack.enter_context(open_frames(*chosen)), detector,
            Tracker(config, image_size=frames.size),
        )  # fmt: skip
        run.outputs = _open_outputs(options, frames, detector, run, show, stack)
        interrupted = _go(run, frames.count, options.quiet)
    if not options.quiet:
        print(_summary(run, frames))
        if paths:
            print(f"wrote {', '.join(map(str, paths))}")
    if interrupted:
        return INTERRUPTED
    if frames.problem:
        print(f"error: {options.source}: {frames.problem}", file=sys.stderr)
        return FAILED
    return OK


def refuse_offline(config: Config, source: str) -> None:
    """Raises MambatrackError where what is tracked as it comes should be tracked offline."""
    if config.tracker.offline:
        raise MambatrackError(
            f"tracker.offline decides after the last frame; {source} has to be tracked as it comes"
        )


def train(options: argparse.Namespace, config: Config) -> int:
    """Trains a motion predictor, in one process or in those of torchrun."""
    from mambatrack.cli.progress import Progress
    from mambatrack.learning.motion_training import train as run_training
    from mambatrack.learning.processes import is_first_process

    quiet = options.quiet or not is_first_process()
    steps = config.training.steps
    with resumable("train", quiet), Progress("steps", steps, quiet, "training") as progress:
        path = run_training(
            options.data, config, options.out, lambda step, steps, loss: progress.update(step)
        )
    if not quiet:
        print(f"wrote {path}, its model card, log.csv and, with matplotlib, curve.png")
    return OK


def train_association(options: argparse.Namespace, config: Config) -> int:
    """Trains the learned association."""
    from mambatrack.learning.association_training import train_association as run_training

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    with resumable("train-association", options.quiet):
        path = run_training(options.data, config, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK


def train_refill(options: argparse.Namespace, config: Config) -> int:
    """Trains the network that fills the gaps of tracks."""
    from mambatrack.learning.gap_training import train_refill as run_training

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    path = run_training(options.data, config.filler, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK


def show_config(options: argparse.Namespace, config: Config) -> int:
    """All settings as YAML that --config reads."""
    section = ""
    for key, _, meaning in describe():
        name, item = key.split(".")
        if name != section:
            section = name
            print(f"{name}:")
        value = dataclasses.asdict(getattr(config, name))[item]
        print(f"  {item}: {json.dumps(value)}  # {meaning}")
    return OK


def bench(options: argparse.Namespace, config: Config) -> int:
    """The time of a frame on synthetic boxes, or with --peers beside other trackers."""
    if options.peers:
        from mambatrack.cli.evaluate import bench_peers

        return bench_peers(options)
    from mambatrack.evaluation.benchmark import bench as run
    from mambatrack.evaluation.tables import show, write_json
    from mambatrack.outputs.text import check_output

    paths = [check_output(path, options.overwrite) for path in (options.json, options.out) if path]
    report = run(options.predictors, options.objects, passes=options.passes, config=config.tracker)
    if options.json:
        write_json(Path(options.json), report.as_json(), options.overwrite)
    if options.out:
        Path(options.out).write_text(report.markdown(), encoding="utf-8")
    if not options.quiet:
        for table in report.tables():
            show(table)
        if paths:
            print(f"wrote {', '.join(map(str, paths))}")
    return OK


def show_info(options: argparse.Namespace, config: Config) -> int:
    """What is installed here and what would be used."""
    from mambatrack.cli.info import info
    from mambatrack.evaluation.tables import show

    found = info()
    if options.json:
        print(json.dumps(found.as_json(), indent=1))
        return OK
    for table in found.tables():
        show(table)
    return OK


def export(options: argparse.Namespace, config: Config) -> int:
    """A motion model as a checked ONNX file."""
    from mambatrack.motion.export_onnx import export as run

    exported = run(config.tracker.predictor, options.out, options.overwrite)
    if not options.quiet:
        print(f"wrote {exported.path}: {exported.kind} predictor, differs from torch by at most "
              f"{exported.error:.1e}")  # fmt: skip
    return OK


def engine_of(options: argparse.Namespace, config: Config) -> "Engine":
    """Where sequences are worked on; a network that detects asks a cluster for a GPU."""
    from mambatrack.runs.engines import Engine

    gpu = config.detector.name not in ("auto", "file", "motion")
    return Engine(options.engine, options.workers, options.address or "", gpu)


@contextmanager
def resumable(command: str, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """SIGTERM is Ctrl-C, and either says that the same command goes on from what is finished.

    What it gives is to be called now and then in long work: a KeyboardInterrupt that came while
    Python could only print it, as in a destructor, comes again.
    """
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    def check() -> None:
        if stopped:
            raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield check
    except KeyboardInterrupt:
        if not quiet:
            print(f"stopped; the same mambatrack {command} goes on from here", file=sys.stderr)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _track_dataset(options: argparse.Namespace, config: Config) -> int:
    from mambatrack.cli.progress import Progress
    from mambatrack.datasets.sequences import find_sequences
    from mambatrack.runs.dataset_jobs import plan, track_sequence
    from mambatrack.runs.engines import run_all

    sequences = find_sequences(options.dataset)
    jobs = plan(sequences, config, options.out, options.overwrite)
    if not options.quiet and len(jobs) < len(sequences):
        print(f"{len(sequences) - len(jobs)} of {len(sequences)} sequences are there already")
    title = "tracking"
    with resumable("track"), Progress("sequences", len(jobs), options.quiet, title) as progress:
        results = run_all(track_sequence, jobs, engine_of(options, config))
        for done, (_, totals) in enumerate(results, start=1):
            progress.update(done)
            if not options.quiet:
                print(f"{totals.name}: {totals}", flush=True)
    if not options.quiet:
        print(f"wrote {len(jobs)} MOT files, and JSON Lines beside them, to {options.out}")
    return OK


def _go(run: "Run", total: int | None, quiet: bool, title: str = "") -> bool:
    """Tracks to the end, or to the user's Ctrl-C -> whether it was interrupted."""
    from mambatrack.cli.progress import Progress
    from mambatrack.outputs.screen import WindowClosed

    try:
        with stop_signals() as stopped, Progress("frames", total, quiet, title) as progress:

            def report(frames: int) -> None:
                progress.update(frames)
                if stopped:
                    raise KeyboardInterrupt

            run.go(report)
    except WindowClosed:
        pass
    except KeyboardInterrupt:
        return True
    return False


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM, so that the frame at hand is finished and every output holds the
    same frames; the second one interrupts at once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_outputs(
    options: argparse.Namespace, frames: "FrameSource", detector: "Detector", run: "Run",
    show: bool, stack: ExitStack,
) -> "list[Output]":  # fmt: skip
    from mambatrack.outputs.screen import Window
    from mambatrack.outputs.video import open_video_writer
    from mambatrack.runs.run import Picture, PictureOutput

    outputs, overwrite = text_outputs(options, detector.names, stack), options.overwrite
    places: list[Picture] = []
    if options.output:
        fps = frames.fps / options.stride
        video = open_video_writer(options.output, fps, frames.size, overwrite)
        places.append(stack.enter_context(video))
    if show:
        places.append(stack.enter_context(closing(Window())))
    if places:
        ahead, horizon = run.tracker.forecast, options.forecast
        outputs.append(
            PictureOutput(
                places, detector.names, run.fps, lambda: ahead(horizon) if horizon else None
            )
        )
    return outputs


def text_outputs(
    options: argparse.Namespace, names: Sequence[str], stack: ExitStack
) -> "list[Output]":
    """The text files that were asked for, closed by the stack; names: of the classes."""
    from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
    from mambatrack.runs.run import RevisedOutput, TextOutput

    writers, overwrite = [], options.overwrite
    if options.mot:
        writers.append(mot_writer(options.mot, overwrite, predicted=options.mot_predicted))
    if options.csv:
        writers.append(csv_writer(options.csv, overwrite))
    outputs: list[Output] = [TextOutput(stack.enter_context(each)) for each in writers]
    if options.jsonl:
        lines = stack.enter_context(jsonl_writer(options.jsonl, overwrite, names))
        if getattr(options, "revise", False):
            from mambatrack.gaps.revisions import Reviser

            revised = RevisedOutput(lines, Reviser())
            return [*outputs, stack.enter_context(closing(revised))]
        outputs.append(TextOutput(lines))
    return outputs


def check_outputs(options: argparse.Namespace) -> list[Path]:
    """The files that will be written; refuses what cannot be before the work starts."""
    from mambatrack.outputs.text import check_output
    from mambatrack.outputs.video import check_video

    paths = [check_video(options.output, options.overwrite)] if options.output else []
    for text in (options.mot, options.jsonl, options.csv):
        if text:
            paths.append(check_output(text, options.overwrite))
    places = [path.resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise MambatrackError(f"{path} is named for two outputs; give each its own file")
        if place == Path(options.source).resolve():
            raise MambatrackError(f"{path} is the source itself; name another file")
    return paths


def _default_output(source: str) -> str:
    """A video in the current folder, named after the source."""
    path = Path(source)
    return f"{path.resolve().stem}-tracked.mp4" if path.exists() else "tracked.mp4"


def can_show() -> bool:
    """Whether --show can be had; says why where not."""
    from mambatrack.outputs.screen import display_problem

    problem = display_problem()
    if problem:
        print(f"--show is left out: {problem}", file=sys.stderr)
    return problem is None


def _summary(run: "Run", frames: "FrameSource | None" = None) -> str:
    lines = [str(run.totals())]
    if frames is not None and frames.skipped:
        lines.append(f"{frames.skipped} frames came empty and were skipped")
    if frames is not None and frames.resized:
        lines.append(f"changes of the frame size: {frames.resized}; the last one is {frames.size}")
    if run.tracker.dropped:
        lines.append(f"{run.tracker.dropped} unusable detections were dropped")
    return "\n".join(lines)
