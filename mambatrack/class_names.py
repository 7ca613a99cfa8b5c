"""Names of classes, by their numbers."""

from collections.abc import Mapping, Sequence

import numpy as np

from mambatrack.errors import MambatrackError, shown

MOST_CLASSES = 2**16  # that a mapping of names may number
UNNAMED = ("object",)  # names of the classes of a source that tells none
Names = Sequence[str] | Mapping[int, str]


def class_name(names: Sequence[str], label: int) -> str:
    """The name of a class, its number where it has none."""
    return names[label] if 0 <= label < len(names) else str(label)


def names_by_number(names: Names) -> tuple[str, ...]:
    """Names of classes in the order of their numbers; those that a mapping leaves out are named by
    their number. Raises MambatrackError for a single text, and for other keys than numbers."""
    if isinstance(names, str):
        raise MambatrackError(f"class_names is {names!r}; expected names, as ({names!r},)")
    if not isinstance(names, Mapping):
        return tuple(map(str, names))
    if not all(isinstance(key, (int, np.integer)) and 0 <= key < MOST_CLASSES for key in names):
        raise MambatrackError(
            f"class_names is {shown(names)}; expected names by number, from 0 to {MOST_CLASSES - 1}"
        )
    return tuple(str(names.get(number, number)) for number in range(max(names, default=-1) + 1))
