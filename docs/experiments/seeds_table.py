"""Runs that differ in their seed, a line of JSON each, as tables: means and standard deviations.

python docs/experiments/seeds_table.py waves.jsonl dancers.jsonl --only "period 4: all"
"""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Cut:
    """One network to train. table: what its results stand beside"""

    table: str
    variant: str
    seed: int
    steps: int


def run_missing(cuts: Iterable[Cut], run: Callable[[Cut], dict[str, Any]], results: Path) -> None:
    """Runs what does not stand in ``results`` yet, and adds it. run: returns facts of the network,
    and "measured", numbers by name"""
    made = [Cut(*(row[name] for name in asdict(Cut("", "", 0, 0)))) for row in known(results)]
    for cut in cuts:
        if cut not in made:
            row = asdict(cut) | run(cut)
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)


def known(results: Path) -> list[dict[str, Any]]:
    lines = results.read_text().splitlines() if results.exists() else []
    return [json.loads(each) for each in lines]


def print_table(title: str, rows: list[dict[str, Any]], only: list[str], digits: int) -> None:
    """A row for each variant; facts are those of its first run, seconds their mean."""
    facts = [each for each in rows[0] if each not in (*asdict(Cut("", "", 0, 0)), "measured")]
    names = [each for each in rows[0]["measured"] if not only or each in only]
    print(f"\n| {' | '.join([title, 'seeds', *facts, *names])} |")
    print("|---" * (len(facts) + len(names) + 2) + "|")
    for variant in dict.fromkeys(each["variant"] for each in rows):
        same = [each for each in rows if each["variant"] == variant]
        values = np.array([[each["measured"][name] for name in names] for each in same])
        said = zip(values.mean(0), values.std(0), strict=True)
        told = [f"{np.mean([each[fact] for each in same]):g}" for fact in facts]
        cells = [f"{mean:.{digits}f} +- {spread:.{digits}f}" for mean, spread in said]
        print(f"| {' | '.join([variant, str(len(same)), *told, *cells])} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="of what is measured")
    parser.add_argument("--digits", type=int, default=3)
    options = parser.parse_args()
    rows = [row for each in options.results for row in known(each)]
    for table in dict.fromkeys(each["table"] for each in rows):
        same = [each for each in rows if each["table"] == table]
        print_table(table, same, options.only, options.digits)


if __name__ == "__main__":
    main()
