"""Which of the tracker's settings are tuned, and in what range."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mambatrack.config import Config, TrackerConfig, describe, load_config
from mambatrack.errors import MambatrackError
from mambatrack.renamed import new_setting

RANGES: dict[str, tuple[float, float]] = {  # usual ones
    "tracker.match_odds": (-3.0, 3.0),
    "tracker.birth_odds": (-3.0, 3.0),
    "tracker.match_score": (0.3, 0.8),
    "tracker.birth_score": (0.4, 0.9),
    "tracker.birth_iou": (0.2, 0.8),
    "tracker.iou_gate": (0.05, 0.5),
    "tracker.height_power": (0.0, 4.0),
    "tracker.max_age": (10, 120),
}
BOTH = ("tracker.birth_score", "tracker.max_age")
LEARNED = ("tracker.match_odds", "tracker.birth_odds")
WIDEST = 10  # an allowed range at most as wide is tried as a whole
EXAMPLE = "tracker.iou_gate=0.05:0.5"


@dataclass(frozen=True)
class Parameter:
    """A setting by its dotted name and what is tried: (low, high), both included, or choices."""

    name: str
    values: tuple[Any, ...]
    categorical: bool = False

    def distribution(self) -> Any:
        """Optuna's: whole numbers stay whole."""
        from optuna import distributions

        if self.categorical:
            return distributions.CategoricalDistribution(self.values)
        whole = isinstance(self.values[0], int)
        kind = distributions.IntDistribution if whole else distributions.FloatDistribution
        return kind(*self.values)

    def allows(self, value: Any) -> bool:
        if self.categorical:
            return value in self.values
        return self.values[0] <= value <= self.values[1]

    def __str__(self) -> str:
        """As ``0.05:0.5``, or ``False, True``."""
        return (", " if self.categorical else ":").join(str(each) for each in self.values)


def usual_parameters(config: Config) -> list[str]:
    """Names of what the configuration's association depends on."""
    learned = config.tracker.association != "overlap"
    return [name for name in RANGES if name in BOTH or (name in LEARNED) == learned]


def parse_parameters(texts: Sequence[str]) -> list[Parameter]:
    """From texts such as ``tracker.max_age=10:90`` or ``tracker.passes``, ordered by name. Without
    a range it is the one in RANGES, else all that is allowed.
    """
    found = [_parse(text) for text in texts]
    names = sorted(each.name for each in found)
    twice = [name for name, after in zip(names, names[1:], strict=False) if name == after]
    if twice:
        raise MambatrackError(f"the parameter {twice[0]} is named twice")
    return sorted(found, key=lambda each: each.name)


def base_values(config: Config, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The configuration's own values, by dotted name, which must lie in the parameters' ranges."""
    values = {each.name: getattr(config.tracker, _last(each.name)) for each in parameters}
    for each in parameters:
        if not each.allows(values[each.name]):
            raise MambatrackError(
                f"the search starts at the configuration's {each.name}, {values[each.name]}, which "
                f"is not within {each}; widen the range or start elsewhere, with "
                f"--{each.name} {each.values[0]}"
            )
    return values


def _parse(text: str) -> Parameter:
    name, given, limits = text.strip().partition("=")
    name = new_setting(name)
    item = _setting(name)
    choices = (False, True) if type(item.default) is bool else item.metadata["choices"]
    if choices:
        if given:
            raise MambatrackError(f"{name} takes no range; all of {choices} are tried")
        return Parameter(name, tuple(choices), categorical=True)
    return Parameter(name, _limits(name, limits) if given else _usual(name, item))


def _setting(name: str) -> dataclasses.Field:
    """The field of TrackerConfig; numbers, truth values and choices that change the tracks."""
    if name not in {key for key, _, _ in describe()}:
        load_config(overrides={name: ""})  # raises, with the nearest name
    own = {f"tracker.{item.name}": item for item in dataclasses.fields(TrackerConfig)}
    if name not in own or name in ("tracker.predictor", "tracker.association", "tracker.device"):
        raise MambatrackError(
            f"{name} cannot be tuned; name what the tracker does with boxes, as {EXAMPLE}"
        )
    return own[name]


def _limits(name: str, text: str) -> tuple[Any, Any]:
    """LOW:HIGH as the configuration would take them."""
    ends = text.split(":")
    if len(ends) != 2 or not all(ends):
        raise MambatrackError(f"{name}: expected a range LOW:HIGH, as {EXAMPLE}, found {text!r}")
    low, high = (getattr(load_config(overrides={name: end}).tracker, _last(name)) for end in ends)
    if low >= high:
        raise MambatrackError(f"{name}: the range {text} is empty; expected LOW below HIGH")
    return low, high


def _usual(name: str, item: dataclasses.Field) -> tuple[Any, Any]:
    low, high = item.metadata["low"], item.metadata["high"]
    if name in RANGES:
        return RANGES[name]
    if high - low > WIDEST:
        raise MambatrackError(
            f"{name} may be {low} to {high}, too much to try; give a range, as {name}=LOW:HIGH"
        )
    return low, high


def _last(name: str) -> str:
    return name.split(".")[-1]
