"""What bench_peers measured as a page of Markdown, docs/benchmarks.md."""

import textwrap
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Several
from datetime import date
from pathlib import Path

import numpy as np

from mambatrack.evaluation.machine import machine
from mambatrack.evaluation.peers.results import OURS, Peer, PeerReport
from mambatrack.evaluation.peers.synthetic_boxes import GROUP, SIZE
from mambatrack.evaluation.peers.timed_boxes import WARM_UP
from mambatrack.evaluation.peers.worker import ADAPTERS, SCORE_FLOOR

INTRODUCTION = """\
# Benchmarks

Other trackers on the same detections, in one run. This page is written by the command, whole.
Figures of another machine, or of a busy one, differ: the ratios are the message.
"""
SHOWS_NOT = """\
## What this does not show

- Boxes and scores only: no images, no appearance (ReID), no camera compensation. What a tracker
  gains from those is not here.
- Every package but norfair runs with its own defaults, untuned. The defaults of mambatrack were
  chosen on the 13 sequences of DanceTrack val that have detections, so its scores on them are up to
  1.5 too high ([results](results.md)). Differences below 1 are no finding.
- Dancers are one kind of motion. Where people walk straight on, the order can be another.
- The N objects of the timed videos cross, jitter and are missed, but nobody enters or leaves.
- One thread of a CPU. Nothing here ran on a GPU.
- Memory and import include the interpreter, numpy and all that the package loads, such as torch; a
  program whose detector needs torch pays for it once.
"""


def markdown(report: PeerReport) -> str:
    """The whole page; neither the host nor any folder of this machine is named."""
    passes = len(report.peers[OURS].passes)
    parts = [INTRODUCTION, _run(report, passes)]
    if report.dataset is not None:
        parts.append(_scores(report))
    parts += [_speed(report, passes), _start(report), SHOWS_NOT]
    if report.skipped:
        lines = [f"- {name}: {reason}" for name, reason in report.skipped.items()]
        parts.append("\n".join(["## Not run", "", *lines, ""]))
    return "\n\n".join(filled(block) for block in "\n".join(parts).split("\n\n"))


def _run(report: PeerReport, passes: int) -> str:
    command = ["mambatrack bench --peers"]
    if report.dataset is not None:
        command.append(f"--dataset {generic_path(report.dataset)}")
    command += [f"--peer {name}=PYTHON" for name in report.foreign]
    command += [f"--passes {passes}", "--out docs/benchmarks.md"]
    versions = {
        ADAPTERS[name].package: f"{ADAPTERS[name].package} {peer.version}"
        for name, peer in report.peers.items()
    }
    shown = " \\\n        ".join(command)
    return f"""    {shown}

{date.today().isoformat()}; {machine()}.
Versions: {", ".join(versions.values())}.

Every tracker runs in a process of its own, one after the other; `--peer NAME=PYTHON` names the
interpreter of an environment that has the package NAME.
"""


def _scores(report: PeerReport) -> str:
    def row(name: str, peer: Peer) -> list[str]:
        score = peer.score
        assert score is not None
        shares = (score.HOTA, score.DetA, score.AssA, score.MOTA, score.IDF1)
        return [label(name), *(f"{value:.1f}" for value in shares), str(score.IDSW)]

    columns = ["tracker", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "switches"]
    frames = sum(each.frames for each in report.sequences)
    names = ", ".join(each.name for each in report.sequences)
    assert report.dataset is not None
    return f"""## Scores

`{generic_path(report.dataset)}`: {len(report.sequences)} sequences, {frames} frames, the detections
of det/det.txt with a score of at least {SCORE_FLOOR}. TrackEval's figures for all sequences
together.

{_table(columns, report, row)}
norfair has no threshold for scores and no default distance. Its setting is the best of four that
were tried on the 13 DanceTrack val sequences: distance 0.7 or 0.5, scores from 0.1 or 0.5, the
detection's box or norfair's estimate; HOTA was 44.4 to 48.0. boxmot's trackers come from its
factory; its classes called directly have other defaults, which scored lower or level there.

Sequences: {names}.
"""


def _speed(report: PeerReport, passes: int) -> str:
    names = [each.name for each in report.timed]

    def times(name: str, peer: Peer) -> list[str]:
        cells = []
        for boxes in names:
            spent = np.concatenate(report.milliseconds(name, boxes))
            cells.append(f"{np.median(spent):.2f} ({np.quantile(spent, 0.99):.2f})")
        return [label(name), *cells]

    def ratios(name: str, peer: Peer) -> list[str]:
        return [label(name), *(f"{report.ratio(name, boxes):.2f}" for boxes in names)]

    columns = ["tracker", *names]
    frames = ", ".join(f"{each.frames} of {each.name}" for each in report.timed)
    people = ", ".join(f"{each.people:.1f} of {each.name}" for each in report.timed)
    return f"""## Time for a frame

Milliseconds of CPU time for one update, median (99th percentile).

{_table(columns, report, times)}
Ratio to {OURS}: the tracker's median by ours in the same pass, median over the passes. Below 1 is
faster than ours.

{_table(columns, report, ratios)}
How it was measured: N objects are synthetic boxes of one seed in {SIZE[0]} x {SIZE[1]} pixels:
straight motion, 10 % of the boxes missing, 15 % with a low score. N who meet are dancers of the
synthetic world in groups of about {GROUP}, who cross and hide each other. Real boxes are the first
frames of each sequence of the data set. All are the same for every tracker. {passes} passes; a pass
is every tracker once, in turn, each in a fresh process with one thread. Boxes of a frame: {people}.
Frames of a pass: {frames}; the first {WARM_UP} of each video are not counted. Converting boxes to a
package's types, and its tracks back to arrays, counts as its time.
"""


def _start(report: PeerReport) -> str:
    def row(name: str, peer: Peer) -> list[str]:
        memory = np.median([each.memory_mb for each in peer.passes])
        ready = np.median([each.ready_s for each in peer.passes])
        return [label(name), f"{memory:.0f}", f"{ready:.2f}"]

    columns = ["tracker", "peak memory, MiB", "import, s"]
    return f"""## Memory and start

Medians of the processes that were timed. Memory is the most a process held at once. Import is the
CPU time from nothing imported to a tracker that waits for its first frame, with numpy and weights.

{_table(columns, report, row)}"""


def _table(
    columns: Several[str], report: PeerReport, row: Callable[[str, Peer], Iterable[str]]
) -> str:
    """A row for each tracker that ran."""
    rows = [columns, ["---"] * len(columns), *(row(*each) for each in report.peers.items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def filled(block: str) -> str:
    """Paragraphs in lines of equal length; tables, lists and code as they are."""
    if block.startswith(("|", "#", "-", " ")):
        return block
    end = "\n" if block.endswith("\n") else ""
    return textwrap.fill(block, 100, break_long_words=False, break_on_hyphens=False) + end


def label(name: str) -> str:
    """Name, and what was set other than its defaults; ours in bold."""
    setting = ADAPTERS[name].setting
    shown = f"{name} ({setting})" if setting else name
    return f"**{shown}**" if ADAPTERS[name].package == "mambatrack" else shown


def generic_path(folder: Path) -> str:
    """A path that says which data it is and nothing about this machine."""
    if not folder.is_absolute() and ".." not in folder.parts:
        return folder.as_posix()
    parts = folder.resolve().parts[1:]
    start = parts.index("data") if "data" in parts else -2
    return "/".join(parts[start:])
