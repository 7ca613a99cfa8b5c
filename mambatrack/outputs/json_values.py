"""What comes with detections, as values of JSON."""

import math
from collections.abc import Mapping
from typing import Any

from mambatrack.errors import MambatrackError


def add_data(record: dict[str, Any], data: Mapping[str, Any]) -> None:
    """Puts ``data`` into the ``record`` of a track under the same names. Raises MambatrackError
    where the record has such a name already, or JSON has no such value."""
    for name, value in data.items():
        if name in record:
            raise MambatrackError(
                f"data of detections is called {name!r}, as a track has of its own in JSON Lines; "
                "give it another name"
            )
        try:
            record[name] = _json_value(name, value)
        except RecursionError:
            raise MambatrackError(f"data of detections {name!r} is nested too deeply") from None


def _json_value(name: str, value: Any) -> Any:
    """Arrays and tensors as lists; None in place of a number that is not finite."""
    if hasattr(value, "tolist"):  # numpy, torch
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_json_value(name, each) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _json_value(name, each) for key, each in value.items()}
    raise MambatrackError(
        f"data of detections {name!r} is a {type(value).__name__}, which JSON cannot hold; "
        "expected numbers, texts, lists, arrays or mappings of them"
    )
