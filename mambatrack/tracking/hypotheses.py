"""Decisions over several frames: the likeliest few answers to who is who go on side by side.

Where people cross, one frame often does not tell them apart, and the next ones do. So a close
second-best assignment is not thrown away: it becomes a hypothesis with a table of its own, and how
likely the association finds the frames that follow decides (multiple hypothesis tracking, Reid
1979; Cox and Hingorani 1996). The likeliest is put out. All share each call of the networks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mambatrack.assignment import Indices, among
from mambatrack.association.interface import (
    Association,
    Decided,
    Decision,
    Floats,
    FrameProblem,
    Question,
)
from mambatrack.camera.transforms import Transform
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.usual_structs import Far, Kept
from mambatrack.motion.predictor import Predictor
from mambatrack.track_columns import new_stamps
from mambatrack.track_table import NOBODY, TrackTable
from mambatrack.tracking.leaps import follow_leaps_of_all
from mambatrack.tracking.spare_tables import SpareTables

HYPOTHESES_TRACKS = 250  # of all hypotheses together; of a crowd there are fewer hypotheses
GIVE_UP_BEHIND = 6.0  # log-likelihood by which a hypothesis may be behind the likeliest


class Continuation(NamedTuple):
    """How one hypothesis may go on: likelihood, log-likelihood of all frames so far; parent, the
    number of the hypothesis; and what it decides in this frame."""

    likelihood: float
    parent: int
    decision: Decision


class Settled(NamedTuple):
    """The problem of one hypothesis that goes on, with its table, what it decided, and the scores
    [K] of its candidates."""

    problem: FrameProblem
    decision: Decision
    odds: Floats


class Hypotheses:
    """The answers to who is who of one tracker, the likeliest first: a table of tracks each.

    tables: all have the same next_id; of ids that were never put out there are holes
    likelihoods: log-likelihood of each, against the first
    started: tracks that were put out so far
    moved: ids that, in the newest frame, went on from elsewhere than they were put out last, as
        another hypothesis became the likeliest, where frames go step by step; leapt: those that
        were moved to detections far away
    reach: of fast objects, as the setting of this name (leaps.py); 0: nobody looks for them
    spare: tables for the next copies
    """

    def __init__(self, tables: list[TrackTable], likelihoods: list[float], started: int = 0):
        self.tables, self.likelihoods, self.started = tables, likelihoods, started
        self.published = self.table["ids"].copy()  # of the tracks that were put out last
        self.moved = self.leapt = NOBODY
        self.reach = 0.0
        self.spare = SpareTables()

    @property
    def table(self) -> TrackTable:
        """That of the likeliest hypothesis, which is put out."""
        return self.tables[0]

    def end_unseen(self, frames: int, max_age: int) -> None:
        """Ends the tracks whose time was over in the ``frames`` since the last update, into which
        nobody looked: they are neither held against a track nor against a tentative one."""
        if frames:
            ended, *_ = [table.end(0, max_age - frames) for table in self.tables]
            self._give_up(ended)

    def move(self, transform: Transform, association: Association, predictor: Predictor) -> None:
        """The camera moved: all that is carried in pixels moves with it, in all tables."""
        for table in self.tables:
            table.move(transform)
            predictor.move(table["motion"], transform)
            association.move(table["memory"], transform)

    def halt(self, predictor: Predictor) -> None:
        """The next frame shows another view: every track waits where it is, and its motion so far
        is forgotten."""
        for table in self.tables:
            table["motion"][:] = predictor.start(table["boxes"])
            table.halt()

    def questions(self, found: Detections, most: int) -> list[Question]:
        """What there is to decide for each table, after its prediction, where at most ``most``
        hypotheses go on."""
        boxes, tables = found.centred, self.tables
        several = self.most(len(found), most) > 1
        return [
            Question(table, found, boxes, several, len(tables) > 1, number > 0)
            for number, table in enumerate(tables)
        ]

    def advance(self, decided: Sequence[Decided], most: int) -> list[Settled]:
        """Branches into the likeliest ways to go on, at most ``most`` and as HYPOTHESES_TRACKS
        allows, and gives up the others. -> what is decided in each, the likeliest first."""
        if len(decided) == len(decided[0].answers) == 1:
            return self._go_on(decided[0])
        problems = [each.problem for each in decided]
        continuations = [
            Continuation(before + answer.likelihood, number, answer.decision)
            for number, (before, own) in enumerate(zip(self.likelihoods, decided, strict=True))
            for answer in own.answers
        ]
        kept = _likeliest(continuations, problems, self.most(len(problems[0].found), most))
        self.moved = moved(self.table, self.tables[kept[0].parent])
        self._branch([each.parent for each in kept])
        self.likelihoods = [each.likelihood - kept[0].likelihood for each in kept]
        return [
            Settled(
                problems[each.parent]._replace(table=table),
                each.decision,
                decided[each.parent].scores.pairs,
            )
            for table, each in zip(self.tables, kept, strict=True)
        ]

    def _go_on(self, only: Decided) -> list[Settled]:
        """The only hypothesis has a single way to go on, as in most frames."""
        problem, scores, (answer,) = only
        self.stay()
        return [Settled(problem, answer.decision, scores.pairs)]

    def most(self, detections: int, most: int) -> int:
        """Hypotheses that may go on after a frame with so many detections."""
        room = HYPOTHESES_TRACKS // max(1, *map(len, self.tables), detections)
        return max(min(most, room), 1)

    def start(self, found: Detections, births: Sequence[Indices], predictor: Predictor) -> None:
        """Starts tracks at detections [.] of each table: one that begins with the same detection
        has the same id in all. Before that, fast ones go on as those that were lost."""
        self.leapt = NOBODY
        if not any(map(len, births)):
            return
        if self.reach:
            births, leapt = follow_leaps_of_all(self.tables, found, births, predictor, self.reach)
            self.leapt = leapt[among(leapt, self.published)]
        first, born = self.table.next_id, np.unique(np.concatenate(births))
        stamps = new_stamps(len(born))
        for table, own in zip(self.tables, births, strict=True):
            if len(own):
                boxes = found.centred.take(own, axis=0)
                places = born.searchsorted(own)
                table.start(boxes, predictor.start(boxes), found, own, first + places)
                table["stamp"][-len(own) :] = stamps[places]
            table.next_id = first + len(born)

    def begin(self, span: int) -> None:
        """A frame of the C library, so many after the last one."""
        self.moved = self.leapt = NOBODY
        for table in self.tables:
            table.span = span

    def go_on_in(self, kept: Sequence[Kept], far: Far) -> None:
        """advance() in a call of the C library and, as far as it came, start() and end()."""
        known = [*self.tables, *self.spare.take_all()]
        next_id, span = self.table.next_id + far.fresh, self.table.span
        self.tables = [known[each.held] for each in kept]
        self.spare.put([table for table in known if table not in self.tables])
        self.likelihoods = [each.likelihood for each in kept]
        for table, each in zip(self.tables, kept, strict=True):
            table.take_over(each.tracks, next_id, bool(each.mixed), span)
        if far.started or far.ended:
            self.started += far.started
            self.published = self.table["ids"].copy()

    def stay(self) -> None:
        """The only hypothesis is the likeliest as before."""
        self.moved, self.likelihoods = NOBODY, [0.0]

    def take_over(self, born: int, ended: Indices) -> None:
        """The only hypothesis went on in a call of the C library: how many of its tracks are new,
        and the ids of those that ended [.]."""
        self.stay()
        self.started += born
        if born or len(ended):
            self.published = self.table["ids"].copy()

    def skip_ids(self, first: int) -> None:
        """The next id is ``first``, as those before it may be taken elsewhere."""
        for table in self.tables:
            table.next_id = max(table.next_id, first)

    def take_ids(self, count: int) -> Indices:
        """The next ``count`` ids [.], for tracks of the likeliest hypothesis that start anew."""
        first = self.table.next_id
        for table in self.tables:
            table.next_id = first + count
        self.started += count
        return np.arange(first, first + count)

    def end(self, min_hits: int, max_age: int) -> Indices:
        """Ends tracks in all tables -> the ids that were put out and are no more, since the last
        time. A track that the likeliest hypothesis has from another one, and does not see now, is
        left out: nobody has heard of it. What has ended here has ended in all hypotheses; those in
        which it lives on are given up."""
        for table in self.tables:
            table.end(min_hits, max_age)
        if self.table["ids"].tobytes() == self.published.tobytes():
            return NOBODY
        new = ~among(self.table["ids"], self.published)
        unheard = new & (self.table["gap"] > 0)
        self.table.drop(unheard)
        self.started += int(np.count_nonzero(new) - np.count_nonzero(unheard))
        ended = self.published[~among(self.published, self.table["ids"])]
        self._give_up(ended)
        self.published = self.table["ids"].copy()
        return ended

    def drop(self, ids: Indices) -> None:
        """Tracks that are hidden in the likeliest hypothesis go on as other ones: they are dropped
        from all tables without having ended. Hypotheses that see one of them are given up."""
        if not len(ids):
            return
        self._give_up(ids, hidden=True)
        for table in self.tables:
            table.drop(np.isin(table["ids"], ids))
        self.published = self.table["ids"].copy()

    def _branch(self, parents: Sequence[int]) -> None:
        """A table for each continuation; of several with one parent all but the last get a copy."""
        tables, spare = self.tables, self.spare
        spare.put([table for number, table in enumerate(tables) if number not in parents])
        self.tables = [
            tables[parent].copy(spare.take()) if parent in parents[number + 1 :] else tables[parent]
            for number, parent in enumerate(parents)
        ]

    def _give_up(self, ended: Indices, hidden: bool = False) -> None:
        """Forgets the hypotheses behind the first in which a track lives on that has ended, or is
        seen where it may be ``hidden`` there."""
        if len(ended) and len(self.tables) > 1:
            kept = [
                number
                for number, table in enumerate(self.tables)
                if not number or not among(ended, _ids_of(table, hidden)).any()
            ]
            self.tables = [self.tables[number] for number in kept]
            self.likelihoods = [self.likelihoods[number] for number in kept]


def born_in(settled: Sequence[Settled]) -> list[Indices]:
    """Of each the detections [.] that start tracks."""
    return [each.decision.born for each in settled]


def _ids_of(table: TrackTable, seen: bool) -> Indices:
    """Of all tracks, or of those seen now."""
    return table["ids"][table["gap"] == 0] if seen else table["ids"]


def moved(before: TrackTable, after: TrackTable) -> Indices:
    """The ids [.] of both tables whose newest detections are not the same."""
    if before is after:
        return NOBODY
    ids, old, new = before["ids"], before["last"], after["last"]
    if ids.tobytes() != after["ids"].tobytes():
        ids, i, j = np.intersect1d(ids, after["ids"], assume_unique=True, return_indices=True)
        old, new = old[i], new[j]
    return ids[(old != new).any(axis=1)]


def _likeliest(
    continuations: Sequence[Continuation], problems: Sequence[FrameProblem], most: int
) -> Sequence[Continuation]:
    """Those that are not far behind the best and see the same tracks at different places, the
    likeliest first."""
    if len(continuations) == 1:
        return continuations
    ordered = sorted(continuations, key=lambda each: -each.likelihood)
    kept: list[Continuation] = []
    known = set()
    for each in ordered:
        if len(kept) == most or each.likelihood < ordered[0].likelihood - GIVE_UP_BEHIND:
            break
        (table, *_, given), (chosen, born) = problems[each.parent], each.decision
        ids, seen = table["ids"][given.tracks[chosen]], given.detections[chosen]
        matches = ids * given.detection_count + seen
        matches.sort()
        answer = matches.tobytes(), born.tobytes()
        if answer not in known:
            known.add(answer)
            kept.append(each)
    return kept
