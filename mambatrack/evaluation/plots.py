"""Scores as pictures. Needs the extra plot (matplotlib); no window is ever opened."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mambatrack.errors import MissingExtra, counted
from mambatrack.evaluation.scores import CURVES, Scores, alphas
from mambatrack.evaluation.timeline import Timeline
from mambatrack.files import check_output, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (  # Okabe and Ito's, which colour-blind people can tell apart
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000",
)  # fmt: skip
NOBODY = "#dddddd"
MOST_BARS = 60


def hota_curves(scores: Mapping[str, Scores]) -> "Figure":
    """HOTA, DetA, AssA and LocA of all sequences over the localisation threshold."""
    figure = _figure(11, 3.2)
    for axes, name in zip(figure.subplots(1, len(CURVES), sharey=True), CURVES, strict=True):
        for (tracker, each), colour in zip(scores.items(), _colours(len(scores)), strict=True):
            label = f"{tracker} ({np.mean(each.curves[name]):.1f})"
            axes.plot(alphas(), each.curves[name], color=colour, label=label)
        axes.set(title=name, xlabel="IoU threshold", xlim=(0, 1), ylim=(0, 100))
        axes.legend(fontsize=7, loc="lower left")
        _plain(axes)
    return figure


def detection_association(scores: Mapping[str, Scores]) -> "Figure":
    """DetA against AssA of each tracker, on lines of equal HOTA (about their geometric mean)."""
    figure = _figure(5, 4.2)
    axes = figure.subplots()
    points = np.array([[each.combined.DetA, each.combined.AssA] for each in scores.values()])
    low, high = np.maximum(points.min(0) - 6, 0), np.minimum(points.max(0) + 6, 100)
    grid = np.linspace(max(low[0], 1e-3), high[0], 100)
    for level in range(5, 100, 5):
        axes.plot(grid, level**2 / grid, color="#cccccc", linewidth=0.8, zorder=0)
        if low[1] < level**2 / high[0] < high[1]:
            place = (high[0], level**2 / high[0])
            axes.annotate(f" {level}", place, fontsize=7, color="#888888", va="center")
    for name, (x, y), colour in zip(scores, points.tolist(), _colours(len(scores)), strict=True):
        axes.scatter(x, y, color=colour, s=40, label=f"{name} ({scores[name].combined.HOTA:.1f})")
    axes.legend(fontsize=8, title="HOTA", title_fontsize=8)
    axes.set(xlabel="DetA", ylabel="AssA", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    _plain(axes)
    return figure


def sequence_bars(scores: Mapping[str, Scores], metric: str = "HOTA") -> "Figure":
    """One metric by sequence, trackers side by side; the lines are the combined scores."""
    names = list(next(iter(scores.values())).sequences)
    figure = _figure(max(6, 1.5 + len(names) * (0.25 + 0.16 * len(scores))), 3.6)
    axes = figure.subplots()
    width = 0.8 / len(scores)
    for place, (tracker, each) in enumerate(scores.items()):
        colour = _colours(len(scores))[place]
        values = [getattr(each.sequences[name], metric) for name in names]
        left = np.arange(len(names)) - 0.4 + (place + 0.5) * width
        axes.bar(left, values, width, color=colour, label=tracker)
        axes.axhline(getattr(each.combined, metric), color=colour, linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set(ylabel=metric, xlim=(-0.6, len(names) - 0.4))
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False)
    _plain(axes)
    return figure


def identity_timeline(held: Timeline, title: str) -> "Figure":
    """A line for each object: a colour for each id that held it, grey where none did, nothing where
    the object is absent. The ids are written where there is room."""
    objects = np.unique(held.object)
    shown = objects[:MOST_BARS]
    figure = _figure(11, 1.0 + 0.22 * len(shown))
    axes = figure.subplots()
    end = int(held.last.max(initial=1))
    for place, identity in enumerate(shown.tolist()):
        rows = held.object == identity
        starts, lengths = held.first[rows], held.last[rows] - held.first[rows] + 1
        ids = held.id[rows].tolist()
        colours = [NOBODY if each < 0 else _colour_of(each) for each in ids]
        spans = list(zip(starts.tolist(), lengths.tolist(), strict=True))
        axes.broken_barh(spans, (place - 0.38, 0.76), facecolors=colours)
        for (start, length), each in zip(spans, ids, strict=True):
            if each >= 0 and length > 0.006 * end * (1 + len(str(each))):
                axes.text(start + length / 2, place, str(each), fontsize=6, color="white",
                          ha="center", va="center")  # fmt: skip
    axes.set_yticks(range(len(shown)), [str(each) for each in shown.tolist()], fontsize=7)
    axes.set(xlabel="frame", ylabel="object", xlim=(0, end + 1), ylim=(len(shown) - 0.4, -0.6))
    left_out = len(objects) - len(shown)
    axes.set_title(
        title + (f" ({counted(left_out, 'more object')})" if left_out else ""), fontsize=9
    )
    _plain(axes)
    return figure


def save_plots(
    folder: str | Path,
    scores: Mapping[str, Scores],
    timelines: Mapping[str, Mapping[str, Timeline]],
    overwrite: bool = False,
) -> list[Path]:
    """Every picture as PNG and SVG -> their paths.

    timelines: by tracker, then by sequence. overwrite: pictures that are there may be replaced
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in _pictures(scores, timelines):
        for kind in ("png", "svg"):
            path = check_output(folder / f"{name}.{kind}", overwrite)
            with replacing(path) as temporary:
                figure.savefig(temporary, format=kind, dpi=150)
            paths.append(path)
    return paths


def as_svg(figure: "Figure") -> str:
    """The picture as an <svg> element, with text as text."""
    import io

    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mambatrack"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]


def _pictures(
    scores: Mapping[str, Scores], timelines: Mapping[str, Mapping[str, Timeline]]
) -> "Iterator[tuple[str, Figure]]":
    yield "hota", hota_curves(scores)
    yield "deta-assa", detection_association(scores)
    yield "sequences", sequence_bars(scores)
    for tracker, by_sequence in timelines.items():
        for sequence, held in by_sequence.items():
            name = f"identities-{tracker}-{sequence}".replace("/", "-")
            yield name, identity_timeline(held, f"{sequence}, {tracker}")


def load_figure() -> "type[Figure]":
    """matplotlib's figure; raises MissingExtra, which names the extra."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("matplotlib", "plot", "drawing scores") from None
    return Figure


def _figure(width: float, height: float) -> "Figure":
    return load_figure()(figsize=(width, height), layout="constrained")


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _colours(count: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def _colour_of(identity: int) -> tuple[float, float, float]:
    """Far in hue from the ids next to it, dark enough for white letters."""
    import colorsys

    return colorsys.hsv_to_rgb(identity * 0.6180339887 % 1.0, 0.75, 0.68)
