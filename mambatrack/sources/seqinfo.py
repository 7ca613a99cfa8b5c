"""seqinfo.ini of a sequence in MOT layout."""

import configparser
from collections.abc import Mapping
from pathlib import Path

from mambatrack.errors import MambatrackError


def read_seqinfo(folder: Path) -> Mapping[str, str]:
    """The section [Sequence] of the seqinfo.ini in ``folder``, empty where there is none."""
    path = folder / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8-sig")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise MambatrackError(f"{path} is not a readable seqinfo.ini: {error}") from None
    return parser["Sequence"] if parser.has_section("Sequence") else {}


def number(folder: Path, info: Mapping[str, str], key: str) -> float:
    """The positive number under ``key``, 0 where there is none."""
    text = info.get(key, "0")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise MambatrackError(f"{folder / 'seqinfo.ini'}: {key} = {text!r} is no positive number")
    return value


def images_folder(folder: Path, info: Mapping[str, str]) -> Path:
    """The folder of the sequence's pictures, whether it exists or not."""
    return folder / Path(info.get("imDir", "img1")).name
