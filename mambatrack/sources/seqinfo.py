"""seqinfo.ini of a sequence in MOT layout."""

import configparser
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

from mambatrack.errors import MambatrackError, reason_of
from mambatrack.files import regular

SECTION = "sequence"
HIGHEST = {"imWidth": 100_000.0, "imHeight": 100_000.0, "frameRate": 100_000.0}


def read_seqinfo(folder: Path) -> Mapping[str, str]:
    """The section [Sequence] of the seqinfo.ini in ``folder``, empty where there is no file.

    Upper and lower case and blanks around names do not matter, and the file may have no section.
    Raises MambatrackError where it has only others, or is no such file.
    """
    path = folder / "seqinfo.ini"
    if not os.path.lexists(path):
        return {}
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";", "#"))
    try:
        text = regular(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
        if "\0" in text:
            raise MambatrackError(f"{path} is no UTF-8 text; save it as UTF-8")
        headed = any(line.lstrip().startswith("[") for line in text.splitlines())
        lines = [line.strip() for line in text.splitlines()]
        parser.read_string("\n".join(lines if headed else [f"[{SECTION}]", *lines]))
    except (configparser.Error, OSError) as error:
        said = " ".join(reason_of(error).replace("'<string>'", "it").split())
        raise MambatrackError(f"{path} is not a readable seqinfo.ini: {said}") from None
    for name in parser.sections():
        if name.strip().lower() == SECTION:
            return parser[name]
    found = ", ".join(f"[{name}]" for name in parser.sections())
    raise MambatrackError(f"{path} has no section [Sequence]; found {found}")


def number(
    folder: Path, info: Mapping[str, str], key: str, highest: float | None = None,
    mend: str = "",
) -> float:  # fmt: skip
    """The positive number under ``key``, 0 where there is none.

    Raises MambatrackError, with the line, for any other value and for one above ``highest``
    (default: HIGHEST), where ``mend`` says what can be done.
    """
    text = info.get(key, "0")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    place = f"{folder / 'seqinfo.ini'}{_line(folder, key)}: {key} = {text[:40]!r}"
    if not 0 <= value < math.inf:
        raise MambatrackError(f"{place} is no positive number")
    if key != "frameRate" and value != int(value):
        raise MambatrackError(f"{place} is no whole number")
    highest = HIGHEST.get(key, math.inf) if highest is None else highest
    if value > highest:
        raise MambatrackError(f"{place} is more than {highest:.0f} and looks like a mistake{mend}")
    return value


def images_folder(folder: Path, info: Mapping[str, str]) -> Path:
    """The folder of the sequence's pictures, img1 where there is none that imDir names; whether it
    exists or not. Only folders in that of the sequence count."""
    parts = [part for part in re.split(r"[/\\]", info.get("imDir", "").strip(" \"'")) if part]
    named = [] if ".." in parts else [folder.joinpath(*parts)]
    named += [folder / part for part in parts[-1:]]
    return next((each for each in named if parts and each.is_dir()), folder / "img1")


def _line(folder: Path, key: str) -> str:
    """``, line 3`` for the line of seqinfo.ini that has the key."""
    path = folder / "seqinfo.ini"
    if path.is_file():
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
        for place, line in enumerate(lines, start=1):
            if line.replace(":", "=").split("=")[0].strip().lower() == key.lower():
                return f", line {place}"
    return ""
