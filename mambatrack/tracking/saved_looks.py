"""What tracks look like, in the states of trackers with an embedder and of those without one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mambatrack.tracking.memory import MEMORY_COLUMNS

LOOKS = "looks"  # column of a table
OF_LOOKS = "embedder", "similarities"  # entries beside the tables


def with_looks_of(
    values: Mapping[str, Any], origin: Mapping[str, str], width: int, prefixes: list[str]
) -> Mapping[str, Any]:
    """The entries of a state for a tracker of this origin. One with an embedder, ``width`` numbers
    a track, has looked at nobody yet where the state is of a tracker without; one without forgets
    what tracks looked like, but for a gallery, which has to be deleted by name."""
    if ("embedder" in origin) == ("embedder" in values):
        return values
    if "embedder" not in origin:
        gallery = any(name in values for name in MEMORY_COLUMNS)
        lost = () if gallery else (*OF_LOOKS, *(prefix + LOOKS for prefix in prefixes))
        return {name: each for name, each in values.items() if name not in lost}
    ids = [values.get(f"{prefix}ids") for prefix in prefixes]
    blank = {
        f"{prefix}{LOOKS}": np.zeros((len(each), width), np.float32)
        for prefix, each in zip(prefixes, ids, strict=True)
        if isinstance(each, np.ndarray) and each.ndim == 1
    }
    return {**blank, **values, "embedder": origin["embedder"], "similarities": np.zeros((2, 3))}
