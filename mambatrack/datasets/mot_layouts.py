"""What a line looks like that is no MOT text: other layouts, headers, comments, other notations."""

import re
from collections.abc import Sequence, Set

MEND = "expected the numbers frame,id,left,top,width,height"

FOLDERS = (
    (
        {"annotations", "sequences"},
        "VisDrone: move sequences/NAME to NAME/img1 and annotations/NAME.txt to NAME/gt/gt.txt",
    ),
    (
        {"label_02"},
        "KITTI: write each label_02/NAME.txt as frame,id,left,top,width,height,1, frames from 1, "
        "to NAME/gt/gt.txt",
    ),
    (
        {"images", "labels"},
        "labelled pictures, which have no identities; train-detector reads them",
    ),
)  # of data sets: names of folders, and what it is

Fields = Sequence[str]


def described(line: str, fields: Fields) -> str:
    """What the line looks like and what to do, as the end of a message; "" where it is unknown."""
    for looks, what in LAYOUTS:
        if looks(line.strip(), fields):
            return f". This looks like {what}; {MEND}"
    return ""


def field_hint(field: str, column: int) -> str:
    """What a single field looks like."""
    if not field:
        return "; it is empty"
    if column == 8 and _is_word(field):
        return (
            ". This looks like the name of a class; write its number, and the names of classes, "
            "one a line, into labels.txt beside gt.txt"
        )
    if re.fullmatch(r"[+-]?\d+,\d+", field):
        return ". This looks like a decimal comma; write decimal points"
    return ""


def key_hint(fields: Fields) -> str:
    """What a frame or id may be that is not whole: a row without an id."""
    if fields[0].isdecimal() and len(fields) in (6, 7):
        return (
            ". This looks like a row without an id: write -1 behind the frame where boxes have none"
        )
    return ""


def folder_hint(names: Set[str]) -> str:
    """What a data set looks like without any sequence, by the names of the folders in it."""
    return next((f". This looks like {what}" for these, what in FOLDERS if these <= names), "")


def _is_word(field: str) -> bool:
    return re.match(r"[^\W\d_]{2}", field) is not None and field.lower() not in ("nan", "inf")


def _is_comment(line: str, fields: Fields) -> bool:
    return line.startswith(("#", "//", "%", "--"))


def _is_header(line: str, fields: Fields) -> bool:
    return len(fields) > 1 and all(re.search(r"[^\W\d]", field) for field in fields)


def _is_kitti(line: str, fields: Fields) -> bool:
    return len(fields) >= 15 and fields[0].isdecimal() and _is_word(fields[2])


def _is_mots(line: str, fields: Fields) -> bool:
    parts = line.split()
    return len(parts) == 6 and all(part.isdecimal() for part in parts[:5])


def _has_decimal_commas(line: str, fields: Fields) -> bool:
    parts = re.split(r"[;\s]+", line)
    return len(parts) >= 6 and any(re.fullmatch(r"[+-]?\d+,\d+", part) for part in parts)


def _is_yolo(line: str, fields: Fields) -> bool:
    shares = [re.fullmatch(r"0?\.\d+|[01]", field) for field in fields[1:5]]
    return len(fields) in (5, 6) and fields[0].isdecimal() and all(shares)


LAYOUTS = (
    (_is_comment, "a comment, which MOT text does not have: delete the line"),
    (
        lambda line, fields: line.startswith(("{", "[")),
        "JSON; mambatrack reads it where a tracker's JSON Lines are asked for",
    ),
    (lambda line, fields: line.startswith("<"), "XML: export it as MOT 1.1"),
    (_is_kitti, "KITTI's tracking labels (frame, id, type, ..., left, top, right, bottom)"),
    (_has_decimal_commas, "a table with decimal commas: write decimal points"),
    (_is_mots, "MOTS, which has masks instead of boxes"),
    (
        _is_yolo,
        "a YOLO label (class and the box as shares of the picture), which has no frame and id",
    ),
    (_is_header, "a header: delete the line if the columns are in that order, else reorder them"),
)
