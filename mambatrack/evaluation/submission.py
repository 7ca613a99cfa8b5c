"""Results of a test set as the archive that its evaluation server takes, checked before it is sent.

A server allows few submissions, and says little about what is wrong with one. What it expects:

DanceTrack, https://www.codabench.org/competitions/14885: a folder named tracker with one text file
    for each of the 35 test sequences, and that folder in the archive, "instead of txt files"
    (README of github.com/DanceTrack/DanceTrack, section Competition; its issue 30 shows the server
    opening tracker/dancetrack0003.txt). The test sequences are those of dancetrack0001 to 0100
    that are neither in train (40) nor in val (25); the data set's test_seqmap.txt has them too.
SportsMOT, https://www.codabench.org/competitions/13077: the text files of the 150 test sequences
    in the root of the archive and nothing else (competition.md of github.com/MCG-NJU/SportsMOT;
    its issues 10 and 17: the server refuses "not one-to-one matches"). Their names are in the data
    set only, so its folder has to be given.

Both READMEs ask for rows of ten columns, frame,id,left,top,width,height,conf,-1,-1,-1; frames and
ids count from 1 (motchallenge.net/instructions). No archive has been sent to a server yet.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambatrack.datasets.mot_text import (
    Refusal,
    Table,
    check_boxes,
    line_of,
    read_mot,
    repeated,
)
from mambatrack.datasets.sequence_facts import LONGEST
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError, counted
from mambatrack.evaluation.results import file_of
from mambatrack.files import check_output, replacing
from mambatrack.nearest import did_you_mean
from mambatrack.result_files.read_results import beginning, kind_of, seen_rows

COLUMNS = 10
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of every file, so that equal results give equal archives


@dataclass(frozen=True)
class Server:
    """archive: its usual name;  folder: what the files lie in, inside it;  count: sequences of the
    test set;  names: theirs, where they are known without the data set"""

    archive: str
    folder: str
    count: int
    names: tuple[str, ...] = ()


SERVERS = {
    "dancetrack": Server(
        "tracker.zip", "tracker/", 35,
        tuple(f"dancetrack{number:04d}" for number in (
            3, 9, 11, 13, 17, 21, 22, 28, 31, 36, 38, 40, 42, 46, 48, 50, 54, 56, 59, 60, 64, 67,
            70, 71, 76, 78, 84, 85, 88, 89, 91, 92, 93, 95, 100,
        )),
    ),
    "sportsmot": Server("sportsmot.zip", "", 150),
}  # fmt: skip


def make_submission(
    dataset: str,
    results: str | Path,
    out: str | Path | None = None,
    sequences: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Checks the MOT files of a test set and packs them; returns the archive.

    dataset: dancetrack or sportsmot. results: folder of NAME.txt, one for each test sequence, and
    no other text file; files of other kinds stay out. out: the archive, by default tracker.zip or
    sportsmot.zip in the current folder. sequences: folder of the test set, needed for SportsMOT;
    with it, no frame may lie behind the end of its sequence.
    Raises MambatrackError, with file and line, for what a server would refuse or score wrongly.
    """
    if dataset not in SERVERS:
        raise MambatrackError(
            f"no server known for {dataset!r}; known are {', '.join(SERVERS)}"
            f"{did_you_mean(dataset, SERVERS)}"
        )
    server = SERVERS[dataset]
    archive = check_output(out or server.archive, overwrite)
    if archive.suffix.lower() != ".zip":
        raise MambatrackError(f"{archive} is not named .zip, as the servers expect")
    lengths = _expected(dataset, server, sequences)
    files = _files(Path(results), list(lengths))
    entries = {f"{server.folder}{name}.txt": _checked(files[name], lengths[name]) for name in files}
    _pack(archive, entries)
    return archive


def _expected(dataset: str, server: Server, root: str | Path | None) -> dict[str, int]:
    """The test sequences, sorted, and their last frames; 0 where that is not known."""
    if root is None and not server.names:
        raise MambatrackError(
            f"the names of {dataset}'s test sequences are in its data; give the folder with "
            "--dataset"
        )
    if root is None:
        return dict.fromkeys(server.names, 0)
    found = find_sequences(root)
    # the whole data set may have been given
    found = [each for each in found if each.folder.resolve().parent.name == "test"] or found
    lengths = {each.name: each.frames for each in found}
    missing = sorted(set(server.names) - set(lengths))
    if missing or len(lengths) != server.count:
        lack = f", without {_some(missing)}" if missing else ""
        raise MambatrackError(
            f"{root} holds {counted(len(lengths), 'sequence')}{lack}; the test set of "
            f"{dataset} has {server.count}: give its folder test"
        )
    return dict(sorted(lengths.items()))


def _files(results: Path, names: list[str]) -> dict[str, Path]:
    """The result of each sequence; one that is missing or too many is an error."""
    if not results.is_dir():
        raise MambatrackError(f"{results} is not a folder; give the folder of the NAME.txt files")
    files = {name: file for name in names if (file := file_of(results, name)) is not None}
    missing = [name for name in names if name not in files]
    if missing:
        raise MambatrackError(
            f"{results} lacks {len(missing)} of {len(names)} results: {_some(missing)} (.txt); "
            "a sequence without tracks needs an empty file"
        )
    others = sorted(file.name for file in results.glob("*.txt") if file.stem not in files)
    if others:
        raise MambatrackError(
            f"{results} has text files of no test sequence: {_some(others)}; move them away"
        )
    return files


def _checked(path: Path, last: int) -> str:
    """The rows of a result as the server gets them, without spaces, blank lines and the like."""
    if kind_of(beginning(path)) != "mot":
        return _checked_rows(path, last)
    table = read_mot(path)
    if len(table) and table.shape[1] != COLUMNS:
        raise MambatrackError(
            f"{path}, line {line_of(path, 0)}: {counted(table.shape[1], 'column')}, expected "
            f"{COLUMNS}: frame,id,left,top,width,height,conf,-1,-1,-1"
        )
    refuse = check_boxes(path, table)
    refuse(~np.isfinite(table).all(axis=1), "a number that is not finite")
    _check(table, refuse, last)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [re.split(r"[,\s]+", line.strip(", \t")) for line in lines if line.strip()]
    return "".join(",".join(row) + "\n" for row in rows)


def _checked_rows(path: Path, last: int) -> str:
    """The same of JSON Lines or CSV."""
    table = seen_rows(path)
    _check(table, Refusal(path, table, lined=False), last)
    return "".join(
        f"{frame:.0f},{identity:.0f},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f},"
        "-1,-1,-1\n"
        for frame, identity, left, top, width, height, score in table.tolist()
    )


def _check(table: Table, refuse: Refusal, last: int) -> None:
    """Refuses what a server would."""
    longest = counted(last, "frame") if last else f"at most {LONGEST} frames"
    refuse(table[:, 0] > (last or LONGEST), f"frame {{0:.0f}} of a sequence of {longest}")
    refuse(table[:, 1] < 1, "id {1:.0f}; ids count from 1")
    refuse((table[:, 4:6] <= 0).any(axis=1), "a box of {4:g} x {5:g} pixels")
    refuse(repeated(table[:, :2]), "id {1:.0f} is in frame {0:.0f} a second time")


def _pack(archive: Path, entries: dict[str, str]) -> None:
    """Appears when it is whole: a stopped run leaves the old archive or the new one."""
    with replacing(archive) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for name, text in sorted(entries.items()):
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on any system
            file.writestr(info, text)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
