"""The files that the tracks of one source go to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mambatrack.outputs.text import TrackWriter, csv_writer, jsonl_writer, mot_writer


@dataclass(frozen=True)
class OutputFiles:
    """The files that the tracks of one source go to; None: not written.

    mot: MOTChallenge text;  mot_predicted: predicted boxes too;  csv: as supervision names columns
    jsonl: all tracks with their states;  revise: a line for each gap too, filled from both ends
    embeddings: a line for each track that ends too, of what it looked like
    video: annotated MP4;  overwrite: files that exist are replaced
    events: what happens at lines and zones;  heat_map: where people were
    sound: that of the source goes into the video
    """

    mot: str | Path | None = None
    csv: str | Path | None = None
    jsonl: str | Path | None = None
    video: str | Path | None = None
    mot_predicted: bool = False
    revise: bool = False
    overwrite: bool = False
    events: str | Path | None = None
    heat_map: str | Path | None = None
    sound: bool = True
    embeddings: bool = False


def text_writers(files: OutputFiles, names: Sequence[str]) -> Iterator[TrackWriter]:
    """A writer of each text file, JSON Lines last, opened as it is asked for; names: of classes."""
    if files.mot is not None:
        yield mot_writer(files.mot, files.overwrite, predicted=files.mot_predicted)
    if files.csv is not None:
        yield csv_writer(files.csv, files.overwrite, names=names)
    if files.jsonl is not None:
        yield jsonl_writer(files.jsonl, files.overwrite, names, data=True)


def numbered(path: str | Path | None, number: int, count: int) -> str | Path | None:
    """The name of the file of source ``number`` from 0: of several, "a.txt" becomes "a-0.txt"."""
    if path is None or count == 1:
        return path
    return str(Path(path).with_stem(f"{Path(path).stem}-{number}"))
