"""``mambatrack gallery``: those whom a memory keeps in a state file, listed, merged, forgotten."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import Command, whole
from mambatrack.cli.named_files import ReadPath
from mambatrack.config import Config
from mambatrack.errors import MambatrackError

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


def run(options: argparse.Namespace, config: Config) -> int:
    """Lists what is there, after the edit; nothing else of the file changes."""
    from mambatrack.appearance.gallery import stored_gallery
    from mambatrack.tracking.state_file import StateFile

    file = StateFile(options.state)
    states = file.load()
    if not file.path.exists():
        raise MambatrackError(f"{file.path} does not exist; name a file of live --state")
    chosen = [options.source] if options.source else list(states)
    if unknown := set(chosen) - set(states):
        raise MambatrackError(
            f"{options.state} has no source {unknown.pop()!r}; expected one of "
            f"{', '.join(states) or 'none'}"
        )
    galleries = {name: stored_gallery(states[name]) for name in chosen}
    for gallery in galleries.values():
        _edit(gallery, options.merge, options.forget)
    if options.merge or options.forget:
        file.save({
            name: {**state, **(galleries[name].columns() if name in galleries else {})}
            for name, state in states.items()
        })  # fmt: skip
        file.backup.unlink(missing_ok=True)
    if not options.quiet:
        for name, gallery in galleries.items():
            print(f"{name}: {len(gallery)} kept")
            for identity, seen in zip(gallery.ids.tolist(), gallery.seen.tolist(), strict=True):
                print(f"  id {identity}, last seen at {seen:.1f} s")
    return 0


def _edit(gallery: "Gallery", merge: Sequence[int] | None, forget: Sequence[str] | None) -> None:
    if merge:
        gallery.merge(*merge)
    if forget:
        everybody = list(forget) == ["all"]
        gallery.forget(gallery.ids if everybody else gallery.found(forget))


GALLERY = Command("gallery", "list, merge or forget those whom a memory keeps", add_arguments, run)
