"""What a user meant who typed a name that is not known: the one mechanism behind "did you mean"."""

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

WORDS = {  # what others call it -> what it may be called here
    "center": "centre", "centroid": "centre", "middle": "centre", "bottom": "foot", "feet": "foot",
    "gpu": "cuda", "none": "off", "no": "off", "false": "off", "never": "off", "disabled": "off",
    "null": "off", "on": "auto", "yes": "auto", "true": "auto", "default": "auto",
    "image": "pictures", "images": "pictures", "video": "pictures", "iou": "overlap",
    "bytetrack": "overlap", "sort": "overlap", "constant velocity": "velocity",
    "linear": "velocity", "static": "still", "clothes": "colour", "histogram": "colour",
    "trace": "trails", "traces": "trails", "people": "person", "human": "person",
    "track buffer": "max age", "max time lost": "max age", "lost track buffer": "max age",
    "hit counter max": "max age", "max lost": "max age", "n init": "min hits",
    "minimum consecutive frames": "min hits", "initialization delay": "min hits",
    "iou threshold": "iou gate", "match thresh": "iou gate", "minimum iou threshold": "iou gate",
    "distance threshold": "iou gate", "new track thresh": "birth score",
    "track activation threshold": "birth score", "track high thresh": "match score",
    "track thresh": "match score", "track low thresh": "conf", "det thresh": "conf",
    "fps": "frame rate", "per class": "class aware", "cmc": "camera", "gmc method": "camera",
    "help": "--help", "version": "--version",
    "pedestrian": "person", "mot17": "mot", "motchallenge": "mot", "tracker type": "association",
}  # fmt: skip
THEIRS = {  # what others call an attribute of tracks -> what it is of one here
    "xyxy": "box", "bbox": "box", "tlbr": "box", "ltrb": "box", "xywh": "box", "tlwh": "box",
    "to_tlbr": "box", "to_ltrb": "box", "to_tlwh": "box", "rect": "box", "track_id": "id",
    "tracker_id": "id", "identity": "id", "conf": "score", "confidence": "score",
    "class_id": "label", "cls": "label", "category": "label", "time_since_update": "gap",
    "hits": "age", "speed": "velocity", "is_confirmed": "observed", "is_activated": "observed",
}  # fmt: skip
CLOSE = 0.6  # similarity of two names that may be one


def nearest(given: object, known: Iterable[str], close: float = CLOSE) -> str | None:
    """The known name that was meant: the same but for case, separators and British or American
    spelling; what others call it; the only one that begins so; else the most similar."""
    names = {_plain(name): name for name in reversed([each for each in known if each])}
    typed = _plain(str(given))
    if not typed:
        return None
    alike = [each for each in names if _spelt(each) == _spelt(typed)]
    called = _plain(WORDS.get(typed, ""))
    device = re.fullmatch(r"(cuda|gpu)?[ :]?\d+", typed) and "cuda"
    for each in (*alike, called, device):
        if each in names:
            return names[each]
    begun = [each for each in names if len(typed) > 1 and each.startswith(typed)]
    if len(begun) == 1:
        return names[begun[0]]
    found = difflib.get_close_matches(_spelt(typed), [_spelt(each) for each in names], 1, close)
    return next((names[each] for each in names if found and _spelt(each) == found[0]), None)


def did_you_mean(given: object, known: Iterable[str], close: float = CLOSE) -> str:
    """The end of a message, "" where nothing is near."""
    name = nearest(given, known, close)
    if name is None or name == given:
        return ""
    return f"; did you mean {name if name.startswith('-') else repr(name)}?"


class TellsNames:
    """Whose error for an attribute that is not there tells what it is called here."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            kinds = type(self).__mro__
            kind = next(each.__name__ for each in kinds if not each.__name__.startswith("_"))
            meant = ""
            if not name.startswith("_"):
                known = [each for each in dir(type(self)) if not each.startswith("_")]
                known += [each for kind in kinds for each in getattr(kind, "__annotations__", ())]
                own = THEIRS.get(name)
                ours = [each for each in (own, f"{own}s", f"{own}es") if each in known]
                meant = f"; did you mean {ours[0]!r}?" if ours else did_you_mean(name, known)
            raise AttributeError(f"{kind!r} object has no attribute {name!r}{meant}")


def _plain(name: str) -> str:
    """Without case, and with one blank between words; the dashes of an option stay."""
    dashes = re.match(r"-*", name.strip())
    words = re.sub(r"[\s_-]+", " ", name.strip().lstrip("-")).casefold().strip()
    return (dashes[0] if dashes else "") + words


def _spelt(name: str) -> str:
    """The same in either of two spellings: colour, grey, centre, normalise, licence, modelled."""
    for british, american in (
        ("our", "or"), ("grey", "gray"), ("tre", "ter"), ("yse", "yze"), ("ise", "ize"),
        ("isa", "iza"), ("ence", "ense"), ("ll", "l"), ("ogue", "og"),
    ):  # fmt: skip
        name = name.replace(british, american)
    return name
