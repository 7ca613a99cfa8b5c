"""What several commands share: exit codes, the engine, whether there is a window."""

import argparse
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from mambatrack.config import Config, with_detector
from mambatrack.sources.addresses import without_secrets_in

if TYPE_CHECKING:
    from mambatrack.datasets.sequences import Sequence
    from mambatrack.runs.engines import Engine


OK, FAILED, INTERRUPTED = 0, 1, 130
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LONGEST_WORD = 300  # characters of a message


def as_message(text: object) -> str:
    """What is printed for an error: without passwords, short whatever was given, and without what
    would steer a terminal."""
    if isinstance(text, OSError) and text.filename is not None and text.strerror:
        text = f"{text.filename}: {text.strerror}"
    said = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", without_secrets_in(str(text)))
    return re.sub(
        rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:100]}...{word[0][-100:]}", said
    )


def engine_of(options: argparse.Namespace, config: Config) -> "Engine":
    """Where sequences are worked on; a network that detects and can run on a GPU asks a cluster for
    one."""
    from mambatrack.runs.engines import Engine

    gpu = config.detector.name not in ("auto", "file", "motion", "own")
    return Engine(options.engine, options.workers, options.address or "", gpu)


def with_chosen_models(config: Config, quiet: bool) -> Config:
    """The same settings with what was chosen in place of the detector and the embedder auto."""
    from mambatrack.embedders.automatic import with_chosen_embedder

    return with_chosen_embedder(with_chosen_detector(config, quiet))


def with_chosen_detector(config: Config, quiet: bool) -> Config:
    """The same settings with what was chosen in place of the detector auto, which is said."""
    from mambatrack.detectors.automatic import choose

    detector, reason = choose(config.detector)
    if reason and not quiet:
        print(reason, flush=True)
    return with_detector(config, detector)


def scored_of(options: argparse.Namespace, config: Config) -> "tuple[list[Sequence], Config]":
    """The sequences to be scored, and the settings to track them with. --classes names what counts
    in the ground truth: det.txt has no classes, and the numbers of a network are its own, so that
    with a network only names are looked for in the ground truth."""
    from mambatrack.detectors.classes import ALL
    from mambatrack.evaluation.evaluate import scored_sequences

    classes = config.detector.classes
    if config.detector.name in ("auto", "file"):
        config = replace(config, detector=replace(config.detector, classes=()))
    else:
        classes = tuple(each for each in classes if not each.isdecimal() and each != ALL)
    half, strict = (getattr(options, name, None) for name in ("half", "strict"))
    sequences = scored_sequences(
        options.dataset, options.split, half == "second", bool(strict), classes,
        config.dataset.longest,
    )  # fmt: skip
    return sequences, config


def can_show() -> bool:
    """Whether --show can be had; says why where not."""
    from mambatrack.outputs.screen import display_problem

    problem = display_problem()
    if problem:
        print(f"--show is left out: {problem}", file=sys.stderr)
    return problem is None
