"""Several results whose ids become one id space: an id is one person in all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mambatrack.appearance.calibration import LEAST, Calibration, Similarities
from mambatrack.appearance.embedder import Floats
from mambatrack.errors import MambatrackError
from mambatrack.result_files.identities import ResultFile
from mambatrack.result_files.linking import Link, link
from mambatrack.result_files.read_results import Recording

LINK_COLUMNS = "id", "file", "track", "other_file", "other_track", "probability", "similarity"


class FileTrack(NamedTuple):
    """file: its place among the results;  id: of the track in it"""

    file: int
    id: int


@dataclass(frozen=True)
class Linked:
    """tracks: of all results, as far as they have codes;  people [N]: as of linking.link()
    links: whom it found to be one person"""

    tracks: list[FileTrack]
    people: NDArray[np.int64]
    links: list[Link]

    def numbers(self, ids: Sequence[Sequence[int]]) -> list[dict[int, int]]:
        """ids: of each result all that it uses, in their order -> for each result, by them, the new
        ones: from 1 in this order, one for each person. Tracks without a code are people too."""
        person = dict(zip(self.tracks, self.people.tolist(), strict=True))
        numbers: dict[object, int] = {}
        return [
            {
                each: numbers.setdefault(
                    person.get(FileTrack(file, each), FileTrack(file, each)), len(numbers) + 1
                )
                for each in own
            }
            for file, own in enumerate(ids)
        ]

    def rows(self, names: Sequence[str], numbers: Sequence[dict[int, int]]) -> Iterator[tuple]:
        """Of each link what LINK_COLUMNS names, the surest first; numbers: as numbers() gave it."""
        for each in sorted(self.links, key=lambda found: -found.probability):
            one, other = self.tracks[each.one], self.tracks[each.other]
            yield (
                numbers[one.file][one.id], names[one.file], one.id, names[other.file], other.id,
                f"{each.probability:.4f}", f"{each.similarity:.4f}",
            )  # fmt: skip


def link_results(paths: Sequence[Path], recordings: Sequence[Recording], least: float) -> Linked:
    """The tracks of results that are one person at this probability, of one file or of several.
    Raises MambatrackError for a result without codes, and for codes of different embedders."""
    check_codes(paths, recordings)
    tracks: list[FileTrack] = []
    codes: list[Floats] = []
    looks: list[int] = []
    for file, recording in enumerate(recordings):
        for identity, vector, count in _of_tracks(recording):
            tracks.append(FileTrack(file, identity))
            codes.append(vector)
            looks.append(count)
    apart, vectors = together_in_view(recordings, tracks), np.stack(codes)
    streams = [recording.codes[-1].calibration for recording in recordings]
    calibration = of_whole_tracks(Calibration().with_others(streams), vectors, apart)
    people, links = link(vectors, np.array(looks), apart, calibration, least)
    return Linked(tracks, people, links)


def of_whole_tracks(streams: Calibration, codes: Floats, apart: NDArray[np.bool_]) -> Calibration:
    """What similarities of codes [N, E] are worth. How alike two people are is seen in those who
    are seen together; where they are few, as the streams say of single crops."""
    before = streams.others
    others = Similarities(min(before.count, LEAST), before.mean, before.variance)
    one, other = np.nonzero(np.triu(apart))
    others.note(np.einsum("ke,ke->k", codes[one], codes[other]))
    others.count = max(others.count, before.count)  # no less is known than before
    return Calibration(streams.same, others)


def check_codes(paths: Sequence[Path], recordings: Sequence[Recording]) -> None:
    """Raises MambatrackError where tracks of these results cannot be compared."""
    first = recordings[0].codes[0] if recordings[0].codes else None
    for path, recording in zip(paths, recordings, strict=True):
        if first is None or not recording.codes:
            raise MambatrackError(
                f"{path} does not say what its tracks look like; track with --appearance, --jsonl "
                "and --embeddings, or give the --videos that were tracked and an --appearance"
            )
        for each in recording.codes:
            if (each.embedder, len(each.vector)) != (first.embedder, len(first.vector)):
                raise MambatrackError(
                    f"{path} has codes of {each.embedder}, {len(each.vector)} numbers each, and "
                    f"{paths[0]} of {first.embedder}, {len(first.vector)} each; track both with "
                    "one embedder, or give the --videos that were tracked and an --appearance"
                )


def _of_tracks(recording: Recording) -> Iterator[tuple[int, Floats, int]]:
    """id, code and looks of each track; what it looked like each time is one code."""
    own: dict[int, list[tuple[Floats, int]]] = {}
    boxes = set(recording.id.tolist())
    for each in recording.codes:
        if each.id in boxes:
            own.setdefault(each.id, []).append((each.vector, max(each.looks, 1)))
    for identity, parts in sorted(own.items()):
        code = np.sum([vector * count for vector, count in parts], axis=0)
        length = max(float(np.linalg.norm(code)), 1e-9)
        yield identity, (code / length).astype(np.float32), sum(count for _, count in parts)


def together_in_view(
    recordings: Sequence[Recording], tracks: Sequence[FileTrack]
) -> NDArray[np.bool_]:
    """[N, N] which tracks are seen in one frame of one result."""
    places = {track: place for place, track in enumerate(tracks)}
    rows, columns, first = [], [], 0
    for file, recording in enumerate(recordings):
        seen = recording.select(recording.seen)
        for identity, frame in zip(seen.id.tolist(), seen.frame.tolist(), strict=True):
            place = places.get(FileTrack(file, identity))
            if place is not None:
                rows.append(place)
                columns.append(first + frame)
        first += recording.frames
    shape = len(tracks), max(first, 1)
    there = csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)
    apart = (there @ there.T).toarray() > 0
    np.fill_diagonal(apart, False)
    return apart


def ids_in_order(file: ResultFile) -> list[int]:
    """All ids that a result uses, those first that come first."""
    boxes = sorted(file.content.boxes())
    return list(dict.fromkeys([*(identity for _, identity in boxes), *sorted(file.content.ids())]))
