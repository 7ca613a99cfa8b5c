"""What bench() measured, as tables, as a document and as plain values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from mambatrack.evaluation.peers.synthetic_boxes import GROUP
from mambatrack.evaluation.peers.timed_boxes import APART, REAL_BOXES, WARM_UP
from mambatrack.evaluation.profile_report import Profile, weight_bytes
from mambatrack.evaluation.report_tables import Section

if TYPE_CHECKING:
    from rich.table import Table

CROWD = 50  # people from which on a frame's cost should grow with their number alone
TITLE = "Tracker.update(), CPU time of one thread"
HEADINGS = ("boxes", "people", "predictor", "median ms", "p99 ms", "predict ms", "rest ms",
            "us a person", "x apart", "peak kB", "kept kB", "bytes a track")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One predictor on boxes of one kind. Times are CPU time of the thread.

    boxes, kind: name and kind as of TimedBoxes; people: boxes of a frame, on average
    tracks: live ones, on average
    median_ms: of update(), over the frames, of the least time of each in all passes
    p99_ms: of update(), over all frames of all passes
    predict_ms, rest_ms: of the prediction of all tracks, and of all else, as median_ms
    peak_kb: median over the frames of the most memory that update() held at once, in kB
    kept_kb: what it left behind in a frame, on average: the result, and the growth of tables
    track_bytes: size of a track's row in the table, the predictor's state included
    """

    predictor: str
    boxes: str
    kind: str
    people: float
    tracks: float
    median_ms: float
    p99_ms: float
    predict_ms: float
    rest_ms: float
    peak_kb: float
    kept_kb: float
    track_bytes: int

    @property
    def person_us(self) -> float:
        """Microseconds of a median update for one box."""
        return 1000 * self.median_ms / max(self.people, 1)


@dataclass(frozen=True)
class BenchReport:
    """What bench measured.

    objects: numbers of painted ones that were asked for
    memory_mb: the most that the process held, libraries included
    load: of the machine before, in processes that wanted to run; None where that is not known
    dataset: the folder of the real boxes, without what is about this machine, and its number of
        sequences, if any
    profile: of the first predictor, if it was asked for
    """

    rows: tuple[Row, ...]
    objects: tuple[int, ...]
    frames: int
    passes: int
    seed: int
    machine: str
    load: float | None
    versions: Mapping[str, str]
    memory_mb: float
    dataset: tuple[str, int] | None = None
    profile: Profile | None = None

    def row(self, predictor: str, boxes: str) -> Row:
        """Raises KeyError where that was not measured."""
        found = {(each.predictor, each.boxes): each for each in self.rows}
        return found[predictor, boxes]

    def beside_apart(self, row: Row) -> float:
        """What a person costs there, as a multiple of one among about as many who keep apart."""
        same = [each for each in self.rows if (each.predictor, each.kind) == (row.predictor, APART)]
        nearest = min(same, key=lambda each: abs(each.people - row.people))
        return row.person_us / nearest.person_us

    def sections(self) -> list[Section]:
        """Times of all rows and, with a profile, what they come from."""
        rows = [self._cells(each) for each in self.rows]
        times = Section(
            TITLE, HEADINGS, rows, self.conditions(), ("boxes", "predictor"), apart=True
        )
        if self.profile is None:
            return [times]
        return [times, *self.profile.sections(), self.in_short()]

    def tables(self) -> "list[Table]":
        """For rich.print."""
        return [each.table() for each in self.sections()]

    def in_short(self) -> Section:
        """Of the profiled predictor: how its cost grows, and sizes."""
        assert self.profile is not None
        own = [each for each in self.rows if each.predictor == self.profile.predictor]
        crowds = [each for each in own if each.kind == APART and each.people > CROWD]
        group = self.profile.group
        rows = [
            *([f"a person of {each.boxes} against one of {crowds[0].boxes}",
               f"{each.person_us / crowds[0].person_us:.2f} times"] for each in crowds[1:]),
            *([f"a person of {each.boxes} against one of as many who keep apart",
               f"{self.beside_apart(each):.2f} times"] for each in own if each.kind != APART),
            [f"{group.cameras} cameras of {group.objects} objects in one group against "
             f"{group.cameras} updates", f"{group.ratio:.2f} times ({group.group_ms:.2f} ms)"],
            ["a track", f"{own[0].track_bytes:,} bytes"],
            ["all weights in the package", f"{weight_bytes():,} bytes"],
        ]  # fmt: skip
        note = f"CPU time, with {self.profile.predictor}."
        return Section("In short", ("what", "is"), rows, note, ("what", "is"))

    def conditions(self) -> str:
        """What was timed, machine, versions and settings in one sentence each."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self._boxes()} x apart: what a person costs, against one among as many who keep "
            f"apart. {self.machine}; {load_text(self.load)}. {versions}. "
            f"{date.today().isoformat()}; {self.passes} passes of {self.frames} frames, the first "
            f"{WARM_UP} not timed; seed {self.seed}. Of a frame the least time in all passes "
            f"counts, but for p99. The process held {self.memory_mb:.0f} MB at most."
        )

    def _boxes(self) -> str:
        painted = (
            "N objects: painted boxes that move straight on and seldom meet. N who meet: dancers "
            f"of the synthetic world in groups of about {GROUP}."
        )
        if self.dataset is None:
            return painted
        folder, sequences = self.dataset
        return f"{painted} {REAL_BOXES.capitalize()}: of {sequences} sequences of {folder}."

    def markdown(self) -> str:
        """The tables and their conditions, for a document."""
        times, *others = self.sections()
        return "\n".join([times.markdown(""), *(each.markdown() for each in others)])

    def as_json(self) -> dict[str, Any]:
        """Plain values, full precision."""
        return {**asdict(self), "warm_up": WARM_UP, "versions": dict(self.versions)}

    def _cells(self, row: Row) -> list[str]:
        times = (row.median_ms, row.p99_ms, row.predict_ms, row.rest_ms)
        return [
            row.boxes,
            f"{row.people:.1f}",
            row.predictor,
            *(f"{each:.3f}" for each in times),
            f"{row.person_us:.2f}",
            "" if row.kind == APART else f"{self.beside_apart(row):.2f}",
            f"{row.peak_kb:.0f}",
            f"{row.kept_kb:.1f}",
            f"{row.track_bytes:,}",
        ]


def load_text(load: float | None) -> str:
    """Whether others worked on the machine."""
    if load is None:
        return "how busy the machine was is not known"
    if load < 0.5:
        return "an idle machine"
    return f"a busy machine (load {load:.1f} before): read the ratios"
