"""``mambatrack track DIR --out OUT --workers N``: every video of a folder into files of its own.

One that cannot be read, or takes its process with it, costs the others nothing. The same command
goes on from what is finished. OUT holds NAME.txt, NAME.jsonl, NAME.mp4 if asked, and run.json, the
settings they were made with; partial/ has what was read of videos that end too early.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.effects import VIDEOS
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import FAILED, OK, engine_of, with_chosen_models
from mambatrack.cli.signals import resumable
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.video_folders import is_video_folder, left_out

if TYPE_CHECKING:
    from mambatrack.runs.video_jobs import Outcome, VideoJob


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a folder of videos beyond those of ``track``."""
    parser.add_argument("--output-video", action="store_true", needs=(VIDEOS,),
        help="of a folder of videos: annotated ones too")  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Refuses a folder of videos without a place for the results."""
    if options.out is None and is_video_folder(options.source):
        options.parser.error(
            f"{options.source} is a folder of videos; name a folder for the results with --out"
        )


def run(options: argparse.Namespace, config: Config) -> int:
    """Tracks what is left to do; 1 where a video failed."""
    from mambatrack.runs.engines import run_all
    from mambatrack.runs.video_jobs import plan_videos, track_video, track_videos

    config = _with_models(config, options.quiet)
    jobs, finished = plan_videos(
        options.source, config, options.out, options.overwrite, options.output_video,
        not options.no_sound,
    )  # fmt: skip
    others = left_out(options.source)
    if others and not options.quiet:
        print(f"{options.source}: left out, as no video by its ending: {others}")
    if finished and not options.quiet:
        print(f"there already: {finished} of {counted(finished + len(jobs), 'video')}")
    if jobs:
        _check_models(config)
    failed = []
    found: Iterator[Outcome]
    with (
        resumable("track", options.quiet) as interruption,
        Progress("frames", None, options.quiet) as progress,
    ):

        def report(frames: int) -> None:
            progress.update(frames)
            interruption.check()

        if options.engine == "ray":
            answers = run_all(track_video, jobs, engine_of(options, config))
            found = (outcome for _, outcome in answers)
        else:
            found = track_videos(jobs, options.workers, report)
        for done, outcome in enumerate(found, start=1):
            failed += [outcome] if outcome.problem is not None else []
            _tell(outcome, f"{done} of {len(jobs)}", options.quiet)
    return _conclude(jobs, failed, options)


def _with_models(config: Config, quiet: bool) -> Config:
    """The same settings with a detector that finds boxes in pictures, and an embedder."""
    if config.detector.name == "file":
        raise MambatrackError(
            "one det.txt cannot belong to every video of a folder; track them one by one, or name "
            "a --detector that finds boxes in pictures"
        )
    return with_chosen_models(config, quiet)


def _check_models(config: Config) -> None:
    """What is wrong with the models would be wrong for every video; fetches what is missing."""
    from mambatrack.detectors import open_detector
    from mambatrack.tracking.tracker import Tracker

    open_detector(config.detector)
    Tracker(config, image_size=(1920, 1080))


def _tell(outcome: "Outcome", count: str, quiet: bool) -> None:
    for message in outcome.warnings:
        print(f"warning: {outcome.name}: {message}", file=sys.stderr)
    if not quiet:
        said = outcome.totals if outcome.problem is None else f"failed: {outcome.problem}"
        print(f"[{count}] {outcome.name}: {said}", flush=True)


def _conclude(
    jobs: "Sequence[VideoJob]", failed: "Sequence[Outcome]", options: argparse.Namespace
) -> int:
    from mambatrack.runs.video_jobs import PARTIAL, UNFINISHED

    for folder in (Path(options.out) / UNFINISHED, Path(options.out) / PARTIAL):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    if not options.quiet:
        print(f"wrote the results of {counted(len(jobs) - len(failed), 'video')} to {options.out}")
    if failed:
        count = f"{len(failed)} of {counted(len(jobs), 'video')} failed"
        print(f"error: {count}; the same command tries them again", file=sys.stderr)
        for each in failed:
            print(f"error: {each.name}: {each.problem}", file=sys.stderr)
    return FAILED if failed else OK
