"""Names that have changed. The old ones are read for one release, with a warning that tells the
new one; an entry goes with the release after that.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

Section = TypeVar("Section")

SETTINGS = {  # a setting or a section, by its dotted name
    "tracker.refill": "tracker.straighten_history",
    "training.crossings": "training.crossing_share",
    "training.gaps": "training.gap_share",
    "training.rollout": "training.forecast",
    "filler": "gap_filling",
}
COMMANDS = {"train-refill": "train-gap-filling"}
OPTIONS = {  # of a command; read where the first of the new names is not given
    "train": {"--data": "--dataset"},
    "train-association": {"--data": "--dataset"},
    "train-gap-filling": {"--data": "--dataset"},
    "submit": {"--dataset": "--server", "--data": "--dataset"},
    "export-tracks": {"--names": "--class-names"},
}


def tell(old: str, new: str) -> None:
    """The warning for one old name."""
    warnings.warn(f"{old} is called {new} now; the next release reads the new name only",
                  FutureWarning, stacklevel=4)  # fmt: skip


def new_setting(key: str) -> str:
    """Today's name of a setting or section, with the warning where ``key`` is an old one."""
    name = _today(key)
    if name != key:
        tell(key, name)
    return name


def as_named_today(record: dict[str, Any]) -> dict[str, Any]:
    """A record of settings by section, as JSON holds it, under today's names; without a warning."""
    named: dict[str, Any] = {}
    for section, values in record.items():
        if isinstance(values, dict):
            before = {
                old.rpartition(".")[2]: new.rpartition(".")[2]
                for old, new in SETTINGS.items()
                if old.startswith(f"{section}.")
            }
            values = {before.get(key, key): value for key, value in values.items()}
        named[_today(section)] = values
    return named


def old_keywords(section: str) -> Callable[[type[Section]], type[Section]]:
    """Lets a dataclass of settings be made with the old names of its fields too."""
    prefix = f"{section}." if section else ""

    def decorate(kind: type[Section]) -> type[Section]:
        plain = kind.__init__

        @functools.wraps(plain)
        def __init__(self: Section, *values: Any, **named: Any) -> None:
            for key in [key for key in named if f"{prefix}{key}" in SETTINGS]:
                value = named.pop(key)
                named[new_setting(f"{prefix}{key}").removeprefix(prefix)] = value
            plain(self, *values, **named)

        cast(Any, kind).__init__ = __init__
        return kind

    return decorate


def _today(key: str) -> str:
    for old, new in SETTINGS.items():
        if key == old or key.startswith(f"{old}."):
            return new + key[len(old) :]
    return key
