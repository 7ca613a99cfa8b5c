"""What a profile found, as tables: stages, the limit of the machine, and sizes in short."""

from collections.abc import Sequence
from dataclasses import dataclass

from mambatrack.evaluation.arithmetic import Limit, Peaks, total
from mambatrack.evaluation.group_cost import GroupCost
from mambatrack.evaluation.report_tables import Section
from mambatrack.evaluation.stage_profile import PASSES, STAGES, StageProfile
from mambatrack.networks.model_files import WEIGHTS

WHOLE = "update()"


@dataclass(frozen=True)
class Profile:
    """predictor: whose stages these are; the peaks were measured in the same run."""

    predictor: str
    stages: tuple[StageProfile, ...]
    limits: tuple[Limit, ...]
    peaks: Peaks
    group: GroupCost

    def sections(self) -> list[Section]:
        found = [stage_section(self.predictor, self.stages)]
        if self.limits:
            found.append(limit_section([*self.limits, *self.whole()], self.peaks))
        return found

    def whole(self) -> list[Limit]:
        """All stages of a frame together against the whole update()."""
        together = []
        for each in self.stages:
            own = [limit for limit in self.limits if limit.boxes == each.boxes]
            work, least = total([limit.work for limit in own]), sum(limit.least_ms for limit in own)
            together.append(Limit(each.boxes, WHOLE, work, least, each.update_ms))
        return together


def stage_section(predictor: str, profiles: Sequence[StageProfile]) -> Section:
    """A row for each stage, a column for each kind of boxes."""
    rows = [
        [name, *(_in_both(each.stages[name].ms, each.stages[name].in_c_ms) for each in profiles)]
        for name in STAGES
    ]
    together = [sum(stage.ms for stage in each.stages.values()) for each in profiles]
    in_c = [sum(stage.in_c_ms for stage in each.stages.values()) for each in profiles]
    rows.append(["together", *(_in_both(*both) for both in zip(together, in_c, strict=True))])
    rows.append(["update() without timers", *(f"{each.update_ms:.3f}" for each in profiles)])
    rows.append(["hypotheses", *(f"{each.counts.hypotheses:.2f}" for each in profiles)])
    rows.append(["pairs", *(f"{each.counts.pairs:.1f}" for each in profiles)])
    note = (
        f"Milliseconds of CPU time of a frame with {predictor}, of these inside the C library in "
        f"brackets: mean over the frames of the least time of each in {PASSES} passes. Admit: "
        "detections are read and checked. Describe, score: the candidate pairs of the likeliest "
        "hypothesis, timed in a call of their own. Decide: the rest of that call, which is "
        "matching, alternatives and what further hypotheses have otherwise. Settle: tracks "
        "observe, start and end. Timers make a frame slower than it is without."
    )
    headings = ("stage", *(f"{each.boxes}" for each in profiles))
    return Section("A frame by stage", headings, rows, note, ("stage",))


def limit_section(limits: Sequence[Limit], peaks: Peaks) -> Section:
    """A row for each stage that has networks, by boxes."""
    order = list(dict.fromkeys(each.boxes for each in limits))
    rows = [
        [
            each.boxes,
            each.stage,
            f"{each.work.operations / 1e6:.2f}",
            f"{each.work.bytes / 1e6:.2f}",
            f"{each.least_ms:.3f}",
            f"{each.takes_ms:.3f}",
            f"{100 * each.share:.0f} %",
        ]
        for each in sorted(limits, key=lambda limit: order.index(limit.boxes))
    ]
    note = (
        f"One thread of this machine: {peaks.operations / 1e9:.0f} GFLOP/s (a product of small "
        f"matrices in numpy) and {peaks.bytes / 1e9:.1f} GB/s (a copy), measured in the same run. "
        "Operations and bytes are those of the networks alone, counted from their sizes and the "
        "numbers of tracks and pairs; at least: the time that the machine needs for them. Takes: "
        f"all that the C library does in this stage, and of {WHOLE} the whole frame without timers."
    )
    headings = ("boxes", "stage", "million operations", "MB", "at least, ms", "takes, ms", "share")
    words = ("boxes", "stage")
    return Section("From the limit of the machine", headings, rows, note, words, apart=True)


def weight_bytes() -> int:
    """Of all weights in the package."""
    return sum(path.stat().st_size for path in WEIGHTS.glob("*.safetensors"))


def _in_both(ms: float, in_c_ms: float) -> str:
    return f"{ms:.3f} ({in_c_ms:.3f})"
