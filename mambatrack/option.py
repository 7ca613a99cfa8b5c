"""One setting: its default, documentation, and what it may be."""

from dataclasses import field
from typing import Any

TRAINED = "a trained .safetensors file"
NORMALISATIONS = "auto", "imagenet", "half", "rgb", "bgr"  # of the pixels that an embedder sees


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
