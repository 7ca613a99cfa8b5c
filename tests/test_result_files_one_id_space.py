"""Results of several cameras that become one id space, and back."""

import csv
import json

import numpy as np
import pytest

from mambatrack import MambatrackError
from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.cli import main
from mambatrack.outputs.text import jsonl_writer, mot_writer
from mambatrack.result_files.look_again import look_again
from mambatrack.result_files.one_id_space import link_results, of_whole_tracks
from mambatrack.result_files.read_results import read_recording
from mambatrack.runs.run_outputs import EmbeddingOutput, TextOutput
from mambatrack.sources.frames import Frame
from test_tracking_memory import BLUE, GREEN, PLAIN, RED, frames_of, tracker_of

VISITS = {"door": ((RED, BLUE), (GREEN, RED)), "yard": ((BLUE, GREEN), (BLUE, RED))}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """door.jsonl and yard.jsonl with embeddings, and .txt of the same."""
    folder = tmp_path_factory.mktemp("results")
    for name, visits in VISITS.items():
        tracker = tracker_of(memory=None)
        with (jsonl_writer(folder / f"{name}.jsonl") as lines,
              mot_writer(folder / f"{name}.txt") as text):  # fmt: skip
            embeddings = EmbeddingOutput(lines, tracker)
            outputs = TextOutput(lines), TextOutput(text), embeddings
            for frame in frames_at(visits):
                tracks = tracker.update(frame[1], image=frame[0].image)
                for output in outputs:
                    output.write(frame[0], tracks)
            embeddings.close()
    return folder


def frames_at(visits):
    for number, (picture, boxes) in enumerate(frames_of(*visits)):
        yield Frame(number, number / 25, picture), boxes


@pytest.fixture
def results(written, tmp_path, monkeypatch):
    for path in written.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def people_of(path):
    """Of each visit who has which id, by place, in its last frames."""
    recording = read_recording(path)
    found = []
    for frame in (55, 75 + 55):
        rows = (recording.frame == frame).nonzero()[0]
        rows = rows[recording.boxes[rows, 0].argsort()]
        found.append(recording.id[rows].tolist())
    return found


def test_embeddings_stand_between_frames_and_are_read(results):
    lines = [json.loads(line) for line in (results / "door.jsonl").read_text().splitlines()]
    told = [each["embedding"] for each in lines if "embedding" in each]
    assert sorted(each["id"] for each in told) == [1, 2, 3, 4]
    assert all(each["embedder"] == "plain" and each["looks"] >= 5 for each in told)
    codes = read_recording("door.jsonl").codes
    assert [each.id for each in codes] == [each["id"] for each in told]
    assert codes[0].vector @ codes[1].vector < 0.9


@pytest.mark.parametrize("ending", ["jsonl", "txt"])
def test_an_id_is_one_person_in_all_results(results, ending):
    for name in VISITS:  # of text the embeddings beside it
        (results / f"{name}.txt").touch()
    paths = [results / f"{name}.{ending}" for name in VISITS]
    recordings = [read_recording(path) for path in paths]
    if ending == "txt":
        recordings = [
            look_again(each, (frame for frame, _ in frames_at(visits)), Appearance(PLAIN))
            for each, visits in zip(recordings, VISITS.values(), strict=True)
        ]
    linked = link_results(paths, recordings, 0.8)
    ids = [sorted(set(each.id.tolist())) for each in recordings]
    numbers = linked.numbers(ids)
    colours = {}
    for path, own, visits in zip(paths, numbers, VISITS.values(), strict=True):
        for row, visit in zip(people_of(path), visits, strict=True):
            for identity, colour in zip(row, visit, strict=True):
                colours.setdefault(colour, set()).add(own[identity])
    assert sorted(map(sorted, colours.values())) == [[1], [2], [3]]
    assert len(linked.links) == 5


def test_link_writes_copies_with_the_new_ids_and_can_be_undone(results, capsys):
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    given = ["link", "door.jsonl", "yard.jsonl", "--memory.surety", "0.8"]
    assert main([*given, "--out", "all"]) == 0
    assert "3 of all together, by 5 links" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in results.iterdir() if path.is_file()} == before
    assert people_of("all/door.jsonl") == [[1, 2], [3, 1]]
    assert people_of("all/yard.jsonl") == [[2, 3], [2, 1]]
    assert {each.id for each in read_recording("all/yard.jsonl").codes} == {1, 2, 3}
    with open("all/links.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 and all(0.8 <= float(row["probability"]) < 1 for row in rows)
    assert main([*given, "--out", "all"]) == 1
    assert "exists; use --overwrite" in capsys.readouterr().err
    assert main([*given, "--out", "all", "--overwrite", "--quiet"]) == 0, capsys.readouterr().err
    assert main(["ids", "undo", "all/yard.jsonl", "--quiet"]) == 0
    assert (results / "all/yard.jsonl").read_bytes() == before["yard.jsonl"]


def test_ids_that_a_memory_gave_back_are_renumbered_too(results, capsys):
    lines = (results / "door.jsonl").read_text().splitlines()
    frame = json.loads(lines[-8])
    frame["returned"] = [[99, frame["tracks"][0]["id"] if frame["tracks"] else 3]]
    lines[-8] = json.dumps(frame)
    (results / "door.jsonl").write_text("\n".join(lines) + "\n")
    assert main(["link", "door.jsonl", "yard.jsonl", "--out", "all", "--quiet"]) == 0
    frames = map(json.loads, (results / "all/door.jsonl").read_text().splitlines())
    ((was, again),) = next(each["returned"] for each in frames if "returned" in each)
    recordings = [read_recording(f"all/{name}.jsonl") for name in VISITS]
    assert was not in np.concatenate([each.id for each in recordings])
    assert again in recordings[0].id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda code: code | {"embedder": "other"}, "of other, 288 numbers each, and door.jsonl"),
        (lambda code: code | {"code": "AAAA"}, "no base64 of float16"),
        (lambda code: code | {"similarities": [1]}, "no two of count, mean and variance"),
        (lambda code: code | {"id": -1}, "id is no whole number"),
        (lambda code: {"id": 1}, "'embedder' is missing"),
    ],
)
def test_codes_that_cannot_be_used(results, capsys, change, message):
    lines = [json.loads(line) for line in (results / "yard.jsonl").read_text().splitlines()]
    for each in lines:
        if "embedding" in each:
            each["embedding"] = change(each["embedding"])
    (results / "yard.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert main(["link", "door.jsonl", "yard.jsonl", "--out", "all"]) == 1
    said = capsys.readouterr().err
    assert message in said or "float16" in message and "its code is no" in said, said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["door.txt", "yard.jsonl"], "door.txt does not say what its tracks look like"),
        (["door.txt", "--videos", "a.mp4", "b.mp4", "--appearance", "colour"],
         "1 result, but 2 videos"),
        (["door.txt", "--videos", "a.mp4"], "name one as --appearance"),
    ],
)  # fmt: skip
def test_what_link_needs(results, capsys, given, message):
    assert main(["link", *given, "--out", "all"]) == 1
    assert message in capsys.readouterr().err


def test_how_alike_two_people_are_is_seen_in_those_who_are_seen_together():
    streams = Calibration(Similarities(200, 0.9, 0.01), Similarities(200, 0.7, 0.01))
    codes, apart = np.eye(40, dtype=np.float32), ~np.eye(40, dtype=bool)
    found = of_whole_tracks(streams, codes, apart)
    assert found.same is streams.same and found.others.mean < 0.05
    few = of_whole_tracks(streams, codes, np.zeros((40, 40), bool)).others
    assert (few.mean, few.variance, few.count) == (0.7, 0.01, 200)
    assert streams.others.count == 200


def test_embeddings_need_an_embedder(results):
    tracker = tracker_of(memory=None, embedder=None)
    with pytest.raises(MambatrackError, match="name one as --appearance"):
        EmbeddingOutput(None, tracker)


def test_a_result_that_cannot_be_read_leaves_no_folder(results, capsys):
    assert main(["link", "door.jsonl", "nowhere.jsonl", "--out", "all"]) == 1
    assert "nowhere.jsonl cannot be read" in capsys.readouterr().err
    assert not (results / "all").exists()
