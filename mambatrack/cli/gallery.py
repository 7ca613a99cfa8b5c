"""``mambatrack gallery``: those whom a memory keeps in a state file, listed, merged, forgotten."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mambatrack.cli.arguments import Command, add_overwrite, whole
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import ReadPath, WrittenFolder
from mambatrack.cli.one_writer import one_writer
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, shown
from mambatrack.files import check_output, write_bytes
from mambatrack.nearest import did_you_mean

if TYPE_CHECKING:
    from mambatrack.appearance.gallery import Gallery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("state", type=ReadPath, metavar="STATE", help="file of live --state, or of Tracker.save()")
    add("--source", metavar="NAME", help="of several in the file (default: all)")
    add("--merge", type=whole(1), nargs=2, metavar=("A", "B"), unless=("--forget",),
        help="B is called A")  # fmt: skip
    add("--forget", nargs="+", metavar="ID",
        help="ids that are deleted, in the file and in its .bak; all for all")  # fmt: skip
    add("--pictures", type=WrittenFolder, form=FOLDER, metavar="DIR",
        help="gets ID.png, or of several sources "
        "NAME-ID.png, of each whom a memory with memory.pictures keeps")  # fmt: skip
    add_overwrite(parser, "write over pictures that exist", needs=("--pictures",))


def run(options: argparse.Namespace, config: Config) -> int:
    """Lists what is there, after the edit; nothing else of the file changes. No edit is made while
    live writes the file, as that would undo it."""
    with one_writer([options.state] if options.merge or options.forget else []):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from mambatrack.appearance.gallery import stored_gallery
    from mambatrack.tracking.state_file import StateFile

    file = StateFile(options.state)
    states = file.load()
    if not file.path.exists():
        raise MambatrackError(f"{file.path} does not exist; name a file of live --state")
    chosen = [options.source] if options.source else list(states)
    if unknown := set(chosen) - set(states):
        name = unknown.pop()
        raise MambatrackError(
            f"{options.state} has no source {name!r}; expected one of "
            f"{', '.join(states) or 'none'}{did_you_mean(name, states)}"
        )
    galleries = {name: stored_gallery(states[name]) for name in chosen}
    if options.merge:
        _merge(galleries, *options.merge)
    if options.forget:
        _forget(galleries, options.forget)
    if options.merge or options.forget:
        file.save({
            name: {**state, **(galleries[name].columns() if name in galleries else {})}
            for name, state in states.items()
        })  # fmt: skip
        file.backup.unlink(missing_ok=True)
    shown_in = {}
    if options.pictures:
        shown_in = _write_pictures(galleries, Path(options.pictures), options.overwrite)
    if not options.quiet:
        for name, gallery in galleries.items():
            print(f"{name}: {len(gallery)} kept")
            for identity, seen in zip(gallery.ids.tolist(), gallery.seen.tolist(), strict=True):
                picture = shown_in.get((name, identity), "")
                print(f"  id {identity}, last seen at {seen:.1f} s{picture}")
    return 0


def _write_pictures(
    galleries: "Mapping[str, Gallery]", folder: Path, overwrite: bool
) -> "dict[tuple[str, int], str]":
    """What the list says of each of whom there is a picture, by source and id."""
    import cv2

    from mambatrack.live.web.page_state import file_names

    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for name, own in zip(file_names(list(galleries)), galleries.items(), strict=True):
        source, gallery = own
        for identity, picture in zip(gallery.ids.tolist(), gallery.pictures, strict=True):
            if picture.any():
                file = f"{f'{name}-' if len(galleries) > 1 else ''}{identity}.png"
                path = check_output(folder / file, overwrite)
                write_bytes(path, cv2.imencode(".png", picture)[1].tobytes())
                told[source, identity] = f", {path}"
    return told


def _merge(galleries: "Mapping[str, Gallery]", kept: int, gone: int) -> None:
    """In a shared memory each may be under another source, the one that saw it last."""
    places = [_places(galleries, str(each)) for each in (kept, gone)]
    for each, found in zip((kept, gone), places, strict=True):
        if len(found) > 1:
            raise MambatrackError(
                f"id {each} is somebody of {' and somebody of '.join(found)}; name one as --source"
            )
    (one,), (other,) = places
    galleries[one].merge(kept, gone, galleries[other])


def _forget(galleries: "Mapping[str, Gallery]", ids: Sequence[str]) -> None:
    if list(ids) == ["all"]:
        ids = [str(each) for gallery in galleries.values() for each in gallery.ids.tolist()]
    places = [(each, _places(galleries, each)) for each in ids]
    for each, names in places:
        for name in names:
            galleries[name].forget(np.array([int(each)]))


def _places(galleries: "Mapping[str, Gallery]", identity: str) -> list[str]:
    """The sources that have this id. Raises MambatrackError where none has."""
    there = {name: [str(each) for each in own.ids.tolist()] for name, own in galleries.items()}
    found = [name for name, own in there.items() if identity in own]
    if not found:
        known = ", ".join(dict.fromkeys(each for own in there.values() for each in own)) or "none"
        raise MambatrackError(f"the gallery has no id {shown(identity)}; it has {known}")
    return found


GALLERY = Command("gallery", "list, merge or forget those whom a memory keeps", add_arguments, run)
