"""``mambatrack export-tracks``: a result for other tools, as COCO or as text."""

import argparse
import importlib
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mambatrack.cli.arguments import Command, add_overwrite, names, positive
from mambatrack.cli.file_forms import CSV, FOLDER, JSON, MOT, RERUN, ZIP
from mambatrack.cli.named_files import ReadPath, ResultsPath, WrittenFile
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, counted
from mambatrack.files import check_output
from mambatrack.result_files.between import fill_between
from mambatrack.result_files.footage import Footage, longer, open_footage, outside
from mambatrack.result_files.playing import TOOLS, varying_rate, why_not_played
from mambatrack.result_files.read_results import Recording, read_recording
from mambatrack.sources.box_stream import parse_size

PLAIN = ("mot", "csv")
WRITTEN = {
    "cvat": (ZIP,), "label-studio": (JSON,), "fiftyone": (FOLDER,), "rerun": (RERUN,),
    "coco": (JSON,), "mot": (MOT,), "csv": (CSV,),
}  # fmt: skip
FORMATS = tuple(WRITTEN)
EVERY_FRAME = ("cvat", "fiftyone")  # show nothing in a frame without a box


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "result",
        type=ResultsPath,
        metavar="RESULT",
        help="MOT text of a tracker, or JSON Lines or CSV of mambatrack",
    )
    add(
        "--format",
        required=True,
        choices=FORMATS,
        help="fiftyone is a folder, others a file; mot has what was seen",
    )
    add("--out", type=WrittenFile, form=lambda options: WRITTEN[options.format], required=True,
        metavar="PATH", help="what is written")  # fmt: skip
    add("--video", type=ReadPath, metavar="FILE",
        help="that was tracked: its size, frame rate and length")  # fmt: skip
    add("--size", metavar="WxH", help="of the picture, where there is no --video")
    add("--fps", type=positive, metavar="N", help="frames a second (default: the video's, or 30)")
    add(
        "--class-names",
        type=names,
        default=(),
        metavar="A,B",
        help="of the classes, in place of the file's",
    )
    add("--seen-only", action="store_true", help="without predicted boxes")
    add_overwrite(parser, "write over what exists")


def run(options: argparse.Namespace, config: Config) -> int:
    """Reads, writes, and says what was written."""
    out = _checked(Path(options.out), options.format, options.overwrite)
    recording = read_recording(options.result, options.class_names, predicted=not options.seen_only)
    size = parse_size(options.size) if options.size else None
    footage = _fitting(open_footage(options.video, size, options.fps), recording, options.format)
    for problem in (longer(recording, footage), outside(recording, footage)):
        if problem:
            warnings.warn(problem, stacklevel=2)
    if options.format in EVERY_FRAME:
        recording = fill_between(recording)
    if options.format == "mot":
        recording = recording.select(recording.seen)
    _writer(options.format)(recording, footage, out)
    if not options.quiet:
        tracks = len(set(recording.id.tolist()))
        hidden = int((~recording.seen).sum())
        print(
            f"wrote {out}: {counted(tracks, 'track')}, "
            f"{counted(len(recording), 'box')}, {hidden} of them predicted"
        )
        if options.format == "label-studio":
            from mambatrack.result_files.label_studio import label_config

            print("labelling interface of the project:", label_config(recording), sep="\n", end="")
    return 0


def _fitting(footage: Footage, recording: Recording, form: str) -> Footage:
    """Says what the tool will not show; refuses a folder of pictures where it takes videos only."""
    if footage.path is None or form in ("cvat", "coco", *PLAIN):
        return footage
    if footage.path.is_dir():
        if form == "rerun":
            return footage
        raise MambatrackError(
            f"{footage.path} is a folder, and {TOOLS[form]} shows videos; make one of its pictures "
            f"first, as with: ffmpeg -framerate {footage.fps:g} -pattern_type glob -i '*.jpg' "
            "-c:v libx264 -pix_fmt yuv420p pictures.mp4"
        )
    silent = why_not_played(footage.path, form)
    for problem in (silent, varying_rate(recording, footage, form)):
        if problem:
            warnings.warn(problem, stacklevel=2)
    return replace(footage, plays=silent is None)


def _writer(form: str) -> Callable[[Recording, Footage, Path], None]:
    name = "plain" if form in PLAIN else form.replace("-", "_")
    module = importlib.import_module(f"mambatrack.result_files.{name}")
    return getattr(module, f"write_{form.replace('-', '_')}")


def _checked(out: Path, form: str, overwrite: bool) -> Path:
    if form != "fiftyone":
        return check_output(out, overwrite)
    if out.is_file():
        raise MambatrackError(f"{out} is a file; fiftyone takes a folder")
    if (out / "manifest.json").exists() and not overwrite:
        raise MambatrackError(f"{out} holds a data set; use --overwrite or name another folder")
    return out


EXPORT_TRACKS = Command(
    "export-tracks",
    "write a result for CVAT, Label Studio, FiftyOne or rerun, as COCO, MOT text or CSV",
    add_arguments,
    run,
    extras=lambda options: ["rerun"] if options.format == "rerun" else [],
)
