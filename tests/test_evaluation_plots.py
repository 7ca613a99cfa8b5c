"""Scores as pictures."""

import sys

import numpy as np
import pytest

from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.evaluation import plots
from mambatrack.evaluation.scores import CURVES, Score, Scores, alphas
from mambatrack.evaluation.timeline import Timeline

pytest.importorskip("matplotlib", reason="needs the extra [plot]")


def score(value):
    zero = dict.fromkeys(Score._fields, 0)
    return Score(**{**zero, "HOTA": value, "DetA": value, "AssA": value})


def scores(value, sequences=("a", "b")):
    return Scores(
        sequences={name: score(value + place) for place, name in enumerate(sequences)},
        combined=score(value),
        curves={name: np.linspace(value, 0, len(alphas())) for name in CURVES},
    )


def held(rows):
    return Timeline(*np.array(rows, np.int64).reshape(-1, 4).T)


def test_curves_name_every_tracker_with_its_mean():
    figure = plots.hota_curves({"one": scores(60), "two": scores(40)})
    assert len(figure.axes) == len(CURVES)
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_legend().texts] == ["one (30.0)", "two (20.0)"]
        assert [line.get_ydata()[0] for line in axes.lines] == [60, 40]


def test_a_point_for_each_tracker_lies_inside():
    [axes] = plots.detection_association({"one": scores(60), "two": scores(0)}).axes
    points = np.concatenate([each.get_offsets() for each in axes.collections])
    assert points.tolist() == [[60, 60], [0, 0]]
    for x, y in points:
        assert axes.get_xlim()[0] <= x <= axes.get_xlim()[1]
        assert axes.get_ylim()[0] <= y <= axes.get_ylim()[1]


def test_bars_of_trackers_stand_side_by_side():
    [axes] = plots.sequence_bars({"one": scores(60), "two": scores(40)}).axes
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
    assert len(spans) == 4
    assert all(b[0] >= a[1] - 1e-9 for a, b in zip(spans, spans[1:], strict=False))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]


def test_a_timeline_has_a_line_for_each_object_and_says_what_it_leaves_out():
    rows = [(identity, 1, 50, identity) for identity in range(plots.MOST_BARS + 3)]
    [axes] = plots.identity_timeline(held(rows), "walk").axes
    assert axes.get_title() == "walk (3 more objects)"
    assert len(axes.collections) == plots.MOST_BARS
    [axes] = plots.identity_timeline(held([(5, 1, 9, 12), (5, 10, 90, -1)]), "walk").axes
    assert [text.get_text() for text in axes.texts] == ["12"]


def test_a_sequence_without_people_has_an_empty_timeline():
    [axes] = plots.identity_timeline(held([]), "nobody").axes
    assert axes.get_title() == "nobody" and not axes.collections


def test_every_picture_is_saved_twice_and_none_is_written_over(tmp_path):
    timelines = {"one/x": {"a": held([(5, 1, 9, 12)])}}
    paths = plots.save_plots(tmp_path, {"one/x": scores(60)}, timelines)
    names = ["hota", "deta-assa", "sequences", "identities-one-x-a"]
    assert [path.name for path in paths] == [
        f"{n}.{kind}" for n in names for kind in ("png", "svg")
    ]
    assert all(path.stat().st_size > 1000 for path in paths)
    with pytest.raises(MambatrackError, match="hota.png"):
        plots.save_plots(tmp_path, {"one/x": scores(60)}, {})
    plots.save_plots(tmp_path, {"one/x": scores(60)}, {}, overwrite=True)


def test_one_picture_is_the_same_text_every_time():
    first, second = (plots.as_svg(plots.hota_curves({"<&>": scores(60)})) for _ in range(2))
    assert first == second and first.startswith("<svg") and "&lt;&amp;&gt; (30.0)" in first


def test_ids_next_to_each_other_have_other_colours():
    colours = np.array([plots._colour_of(identity) for identity in range(1, 40)])
    assert np.abs(np.diff(colours, axis=0)).max(axis=1).min() > 0.2


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"mambatrack\[plot\]"):
        plots.hota_curves({"one": scores(60)})
