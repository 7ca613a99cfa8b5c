"""Data sets with detections made up from their ground truth: a real detector's errors, copied.

For data sets without detections. They are no detections: results on them say how a tracker would do
with such a detector, not how it does, and what they get wrong is in
docs/experiments/2026-11-24-simulated-detections.md. How they are made is in error_runs.py.
"""

import hashlib
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from mambatrack.datasets.sequences import Sequence, find_sequences, would_find
from mambatrack.datasets.truth import GroundTruth, read_ground_truth
from mambatrack.errors import MambatrackError, counted
from mambatrack.files import Read, check_apart, replacing, write_bytes, write_text
from mambatrack.simulation.crossing_context import Floats
from mambatrack.simulation.error_runs import ErrorRuns, bootstrap_detections
from mambatrack.version import VERSION

NOTE = """\
The detections in this folder are SIMULATED; no detector has seen these videos.

They were made from the ground truth by mambatrack {version}, seed {seed}, with runs of errors of
the detections in {source} ({boxes} true boxes in {frames} frames),
copied where people cross alike: misses, scores, errors of place and false positives.
gt/gt.txt is {truth}.{made_up}

Say "simulated detections" wherever a number from this folder appears.
"""


MADE_UP = (
    "\nThe people are made up as well (walkers.py): there are no videos, and no scores to report."
)


@dataclass(frozen=True)
class Playback:
    """How a sequence is played: every ``every``-th frame, from its end if ``backwards``."""

    every: int = 1
    backwards: bool = False

    @property
    def plain(self) -> bool:
        return self == Playback()

    def describe(self) -> str:
        """What gt/gt.txt is then."""
        if self.plain:
            return "an unchanged copy"
        order = " from the last to the first" if self.backwards else ""
        return f"the original, of which every frame number {self.every} is played{order}"

    def play(self, sequence: Sequence, truth: GroundTruth) -> tuple[Sequence, GroundTruth]:
        """The sequence and its truth as they are played, in frames from 1."""
        place = truth.frame - sequence.start - 1
        if self.backwards:
            place = sequence.frames - 1 - place
        kept = place % self.every == 0
        frames, fps = -(-sequence.frames // self.every), sequence.fps / self.every
        columns = truth.id[kept], truth.boxes[kept], truth.visibility[kept]
        played = GroundTruth(place[kept] // self.every + 1, *columns)
        return replace(sequence, frames=frames, fps=fps, start=0), played


def measurable_sequences(root: str | Path) -> list[Sequence]:
    """The sequences at or below ``root`` with both gt/gt.txt and det/det.txt.

    Raises MambatrackError where there is none.
    """
    if Path(root).is_file():
        raise MambatrackError(
            f"{root} is a file; expected a data set whose sequences have gt/gt.txt and det/det.txt"
        )
    found = find_sequences(root)
    usable = [each for each in found if each.gt_path is not None and each.det_path is not None]
    if not usable:
        raise MambatrackError(
            f"none of {counted(len(found), 'sequence')} in {root} has both gt/gt.txt and "
            "det/det.txt; name a data set with a detector's boxes and the truth"
        )
    return usable


def write_simulated(
    sequences: Many[Sequence],
    bank: ErrorRuns,
    out: str | Path,
    seed: int = 0,
    overwrite: bool = False,
    playback: Playback = Playback(),
    made_up: bool = False,
    read: Many[str | Path] = (),
) -> list[Path]:
    """Writes OUT/NAME/{gt/gt.txt, det/det.txt, seqinfo.ini} for each sequence, and README.txt,
    which says what they are -> the folders of the sequences. made_up: so is their ground truth;
    read: folders of data sets that this is made from, in which none of the sequences may end up.

    Each sequence draws from its own seed, made of ``seed`` and its name, so that it does not depend
    on the others. Another number of BLAS threads (OMP_NUM_THREADS) rounds the search for alike
    moments otherwise, and a few blocks come out differently.

    Raises MambatrackError before anything is written where a sequence has no ground truth, two have
    one name, or one is in ``out`` already and ``overwrite`` is not set; or for a playback of no
    frames.
    """
    out = Path(out)
    folders = [out / sequence.name for sequence in sequences]
    _check(sequences, folders, seed, overwrite)
    _check_outside(folders, read)
    if playback.every < 1:
        raise MambatrackError(f"every {playback.every}-th frame; give --every 1 or more")
    out.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {"source": bank.source, "boxes": bank.boxes, "frames": bank.frames}
    known |= {"truth": playback.describe(), "made_up": MADE_UP if made_up else ""}
    note = NOTE.format(version=VERSION, seed=seed, **known)
    write_text(out / "README.txt", note)
    for sequence, folder in zip(sequences, folders, strict=True):
        played, truth = sequence, read_ground_truth(sequence)
        if not playback.plain:
            played, truth = playback.play(sequence, truth)
        rng = _generator(seed, sequence.name)
        rows = bootstrap_detections(truth, sequence.image_size, bank, rng)
        _write_sequence(played, folder, rows)
        if playback.plain:
            assert sequence.gt_path is not None
            write_bytes(folder / "gt/gt.txt", sequence.gt_path.read_bytes())
        else:
            _write_truth(folder / "gt/gt.txt", truth)
    return folders


def _check(sequences: Many[Sequence], folders: list[Path], seed: int, overwrite: bool) -> None:
    if seed < 0:
        raise MambatrackError(f"seed is {seed}; expected 0 or more")
    for sequence, folder in zip(sequences, folders, strict=True):
        if sequence.gt_path is None:
            raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt")
        if folders.count(folder) > 1:
            raise MambatrackError(
                f"two sequences are called {sequence.name}; choose one split, with --split"
            )
        if folder.exists() and folder.samefile(sequence.folder):
            raise MambatrackError(f"{folder} is the data set itself; name another folder")
        if folder.exists() and not overwrite:
            raise MambatrackError(f"{folder} exists; use --overwrite or name another folder")
        labels = [path for path in (sequence.gt_path, sequence.det_path) if path is not None]
        read = [Read(path, "the data set") for path in labels]
        check_apart(read, [folder / "gt/gt.txt", folder / "det/det.txt"])


def _check_outside(folders: list[Path], read: Many[str | Path]) -> None:
    for root in read:
        found = [folder for folder in folders if would_find(root, folder)]
        if found:
            raise MambatrackError(
                f"{found[0]} would be read as part of {root} the next time; name another folder"
            )


def _generator(seed: int, name: str) -> Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _write_sequence(sequence: Sequence, folder: Path, rows: Floats) -> None:
    for part in ("gt", "det"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    lines = [
        f"{int(frame)},-1,{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4f},-1,-1,-1\n"
        for frame, _, x, y, w, h, score in rows.tolist()
    ]
    write_text(folder / "det/det.txt", "".join(lines))
    width, height = sequence.image_size
    write_text(
        folder / "seqinfo.ini",
        f"[Sequence]\nname={sequence.name}\nimDir=img1\nframeRate={sequence.fps:g}\n"
        f"seqLength={sequence.start + sequence.frames}\n"
        f"imWidth={width}\nimHeight={height}\nimExt=.jpg\n",
    )


def _write_truth(path: Path, truth: GroundTruth) -> None:
    sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
    considered = np.ones((len(truth), 2))
    columns = truth.frame, truth.id, truth.boxes[:, :2], sides, considered, truth.visibility
    table = np.column_stack(columns)
    with replacing(path) as temporary:
        np.savetxt(temporary, table[np.lexsort((truth.id, truth.frame))], "%.9g", ",")
