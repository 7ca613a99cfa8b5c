"""Numbers out of model cards: of the kind and in the range that is expected, or refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.networks.weight_files import unique

Card = dict[str, Any]

LONGEST_CARD = 1 << 24  # bytes
LARGEST = 1e6  # of a share of a box's size
LONGEST_WINDOW = 1000  # offsets that a network reads at once
MOST_ROWS = 10_000  # frames for which a spread is told


def parse_card(path: Path) -> Card:
    """Raises ValueError where the file holds no object of JSON with an ``architecture``."""
    if (size := path.stat().st_size) > LONGEST_CARD:
        raise ValueError(f"a card of at most {LONGEST_CARD} bytes expected, got {size}")
    try:
        card = json.loads(
            path.read_text(encoding="utf-8"), parse_constant=_refuse, object_pairs_hook=unique
        )
    except RecursionError:
        raise ValueError("the card is nested too deep") from None
    if not isinstance(card, dict) or not isinstance(card.get("architecture"), dict):
        raise ValueError("the card is no object of JSON with an architecture")
    return card


def told(card: Card, place: str) -> Any:
    """What stands at ``place``, names with a point between."""
    found: Any = card
    for name in place.split("."):
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"the card says nothing of {place}")
        found = found[name]
    return found


def whole(card: Card, place: str, low: int, high: int) -> int:
    """The whole number at ``place``, from ``low`` to ``high``."""
    value = told(card, place)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(
            f"{place}: a whole number from {low} to {high} expected, the card says {_shown(value)}"
        )
    return value


def one_of(card: Card, place: str, choices: tuple[str, ...]) -> str:
    """The text at ``place``, one of ``choices``."""
    value = told(card, place)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{place}: {' or '.join(choices)} expected, the card says {_shown(value)}")
    return value


def shares(card: Card, place: str) -> NDArray[np.float32]:
    """[4], shares of a box's size, at ``place``."""
    value = told(card, place)
    if not _is_four(value):
        raise ValueError(
            f"{place}: four numbers from 0 to {LARGEST:g} expected, the card says {_shown(value)}"
        )
    return np.array(value, np.float32)


def spread_of(card: Card) -> NDArray[np.float32]:
    """[H, 4], shares of a box's size after 1 to H frames."""
    rows = told(card, "spread")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(
            f"spread: a list of 1 to {MOST_ROWS} rows expected, the card says {_shown(rows)}"
        )
    for number, row in enumerate(rows):
        if not _is_four(row):
            raise ValueError(
                f"spread, row {number}: four numbers from 0 to {LARGEST:g} expected, the card says "
                f"{_shown(row)}"
            )
    return np.array(rows, np.float32)


def check_told(card: Card, **found: int) -> None:
    """ValueError where the card's architecture tells another size than the weights have."""
    for name, size in found.items():
        said = card["architecture"].get(name, size)
        if type(said) is not int or said != size:
            raise ValueError(f"the weights have {name} {size}, the card says {_shown(said)}")


def _is_four(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 4
        and all(type(each) in (int, float) and 0 <= each <= LARGEST for each in row)
    )


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
