"""``mambatrack detect``: a detector's boxes for a whole source, as det.txt."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import Command, add_detector, add_overwrite, add_part, part_of
from mambatrack.cli.effects import Parser
from mambatrack.cli.named_files import PicturesPath, WrittenFile
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import FAILED, OK, with_chosen_detector
from mambatrack.cli.signals import resumable
from mambatrack.config import Config, DetectorConfig
from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.addresses import without_secrets

if TYPE_CHECKING:
    from mambatrack.runs.detect import DetectionFile


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("source", type=PicturesPath, metavar="SOURCE",
        help="video file, folder or glob of images, or a sequence")  # fmt: skip
    add("--out", type=WrittenFile, required=True, metavar="FILE",
        help="MOT text, as SEQ/det/det.txt, whose folder is made; goes on from a stop")  # fmt: skip
    add_part(parser)
    add_detector(parser, sets=False)
    add_overwrite(parser)


def run(options: argparse.Namespace, config: Config) -> int:
    """Writes the boxes of every frame; a stopped run goes on where it was."""
    from mambatrack.detectors import network_of
    from mambatrack.files import check_output
    from mambatrack.runs.detect import DetectionFile
    from mambatrack.runs.detection_cache import detections_key

    config = with_chosen_detector(config, options.quiet)
    path = Path(options.out)
    path.parent.mkdir(exist_ok=True)
    check_output(path, options.overwrite)
    settings = network_of(config.detector)
    anew = settings.name in ("motion", "file")  # remembers earlier frames, or takes no time
    part = part_of(options)
    key = f"{options.source} {detections_key(Path(options.source), settings)} {part}"
    file = DetectionFile(path, key, resumed=not anew)
    problem = _detect(options, settings, file)
    if problem:
        kept = f"the boxes of {counted(file.frames, 'frame')} are in {file.unfinished}"
        print(f"error: {without_secrets(options.source)}: {problem}; {kept}", file=sys.stderr)
        return FAILED
    file.finish()
    if not options.quiet:
        print(f"wrote {counted(file.boxes, 'box')} of {counted(file.frames, 'frame')} to {path}")
    return OK


def _detect(
    options: argparse.Namespace, settings: DetectorConfig, file: "DetectionFile"
) -> str | None:
    """Through the source from the first frame that is not in the file -> why it ended too early."""
    from mambatrack.detectors import open_detector
    from mambatrack.runs.detect import detect_frames
    from mambatrack.sources.frames import open_frames

    detector, done = open_detector(settings), file.frames
    crop, start, stop, stride = part_of(options)
    start = start if file.last is None else file.last + stride
    with open_frames(options.source, crop, start, stop, stride) as frames:
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
