"""Names of classes, and the choice among them."""

import difflib

from mambatrack.errors import MambatrackError

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


def names_of(count: int) -> tuple[str, ...]:
    """COCO's names for 80 classes, "person" for one, else the numbers."""
    if count == len(COCO):
        return COCO
    return ("person",) if count == 1 else tuple(str(label) for label in range(count))


def chosen_labels(classes: tuple[str, ...], names: tuple[str, ...]) -> frozenset[int]:
    """Labels of ``classes``, given by name or number; all where none is given.

    Raises MambatrackError for a class that the model does not have.
    """
    by_name = {name.lower(): label for label, name in enumerate(names)}
    by_name.update({str(label): label for label in range(len(names))})
    chosen = set()
    for entry in classes:
        label = by_name.get(entry.strip().lower())
        if label is None:
            raise MambatrackError(f"unknown class {entry!r}{_known(entry, names)}")
        chosen.add(label)
    return frozenset(chosen or range(len(names)))


def _known(entry: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(entry.lower(), names, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"; {hint}the model has {', '.join(names)} (0 to {len(names) - 1})"
