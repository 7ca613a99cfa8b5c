"""Commands on data of other tools: what is printed, refused and written."""

import json
import shutil

import pytest

from mambatrack.cli import main
from mambatrack.datasets.sequences import find_sequences
from mambatrack.evaluation import score
from mambatrack.simulation.world import write_sequence

SEQINFO = "[Sequence]\nseqLength={}\nimWidth=640\nimHeight=480\n"
PEOPLE = [(frame, person) for frame in range(1, 11) for person in (1, 2)]


def rows(tail, ids=(1, 2)):
    return "".join(
        f"{frame},{identity},{60 * identity + 2 * frame},30,20,50,{tail}\n"
        for frame in range(1, 11)
        for identity in ids
    )


@pytest.fixture
def cvat(tmp_path):
    """An export of CVAT's "MOT 1.1" with persons and a car, and results that have the persons."""
    folder = tmp_path / "task/gt"
    folder.mkdir(parents=True)
    (folder / "gt.txt").write_text(rows("1,2,1") + rows("1,1,1", (5,)))
    (folder / "labels.txt").write_text("car\nperson\n")
    (tmp_path / "task/seqinfo.ini").write_text(SEQINFO.format(10))
    (tmp_path / "results").mkdir()
    (tmp_path / "results/task.txt").write_text(rows("0.9,-1,-1,-1"))
    return ["eval", "--dataset", str(tmp_path / "task"), "--results", str(tmp_path / "results")]


def test_persons_of_a_cvat_export(cvat, tmp_path, capsys):
    assert main(cvat) == 1
    error = capsys.readouterr().err
    assert "the ground truth counts car, person; name the one that was tracked" in error
    options = ("--classes", "person", "--strict", "--json", str(tmp_path / "s.json"))
    assert main([*cvat, *options, "--switches", str(tmp_path / "w.csv")]) == 0
    [tracker] = json.loads((tmp_path / "s.json").read_text())["trackers"].values()
    assert tracker["combined"]["HOTA"] == pytest.approx(100)
    assert "classes" not in tracker


def test_each_class_has_its_line_and_its_scores(cvat, tmp_path, capsys):
    text = rows("0.9,2,-1") + rows("0.9,1,-1", (5,))
    (tmp_path / "results/task.txt").write_text(text)
    assert main([*cvat, "--json", str(tmp_path / "s.json")]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("class car", "class person", "CLASS AVERAGE"))
    [tracker] = json.loads((tmp_path / "s.json").read_text())["trackers"].values()
    assert list(tracker["classes"]) == ["car", "person"]
    assert tracker["classes"]["car"]["combined"]["CLR_TP"] == 10
    assert tracker["class_average"]["HOTA"] == pytest.approx(100)


@pytest.mark.parametrize("option", [("--occlusion",), ("--switches", "w.csv")])
def test_details_are_of_one_class(cvat, tmp_path, option, capsys):
    (tmp_path / "results/task.txt").write_text(rows("0.9,2,-1") + rows("0.9,1,-1", (5,)))
    assert main([*cvat, *option]) == 1
    assert "about one class, but car, person count; name one with" in capsys.readouterr().err


@pytest.fixture
def world(tmp_path):
    write_sequence(tmp_path / "data/a", seed=3, people=5, frames=40, size=(480, 270))
    return tmp_path / "data"


def test_detections_have_no_classes_so_a_named_one_is_the_truth_s(world, tmp_path):
    labels = world / "a/gt/labels.txt"
    labels.write_text("person\n")
    options = ["--predictor", "kalman", "--out", str(tmp_path / "out"), "--quiet"]
    given = ["--tracker.association", "overlap", "--classes", "person"]
    assert main(["eval", "--dataset", str(world), *options, *given]) == 0
    assert score(find_sequences(world), tmp_path / "out").combined.HOTA > 30


def test_lines_of_revisions_change_no_report(world, tmp_path, capsys):
    out = tmp_path / "out"
    given = ["--predictor", "kalman", "--tracker.association", "overlap"]
    assert main(["eval", "--dataset", str(world), "--out", str(out), *given, "--quiet"]) == 0
    results = ["eval", "--dataset", str(world), "--results", str(out), "--occlusion", "--json"]
    assert main([*results, str(tmp_path / "one.json")]) == 0
    states = out / "a.jsonl"
    lines = states.read_text().splitlines()
    frame, track = next(
        (value["frame"], track)
        for value in map(json.loads, lines[1:])
        for track in value["tracks"]
        if track["state"] == "predicted"
    )
    said = {"id": track["id"], "frames": [frame], "boxes": [[0, 0, 5, 5]], "spread": [[1] * 4]}
    states.write_text("\n".join([*lines, json.dumps({"revision": {**said, "gap": 1}})]) + "\n")
    assert main([*results, str(tmp_path / "two.json")]) == 0
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()
    states.write_text(states.read_text() + '{"frame": 3, "tracks": [{"box": [1, 2]}]}\n')
    assert main([*results, str(tmp_path / "three.json")]) == 1
    assert f"a.jsonl, line {len(lines) + 2}: not the JSON Lines" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["track", "eval"])
def test_an_implausible_length_is_refused_before_anything_is_written(
    world, tmp_path, command, capsys
):
    (world / "a/seqinfo.ini").write_text(SEQINFO.format(999999999))
    given = [command, "--dataset", str(world), "--out", str(tmp_path / "out")]
    assert main(given) == 1
    error = capsys.readouterr().err
    assert "seqinfo.ini, line 2: seqLength = '999999999' is more than 1000000" in error
    assert "dataset.longest allows more" in error and not (tmp_path / "out").exists()
    (world / "a/seqinfo.ini").write_text(SEQINFO.format(40))
    assert main([*given, "--dataset.longest", "39"]) == 1
    assert "seqLength = '40' is more than 39" in capsys.readouterr().err


def test_a_frame_of_a_billion_is_refused_where_nothing_states_the_length(world, tmp_path, capsys):
    (world / "a/seqinfo.ini").unlink()
    with (world / "a/det/det.txt").open("a") as file:
        file.write("1000000000,-1,5,5,9,9,0.9,-1,-1,-1\n")
    assert main(["track", "--dataset", str(world), "--out", str(tmp_path / "out")]) == 1
    assert "det.txt, line" in (error := capsys.readouterr().err)
    assert "frame 1000000000 is more than 1000000 and looks like a mistake" in error


@pytest.mark.parametrize("letter", ["n", "\u00fc"])
def test_sequences_with_names_of_240_bytes_are_tracked_and_scored(world, tmp_path, letter):
    name = letter * (240 // len(letter.encode()))
    shutil.move(world / "a", world / name)
    shutil.copytree(world / name, world / (name[:-1] + "m"))
    given = ["--predictor", "kalman", "--tracker.association", "overlap", "--quiet"]
    out = tmp_path / "out"
    assert main(["eval", "--dataset", str(world), "--out", str(out), *given]) == 0
    assert sorted(each.name for each in out.iterdir()) == sorted(
        ["run.json", *(f"{each}{ending}" for each in (name, name[:-1] + "m")
                       for ending in (".txt", ".jsonl"))]
    )  # fmt: skip


def test_a_name_that_is_too_long_for_its_results_is_refused_first(world, tmp_path, capsys):
    shutil.move(world / "a", world / ("n" * 252))
    assert main(["track", "--dataset", str(world), "--out", str(tmp_path / "out")]) == 1
    assert "is too long for the file of its results; rename" in capsys.readouterr().err
