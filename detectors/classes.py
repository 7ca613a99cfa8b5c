"""Names of classes, and the choice among them."""

import ast
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.errors import MambatrackError, counted
from mambatrack.nearest import did_you_mean

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
MOVING = (  # of COCO, what moves by itself
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "bird",
    "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe",
)  # fmt: skip
ALL = "all"  # in place of names
UNUSED_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # COCO's annotations count to 90
_names = iter(COCO)
COCO_IDS = tuple(str(id_) if id_ in UNUSED_IDS else next(_names) for id_ in range(91))


def names_in(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names that an ONNX file carries as Ultralytics writes them, {0: 'person', ...} or a list;
    () where there are none, or where they are not numbered from 0 without a gap."""
    try:
        said = ast.literal_eval(metadata.get("names", ""))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    if isinstance(said, dict):
        said = [said[key] for key in sorted(said)] if set(said) == set(range(len(said))) else ()
    return tuple(map(str, said)) if isinstance(said, (list, tuple)) else ()


def names_of(count: int) -> tuple[str, ...]:
    """COCO's names for 80 classes, "person" for one, else the numbers."""
    if count == len(COCO):
        return COCO
    return ("person",) if count == 1 else tuple(str(label) for label in range(count))


def given_names(config: DetectorConfig, names: tuple[str, ...]) -> tuple[str, ...]:
    """detector.class_names in place of ``names``, which the file has or stand in for none.

    Raises MambatrackError where their number is known to be another.
    """
    given = config.class_names
    if given and names and len(given) != len(names):
        raise MambatrackError(
            f"{config.weights}: detector.class_names has {counted(len(given), 'name')}; expected "
            f"one for each of the {counted(len(names), 'class')}"
        )
    return given or names


def chosen_labels(classes: tuple[str, ...], names: tuple[str, ...]) -> frozenset[int] | None:
    """Labels of ``classes``, given by name or number; None, which is all, where none or ALL is
    given.

    names: () where they are not known; then any number is taken. Raises MambatrackError for a class
    that the model does not have.
    """
    by_name = {name.lower(): label for label, name in enumerate(names)}
    by_name.update({str(label): label for label in range(len(names))})
    if wants_all(classes) and ALL not in by_name:
        return None
    chosen = set()
    for entry in classes:
        key = entry.strip().lower()
        label = by_name.get(key)
        if label is None and not names and key.isdecimal():
            label = int(key)
        if label is None:
            raise MambatrackError(f"unknown class {entry!r}{_known(entry, names)}")
        chosen.add(label)
    return frozenset(chosen)


def is_named(
    labels: NDArray[np.integer], names: Sequence[str], classes: tuple[str, ...]
) -> NDArray[np.bool_]:
    """Which labels [N] are among ``classes`` by number or name; names: those that are known yet."""
    wanted = {each.strip().lower() for each in classes}
    known = dict(enumerate(names))
    chosen = [
        bool({str(label), known.get(label, "").lower()} & wanted) for label in labels.tolist()
    ]
    return np.array(chosen, bool)


def wants_all(classes: tuple[str, ...]) -> bool:
    """Whether every class is kept: none is given, or ALL."""
    return not classes or [each.strip().lower() for each in classes] == [ALL]


def _known(entry: str, names: tuple[str, ...]) -> str:
    if not names:
        return (
            "; the model does not name its classes: give their numbers, or the "
            "names of all as --class-names"
        )
    meant = did_you_mean(entry, names)
    return f"{meant}{'' if meant else ';'} the model has {', '.join(names)} (0 to {len(names) - 1})"
