"""``mambatrack detect``: a detector's boxes for a source, or for every sequence, as a file."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import (
    Command,
    add_detector,
    add_overwrite,
    add_part,
    add_split,
    part_of,
)
from mambatrack.cli.effects import VIDEO, Parser
from mambatrack.cli.file_forms import CSV, JSON_LINES, MOT
from mambatrack.cli.named_files import PicturesPath, WrittenFile
from mambatrack.cli.one_writer import one_writer
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import FAILED, OK, with_chosen_detector
from mambatrack.cli.signals import resumable
from mambatrack.config import Config, DetectorConfig
from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.addresses import without_secrets

if TYPE_CHECKING:
    from mambatrack.datasets.sequences import Sequence
    from mambatrack.runs.detect import DetectionFile


DET = Path("det", "det.txt")


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("source", type=PicturesPath, nargs="?", metavar="SOURCE",
        help="video file, folder or glob of images, or a sequence")  # fmt: skip
    add("--dataset", type=PicturesPath, metavar="DIR",
        help="each sequence below DIR gets its det/det.txt, where it has none")  # fmt: skip
    add_split(parser, needs=("--dataset",))
    add("--out", type=WrittenFile, form=(MOT, CSV, JSON_LINES), metavar="FILE", needs=(VIDEO,),
        help="MOT text, as SEQ/det/det.txt, whose folder is made; CSV or JSON Lines, with classes, "
        "where the name ends in .csv or .jsonl; goes on from a stop")  # fmt: skip
    add_part(parser)
    add_detector(parser, sets=False)
    add_overwrite(parser)
    parser.set_defaults(check=_check, facts=_facts)


def _check(options: argparse.Namespace) -> None:
    if (options.source is None) == (options.dataset is None):
        options.parser.error("give a SOURCE, or a folder of sequences with --dataset")
    if options.source is not None and options.out is None:
        options.parser.error("SOURCE and --out FILE go together")


def _facts(options: argparse.Namespace, config: Config) -> Iterator[str]:
    if options.source is not None:
        yield VIDEO


def run(options: argparse.Namespace, config: Config) -> int:
    """Writes the boxes of every frame; a stopped run goes on where it was."""
    from mambatrack.sources.readers import check_there

    if options.source is not None:
        check_there(options.source)
    config = with_chosen_detector(config, options.quiet)
    if options.source is not None:
        return _run(options, options.source, Path(options.out), config)
    codes = []
    for sequence in _sequences(options, config):
        path = sequence.folder / DET
        with one_writer([path]):
            codes.append(_run(options, str(sequence.images), path, config))
    return max(codes, default=OK)


def _sequences(options: argparse.Namespace, config: Config) -> "list[Sequence]":
    """Those that have no det.txt yet. Raises MambatrackError where one has no pictures, or is a
    video without a folder."""
    from mambatrack.datasets.sequences import find_to_detect, select_split

    found = find_to_detect(options.dataset, config.dataset.longest)
    found = select_split(found, options.split) if options.split else found
    left = [each for each in found if options.overwrite or not (each.folder / DET).exists()]
    if len(left) < len(found) and not options.quiet:
        print(f"there already: {len(found) - len(left)} of {counted(len(found), 'sequence')}")
    for each in left:
        if each.images is None:
            raise MambatrackError(f"{each.folder} has no pictures; expected img1/ or a video")
        if each.images.parent == Path(options.dataset) and not each.images.is_dir():
            raise MambatrackError(
                f"{each.images} is a video without a folder of its own; move it to "
                f"{each.name}/, or name it as SOURCE, with --out"
            )
    return left


def _run(options: argparse.Namespace, source: str, path: Path, config: Config) -> int:
    from mambatrack.detectors import network_of
    from mambatrack.files import check_output
    from mambatrack.runs.detect import DetectionFile
    from mambatrack.runs.detection_cache import detections_key

    path.parent.mkdir(exist_ok=True)
    check_output(path, options.overwrite)
    settings = network_of(config.detector)
    anew = settings.name in ("motion", "file")  # remembers earlier frames, or takes no time
    key = f"{source} {detections_key(Path(source), settings)} {part_of(options)}"
    file = DetectionFile(path, key, resumed=not anew)
    problem = _detect(options, source, settings, file)
    if problem:
        kept = f"the boxes of {counted(file.frames, 'frame')} are in {file.unfinished}"
        print(f"error: {without_secrets(source)}: {problem}; {kept}", file=sys.stderr)
        return FAILED
    file.finish()
    if not options.quiet:
        print(
            f"wrote {counted(file.boxes, 'box')} of {counted(file.frames, 'frame')} to {path}",
            flush=True,
        )
    return OK


def _detect(
    options: argparse.Namespace, source: str, settings: DetectorConfig, file: "DetectionFile"
) -> str | None:
    """Through the source from the first frame that is not in the file -> why it ended too early."""
    from mambatrack.detectors import open_detector
    from mambatrack.runs.detect import detect_frames
    from mambatrack.sources.frames import open_frames

    detector, done = open_detector(settings), file.frames
    file.names = detector.names
    crop, start, stop, stride = part_of(options)
    start = start if file.last is None else file.last + stride
    with open_frames(source, crop, start, stop, stride) as frames:
        if frames.live:
            raise MambatrackError("a camera or stream has no end; expected a video or pictures")
        total = None if frames.count is None else done + frames.count
        with (
            file,
            resumable("detect", options.quiet),
            Progress("frames", total, options.quiet, "detecting") as progress,
        ):
            detect_frames(frames, detector, file, progress.update)
        return frames.problem


DETECT = Command("detect", "write a detector's boxes of a source, as det.txt", add_arguments, run)
