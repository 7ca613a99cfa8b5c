"""``mambatrack export``: a motion model, or a detector of train-detector, as an ONNX file."""

import argparse

from mambatrack.cli.arguments import Command, add_overwrite
from mambatrack.cli.file_forms import ONNX
from mambatrack.cli.named_files import WrittenFile
from mambatrack.cli.shared import OK
from mambatrack.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--predictor", metavar="P", help="mamba-window, mamba or a trained .safetensors file")
    add("--weights", metavar="W", unless=("--predictor",),
        help="in its place a detector: own, or a .safetensors file of train-detector")  # fmt: skip
    add("--out", type=WrittenFile, form=ONNX, required=True, metavar="FILE.onnx", help="the file")
    add_overwrite(parser, "write over a file that exists")


def run(options: argparse.Namespace, config: Config) -> int:
    """A motion model or a detector as a checked ONNX file."""
    said = _detector(options, config) if config.detector.weights else _predictor(options, config)
    if not options.quiet:
        print(f"wrote {said}")
    return OK


def _predictor(options: argparse.Namespace, config: Config) -> str:
    from mambatrack.motion.export_onnx import export

    done = export(config.tracker.predictor, options.out, options.overwrite)
    return f"{done.path}: {done.kind} predictor, differs from torch by at most {done.error:.1e}"


def _detector(options: argparse.Namespace, config: Config) -> str:
    from mambatrack.learning.detector_onnx import export_detector

    done = export_detector(config.detector, options.out, options.overwrite)
    return (
        f"{done.path}: detector of pictures of {done.side}x{done.side}, differs from the detector "
        f"own by at most {done.error:.1e}"
    )


EXPORT = Command("export", "write a motion model or a detector as an ONNX file", add_arguments, run)
