"""Options that would have no effect are refused. What an option needs is declared beside it:

>>> add = parser.add_argument
>>> add("--revise", action="store_true", needs=("--jsonl",), unless=("--lag",))

needs:  facts of which one must hold. unless: facts of which none may hold

A fact is an option that is given, here or as the setting that it stands for, or what a command says
of its source and its models in ``facts``: the texts below.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from mambatrack.cli.file_forms import Form
from mambatrack.cli.shared import as_message
from mambatrack.config import Config
from mambatrack.nearest import did_you_mean

VIDEO, VIDEOS, BOXES = "a video as SOURCE", "a folder of videos", "boxes from -"
FILE = "a file as SOURCE"
TO_TRACK = "something to track"  # not results that are there
NETWORK = "a --predictor that is a network"
SHORTCUTS = {  # option -> setting that it stands for
    "detector": "detector.name", "weights": "detector.weights", "conf": "detector.conf",
    "class_names": "detector.class_names", "slice": "detector.slice",
    "overlap": "detector.slice_overlap", "classes": "detector.classes",
    "predictor": "tracker.predictor", "association": "tracker.association",
    "device": "tracker.device", "offline": "tracker.offline",
    "camera": "tracker.camera", "appearance": "appearance.embedder", "draw": "drawing.layers",
}  # fmt: skip
MORE = {"line": "counting.lines", "zone": "counting.zones"}  # are added to the setting


class Effect(NamedTuple):
    """When the option has one."""

    option: str
    needs: tuple[str, ...]
    unless: tuple[str, ...]


class Parser(argparse.ArgumentParser):
    """Of a command line. effects: of each option, by its attribute among the parsed ones.
    forms: of each that names what is written, likewise; see file_forms.py"""

    def __init__(self, *values: Any, **named: Any):
        self.effects: dict[str, Effect] = {}
        self.forms: dict[str, Form] = {}
        self._group: argparse._ArgumentGroup | None = None
        super().__init__(*values, **named)

    def under(self, heading: str) -> None:
        """The help lists the options that are added from now on below this heading."""
        self._group = self.add_argument_group(heading)

    def add_argument(
        self, *names: Any, needs: Sequence[str] = (), unless: Sequence[str] = (),
        form: Form | None = None, **rest: Any,
    ) -> argparse.Action:  # fmt: skip
        add = self._group.add_argument if self._group else super().add_argument
        action = add(*names, **rest)
        action.help = _with_default(action)
        if form is not None:
            self.forms[action.dest] = form
        self.effects[action.dest] = Effect(names[-1], tuple(needs), tuple(unless))
        return action

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Of argparse: the message names the nearest of the choices."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            known = [*map(str, action.choices or ())]
            if isinstance(action, argparse._SubParsersAction):
                known += self._option_string_actions
            meant = did_you_mean(value, known)
            raise argparse.ArgumentError(action, f"{error.message}{meant}") from None

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += "; a value that begins with - is joined to it by ="
        way = f"all options: {self.prog} --help"
        self.exit(2, f"{way}\n{self.prog}: error: {as_message(message)}\n")

    def knows(self, fact: str) -> bool:
        """Whether the fact can hold here: an option of this command, or no option."""
        return not fact.startswith("--") or fact in self._option_string_actions


def _with_default(action: argparse.Action) -> str | None:
    """The help of an option with its default at the end, where it has one and does not say it."""
    key = SHORTCUTS.get(action.dest)
    value = action.default if key is None else _default_of(key)
    if not action.help or not isinstance(value, (str, int, float)) or not value or value is True:
        return action.help
    shown = f"({value})"
    if value == argparse.SUPPRESS or shown in action.help or "default" in action.help:
        return action.help
    return f"{action.help} {shown}"


def _default_of(key: str) -> Any:
    """Of a setting."""
    section, item = key.split(".")
    return getattr(getattr(Config(), section), item)


def refuse_without_effect(options: argparse.Namespace, config: Config) -> None:
    """Usage error for the first option that would have no effect."""
    parser: Parser = options.parser
    facts = {*_given(options), *_set(config), *options.facts(options, config)}
    for name, effect in parser.effects.items():
        if getattr(options, name, None) == parser.get_default(name):
            continue
        if effect.needs and not facts.intersection(effect.needs):
            parser.error(without(effect.option, filter(parser.knows, effect.needs)))
        for fact in effect.unless:
            if fact in facts:
                parser.error(f"{effect.option} has no effect with {fact}: leave it out")


def without(option: str, needs: Iterable[str]) -> str:
    """The message for an option that needs one of several facts."""
    *others, last = needs
    listed = f"{', '.join(others)} or {last}" if others else last
    which = "one of them" if others else "that"
    return f"{option} has no effect without {listed}: add {which}, or leave it out"


def no_facts(options: argparse.Namespace, config: Config) -> Iterable[str]:
    """The facts of a command that has no source and no models."""
    return ()


def model_facts(options: argparse.Namespace, config: Config) -> Iterable[str]:
    """Whether one of the predictors is a network."""
    predictors = getattr(options, "predictors", None) or [config.tracker.predictor]
    if any(each not in ("kalman", "velocity", "still") for each in predictors):
        yield NETWORK


def _given(options: argparse.Namespace) -> Iterable[str]:
    """The options that are not at their defaults."""
    parser: Parser = options.parser
    for action in parser._actions:
        if getattr(options, action.dest, None) != parser.get_default(action.dest):
            yield from action.option_strings


def _set(config: Config) -> Iterable[str]:
    """The options whose settings are not at their defaults, wherever they were given."""
    for name, key in {**SHORTCUTS, **MORE}.items():
        section, item = key.split(".")
        if getattr(getattr(config, section), item) != _default_of(key):
            yield f"--{name.replace('_', '-')}"
