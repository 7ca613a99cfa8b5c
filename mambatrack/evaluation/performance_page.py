"""The measured part of docs/performance.md, written by one command: what a frame costs, beside
other trackers, and what that comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambatrack.errors import MambatrackError
from mambatrack.evaluation.benchmark_report import BenchReport
from mambatrack.evaluation.peers.bench import bench_peers, usual_boxes
from mambatrack.evaluation.peers.report import filled, label
from mambatrack.evaluation.peers.results import OURS, PeerReport
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.evaluation.report_tables import Section
from mambatrack.files import check_output, write_text

BEGIN = "<!-- written by mambatrack bench --page -->"
END = "<!-- as far as here -->"
CLASSICAL = "mambatrack overlap kalman"
RIVALS = {OURS: "trackers ByteTrack", CLASSICAL: "trackforge ByteTrack"}  # who is compared


@dataclass(frozen=True)
class Page:
    """A file of Markdown, of which the part between BEGIN and END is written."""

    path: Path
    before: str
    after: str

    @staticmethod
    def open(path: str | Path, overwrite: bool) -> "Page":
        """Raises MambatrackError where a file is there that has no such part, or that may not be
        overwritten."""
        checked = check_output(path, overwrite)
        if not checked.exists():
            return Page(checked, "", "")
        before, begin, rest = checked.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
        _, end, after = rest.partition(f"{END}\n")
        if not begin or not end:
            raise MambatrackError(
                f"{path} has no lines {BEGIN} and {END}, between which the measured part is "
                "written; add them, or name another file"
            )
        return Page(checked, before, after)

    def write(self, part: str) -> None:
        text = f"{self.before}{BEGIN}\n{part.rstrip()}\n{END}\n{self.after}"
        write_text(self.path, text)


def bench_rivals(
    dataset: str | Path | None,
    pythons: Mapping[str, str],
    passes: int,
    report: Callable[[str], None],
) -> PeerReport:
    """bench_peers() of RIVALS alone, without scores. Arguments as of it."""
    names = tuple(dict.fromkeys([*RIVALS, *RIVALS.values()]))
    timed = usual_boxes(dataset)
    return bench_peers(None, None, pythons, passes, report, names=names, timed=timed)


def measured_part(own: BenchReport, others: PeerReport) -> str:
    """Of a report with a profile, as Markdown."""
    times, *profile, in_short = own.sections()
    sections = [in_short, beside(others), times, *profile]
    parts = [_command(own, others), *(each.markdown() for each in sections)]
    return "\n\n".join(filled(block) for block in "\n".join(parts).split("\n\n"))


def beside(report: PeerReport) -> Section:
    """Times of ours and of the others, and ours as a share of theirs."""
    names = [each.name for each in report.timed]
    rows = [
        [label(name), *(f"{_median(report, name, boxes):.3f}" for boxes in names)]
        for name in report.peers
    ]
    rows += [
        [f"{name} / {other}", *(f"{report.ratio(name, boxes, other):.2f}" for boxes in names)]
        for name, other in RIVALS.items()
        if other in report.peers
    ]
    rows.insert(0, ["people", *(f"{each.people:.1f}" for each in report.timed)])
    versions = {ADAPTERS[name].package: peer.version for name, peer in report.peers.items()}
    named = ", ".join(f"{package} {number}" for package, number in versions.items())
    passes = len(report.peers[OURS].passes)
    note = (
        "Milliseconds of CPU time for an update, conversions included: median over the frames of "
        f"all passes ({passes}), each tracker in a process of its own; and ours as a multiple of "
        f"another's, median over the passes. Versions: {named}."
    )
    if report.skipped:
        note += f" Not there: {', '.join(report.skipped)}."
    return Section("Beside other trackers", ("tracker", *names), rows, note, ("tracker",))


def _median(report: PeerReport, name: str, boxes: str) -> float:
    return float(np.median(np.concatenate(report.milliseconds(name, boxes))))


def _command(own: BenchReport, others: PeerReport) -> str:
    predictors = dict.fromkeys(each.predictor for each in own.rows)
    options = [
        "--page docs/performance.md --overwrite",
        f"--predictor {' '.join(predictors)} --objects {' '.join(map(str, own.objects))}",
    ]
    if own.dataset is not None:
        options.append(f"--dataset {own.dataset[0]}")
    options += [f"--peer {name}=PYTHON" for name in others.foreign]
    options.append(f"--passes {own.passes}")
    lines = " \\\n      ".join(options)
    return f"    OMP_NUM_THREADS=1 mambatrack bench {lines}\n"
