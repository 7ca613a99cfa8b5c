"""``mambatrack export``: a motion model as an ONNX file."""

import argparse

from mambatrack.cli.arguments import Command, add_overwrite
from mambatrack.cli.named_files import WrittenFile
from mambatrack.cli.shared import OK
from mambatrack.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--predictor", metavar="P", help="mamba, mamba-window or a trained .safetensors file")
    add("--out", type=WrittenFile, required=True, metavar="FILE.onnx", help="the file")
    add_overwrite(parser, "write over a file that exists")


def run(options: argparse.Namespace, config: Config) -> int:
    """A motion model as a checked ONNX file."""
    from mambatrack.motion.export_onnx import export

    exported = export(config.tracker.predictor, options.out, options.overwrite)
    if not options.quiet:
        print(f"wrote {exported.path}: {exported.kind} predictor, differs from torch by at most "
              f"{exported.error:.1e}")  # fmt: skip
    return OK


EXPORT = Command("export", "a motion model as an ONNX file", add_arguments, run)
