"""One setting: its default, documentation, and what it may be."""

import os
from dataclasses import field
from typing import Any

TRAINED = "a trained .safetensors file"
NORMALISATIONS = "auto", "imagenet", "half", "rgb", "bgr"  # of the pixels that an embedder sees


def plain(value: Any, kind: Any) -> Any:
    """A value as the setting of this type may have it: of a number of numpy or torch the Python
    number, of a whole float an int, of a path its text, with the home folder for ~, and off where
    YAML read off as False."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is str:
        if value is False:
            return "off"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        return at_home(os.fspath(value)) if isinstance(value, (str, os.PathLike)) else value
    return value


def at_home(name: str) -> str:
    """The name with the home folder in place of ~ in front, which shells leave where it stands
    behind = or in quotes; as it is where there is such a file."""
    if name != "~" and not name.startswith(("~/", "~\\")):
        return name
    return name if os.path.lexists(name) else os.path.expanduser(name)


def option(
    default: Any, doc: str, low: Any = None, high: Any = None, choices: tuple = (),
    files: str = "",
) -> Any:  # fmt: skip
    """A dataclass field with its documentation (unit included), closed range or choices.

    files: what the path of a file or folder, which is allowed beside the choices, is of
    """
    return field(
        default=default,
        metadata={"doc": doc, "low": low, "high": high, "choices": choices, "files": files},
    )
