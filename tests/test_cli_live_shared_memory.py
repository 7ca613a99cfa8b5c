"""``mambatrack live`` with several sources that have one memory."""

import json
from pathlib import Path

import pytest

from mambatrack.cli import main
from mambatrack.simulation.world import write_sequence
from mambatrack.tracking.state_file import StateFile

SHARED = ("--appearance", "colour", "--memory.seconds", "600", "--memory.shared", "true")


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sequence("walk", seed=3, people=3, frames=40, size=(160, 120), video="clip.mp4")
    return ("clip.mp4", "clip.mp4", "--detector", "file", "--weights", "walk/det/det.txt")


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()[1:]]


def ids_of(found):
    return {track["id"] for each in found for track in each.get("tracks", ())}


def test_two_sources_share_their_ids(clip, capsys):
    files = ("--state", "state", "--jsonl", "a.jsonl", "--embeddings", "--overwrite", "--quiet")
    assert main(["live", *clip, *SHARED, *files]) == 0, capsys.readouterr().err
    first = [lines(f"a-{number}.jsonl") for number in (0, 1)]
    again = {pair[1] for found in first for each in found for pair in each.get("returned", ())}
    assert ids_of(first[0]) and ids_of(first[1])
    assert ids_of(first[0]) & ids_of(first[1]) <= again
    told = [each["embedding"] for found in first for each in found if "embedding" in each]
    assert told and all(each["embedder"] == "colour" for each in told)
    newest = max(int(state["next_id"]) for state in StateFile("state").load().values())
    assert main(["gallery", "state"]) == 0
    said = capsys.readouterr().out
    assert "clip: " in said and "clip #2: " in said
    assert main(["live", *clip, *SHARED, *files]) == 0, capsys.readouterr().err
    second = set.union(*(ids_of(lines(f"a-{number}.jsonl")) for number in (0, 1)))
    known = set.union(*map(ids_of, first))
    assert all(each in known or each >= newest for each in second)


def test_what_is_shared_has_to_be_kept(clip, capsys):
    assert main(["live", *clip, *SHARED[:2], *SHARED[4:]]) == 1
    assert "nothing is kept in it; give the seconds" in capsys.readouterr().err


def test_one_video_alone_is_sent_to_link(clip, capsys):
    assert main(["track", "clip.mp4", *clip[2:], *SHARED, "--mot", "a.txt"]) == 1
    assert "are joined by mambatrack link" in capsys.readouterr().err
