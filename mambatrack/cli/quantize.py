"""``mambatrack quantize``: the weights of a network in 8 bits."""

import argparse

from mambatrack.cli.arguments import Command, add_overwrite
from mambatrack.cli.file_forms import WEIGHTS
from mambatrack.cli.named_files import DatasetPath, ReadPath, WrittenFile
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK
from mambatrack.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("network", type=ReadPath, metavar="FILE",
        help="a trained .safetensors file; those that ship are in 8 bits already")  # fmt: skip
    add("--out", type=WrittenFile, form=WEIGHTS, required=True, metavar="FILE",
        help="a .safetensors file; its model card goes beside it")  # fmt: skip
    add("--dataset", type=DatasetPath, nargs="+", metavar="DIR", default=[],
        help="with det/det.txt: both track it, if they are predictors or associations")  # fmt: skip
    add_overwrite(parser, "write over files that exist")


def run(options: argparse.Namespace, config: Config) -> int:
    """Writes the weights of a network in 8 bits."""
    from mambatrack.datasets.sequences import find_sequences
    from mambatrack.evaluation.quantisation import quantise

    sequences = [each for root in options.dataset for each in find_sequences(root)]
    with Progress("sequences", len(sequences), options.quiet, "comparing") as progress:
        made = quantise(
            options.network, options.out, sequences, config.tracker, options.overwrite,
            progress.update,
        )  # fmt: skip
    if not options.quiet:
        share = 100 * made.size / made.size_before
        print(f"wrote {made.path}: {made.kind}, {made.size} bytes, {share:.1f} % of before")
        for name, value in made.error.items():
            print(f"  {name.replace('_', ' ')}: {_told(value)}")
    return OK


def _told(value: float | dict[str, float]) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {each:g}" for name, each in value.items())
    return f"{value:g}"


QUANTIZE = Command("quantize", "write the weights of a network in 8 bits", add_arguments, run)
