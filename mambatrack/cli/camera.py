"""``mambatrack camera``: how the camera of a source moved, as a file of transforms."""

import argparse
import sys

from mambatrack.cli.arguments import Command, add_overwrite, add_part, part_of
from mambatrack.cli.effects import Parser
from mambatrack.cli.file_forms import TEXT
from mambatrack.cli.named_files import PicturesPath, ReadPath, WrittenFile
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import FAILED, OK
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.addresses import without_secrets


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("source", type=PicturesPath, metavar="SOURCE",
        help="video file, folder or glob of images, or a sequence")  # fmt: skip
    add("--out", type=WrittenFile, form=TEXT, required=True, metavar="FILE",
        help="transforms, a line for each frame, for --camera FILE")  # fmt: skip
    add("--boxes", type=ReadPath, metavar="FILE",
        help="MOT text of what moves by itself, as 'mambatrack detect' writes it: nothing on it "
        "is followed")  # fmt: skip
    add("--homography", action="store_true",
        help="for a flat scene: 8 degrees of freedom, not only shift, zoom and roll")  # fmt: skip
    add_part(parser, every=True)  # track takes those of frames that it passes over, too
    add_overwrite(parser)


def run(options: argparse.Namespace, config: Config) -> int:
    """Writes the transform of every frame of the source; the file appears when it is whole."""
    from mambatrack.camera.pictures import PictureCamera
    from mambatrack.files import check_output
    from mambatrack.runs.cameras import write_transforms
    from mambatrack.sources.frames import open_frames

    path, moving = check_output(options.out, options.overwrite), None
    if options.boxes:
        from mambatrack.detectors.from_file import FileDetector

        moving = FileDetector(options.boxes, config.detector.conf)
    with open_frames(options.source, *part_of(options)) as frames:
        if frames.live:
            raise MambatrackError("a camera or stream has no end; expected a video or pictures")
        with Progress("frames", frames.count, options.quiet, "looking") as progress:
            camera = PictureCamera(options.homography)
            travel = write_transforms(path, frames, camera, moving, progress.update)
    if not options.quiet:
        print(f"wrote the transforms of {counted(travel.frames, 'frame')} to {path}; {travel}")
    if frames.problem:
        print(f"error: {without_secrets(options.source)}: {frames.problem}", file=sys.stderr)
        return FAILED
    return OK


CAMERA = Command("camera", "write how a camera moved, as a file of transforms", add_arguments, run)
