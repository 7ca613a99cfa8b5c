"""``mambatrack link``: the ids of several results become one id space."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import Command, add_overwrite
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import ReadPath, SourcePath, WrittenFolder
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, counted
from mambatrack.files import Read, check_apart, check_output, replacing, write_text
from mambatrack.runs.output_files import numbered

if TYPE_CHECKING:
    from mambatrack.result_files.one_id_space import Linked
    from mambatrack.result_files.read_results import Recording

TABLE = "links.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("results", type=ReadPath, nargs="+", metavar="RESULT",
        help="JSON Lines with --embeddings, or any result with its --videos")  # fmt: skip
    add("--out", type=WrittenFolder, form=FOLDER, required=True, metavar="DIR",
        help=f"gets a copy of each result with the new ids, and {TABLE}, the links with their "
        "probabilities")  # fmt: skip
    add("--videos", type=SourcePath, nargs="+", metavar="SOURCE",
        help="that were tracked, in the order of the results")  # fmt: skip
    add("--appearance", metavar="A", needs=("--videos",),
        help="looks at the tracks in the videos: colour, own, a named embedder, or an ONNX or "
        "OpenVINO file")  # fmt: skip
    add_overwrite(parser)


def run(options: argparse.Namespace, config: Config) -> int:
    """Joins tracks of the results from the probability memory.surety on, and says how many."""
    from mambatrack.result_files.one_id_space import link_results
    from mambatrack.result_files.read_results import read_recording

    paths = [Path(each) for each in options.results]
    folder = Path(options.out)
    planned = _copies(paths, folder)
    recordings = [read_recording(each) for each in paths]
    folder.mkdir(parents=True, exist_ok=True)
    copies = [check_output(each, options.overwrite) for each in planned]
    if options.videos:
        recordings = _seen_again(recordings, options.videos, config)
    linked = link_results(paths, recordings, config.memory.surety)
    counts = _write(linked, paths, copies)
    if not options.quiet:
        people = len({number for own in counts for number in own})
        told = ", ".join(f"{path.name} {len(own)}" for path, own in zip(paths, counts, strict=True))
        print(f"ids: {told}; {people} of all together, by {counted(len(linked.links), 'link')}")
        print(f"wrote {', '.join(map(str, copies))}")
    return 0


def _copies(paths: Sequence[Path], folder: Path) -> list[Path]:
    """The files that will be written, the table last; refuses those that are read."""
    names = [path.name for path in paths]
    several = [numbered(name, number, names.count(name)) for number, name in enumerate(names)]
    copies = [folder / str(each) for each in [*several, TABLE]]
    check_apart([Read(path, "a result") for path in paths], copies)
    return copies


def _seen_again(
    recordings: "Sequence[Recording]", videos: Sequence[str], config: Config
) -> "list[Recording]":
    from mambatrack.appearance.appearance import Appearance
    from mambatrack.embedders.loading import configured_embedder
    from mambatrack.result_files.look_again import look_again
    from mambatrack.sources.frames import open_frames

    embedder = configured_embedder(config.appearance)
    if embedder is None:
        raise MambatrackError("--videos are looked at by an embedder; name one as --appearance")
    if len(videos) != len(recordings):
        raise MambatrackError(
            f"{counted(len(recordings), 'result')}, but {counted(len(videos), 'video')}; give "
            "the video of each result, in the same order"
        )
    found = []
    for recording, video in zip(recordings, videos, strict=True):
        with open_frames(video) as frames:
            found.append(look_again(recording, frames, Appearance(embedder)))
    return found


def _write(linked: "Linked", paths: Sequence[Path], copies: Sequence[Path]) -> list[set[int]]:
    """The copies with their new ids, and the table -> the ids of each."""
    from mambatrack.csv_text import csv_text
    from mambatrack.result_files.identities import ResultFile
    from mambatrack.result_files.one_id_space import LINK_COLUMNS, ids_in_order

    *results, table = copies
    files = []
    for path, copy in zip(paths, results, strict=True):
        with replacing(copy) as temporary:
            shutil.copyfile(path, temporary)
        copy.with_name(f"{copy.name}.undo.jsonl").unlink(missing_ok=True)
        files.append(ResultFile(copy))
    numbers = linked.numbers([ids_in_order(each) for each in files])
    for file, own in zip(files, numbers, strict=True):
        file.renumber(own, f"link {' '.join(map(str, paths))}")
    rows = linked.rows([path.name for path in paths], numbers)
    write_text(table, csv_text([LINK_COLUMNS, *rows]))
    return [{identity for _, identity in each.content.boxes()} for each in files]


LINK = Command("link", "join the ids of several results into one id space", add_arguments, run)
