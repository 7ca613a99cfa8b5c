"""What a command reads is never written over, whatever the names; said before it is opened."""

import argparse
import os
import subprocess
import sys
from datetime import datetime

import pytest

from mambatrack.cli import main, program
from mambatrack.cli.named_files import DatedFile, ReadPath, WrittenFile, WrittenFolder
from mambatrack.datasets.sequences import would_find
from worlds import write_training_data

NAMED = {"FILE", "FILE.mp4", "FILE.npz", "FILE.onnx", "STATE", "DIR", "PATH", "SOURCE", "RESULT"}
FOREIGN = {"ids"}  # replaces the file that it reads, and keeps what was there

SCORES = ("eval", "--dataset", "data", "--results", "results")
CASES = {
    "the source": ("track", "a.mp4", "--output", "a.mp4"),
    "a hard link of the source": ("track", "a.mp4", "--output", "hard.mp4"),
    "a soft link to the source": ("track", "a.mp4", "--mot", "soft.mp4"),
    "the source through a linked folder": ("track", "a.mp4", "--mot", "here/a.mp4"),
    "another source of several": ("live", "a.mp4", "b-0.mp4", "--output", "b.mp4"),
    "a picture of the source": ("track", "pictures", "--mot", "pictures/1.png"),
    "a link to a picture of the source": ("track", "pictures", "--csv", "hard.png"),
    "a picture of the glob": ("track", "pictures/*.png", "--csv", "pictures/2.png"),
    "the labels of a sequence": ("track", "data/s", "--mot", "data/s/det/det.txt"),
    "the detections given as weights": (
        "track", "a.mp4", "--detector", "file", "--weights", "det.txt", "--mot", "det.txt",
    ),
    "a setting's file": ("track", "a.mp4", "--predictor", "m.safetensors", "--mot", "hard.model"),
    "the settings": ("track", "a.mp4", "--config", "set.yaml", "--jsonl", "set.yaml"),
    "what is exported": ("export-tracks", "r.txt", "--format", "cvat", "--out", "r.txt"),
    "the video of an export": (
        "export-tracks", "r.txt", "--format", "cvat", "--video", "a.mp4", "--out", "hard.mp4",
    ),
    "a result that is scored": (*SCORES, "--csv", "results/s.txt"),
    "the states beside a result": (*SCORES, "--json", "results/s.jsonl"),
    "the truth": (*SCORES, "--report", "data/s/gt/gt.txt"),
    "a result of another tracker": (
        "eval", "--dataset", "data", "--trackers", "data", "results", "--switches", "hard.txt",
    ),
    "the predictor that is measured": (
        "eval-motion", "--dataset", "data", "--predictor", "m.safetensors", "--csv", "hard.model",
    ),
    "the timed predictor": ("bench", "--predictor", "m.safetensors", "--json", "m.safetensors"),
    "the exported predictor": ("export", "--predictor", "m.safetensors", "--out", "hard.model"),
    "the exported detector": ("export", "--weights", "m.safetensors", "--out", "hard.model"),
    "the network in 8 bits": ("quantize", "m.safetensors", "--out", "hard.model"),
    "a result that is submitted": (
        "submit", "--server", "dancetrack", "--results", "results", "--out", "hard.txt",
    ),
    "the state and a result": ("live", "a.mp4", "--state", "new", "--jsonl", "new"),
    "the second state and a result": ("live", "a.mp4", "--state", "new", "--mot", "new.bak"),
    "two names of one new file": ("track", "a.mp4", "--mot", "new", "--csv", "here/new"),
    "two cases of one name": ("track", "a.mp4", "--mot", "new.txt", "--csv", "NEW.TXT"),
    "two spellings of one name": ("track", "a.mp4", "--mot", "\u00e9", "--csv", "e\u0301"),
    "two links of one old file": ("track", "a.mp4", "--mot", "old", "--csv", "hard.old"),
    "two outputs of the scores": (*SCORES, "--csv", "new", "--json", "./new"),
    "a result that is linked": ("link", "r.txt", "--out", "."),
    "two outputs of the times": ("bench", "--out", "new", "--json", "new"),
    "the page and the times": ("bench", "--page", "new", "--json", "new"),
}  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with files of every kind, each with its own content -> their contents."""
    monkeypatch.chdir(tmp_path)
    for folder in ("pictures", "data/s/gt", "data/s/det", "results"):
        (tmp_path / folder).mkdir(parents=True)
    names = (
        "a.mp4 b.mp4 b-0.mp4 pictures/1.png pictures/2.png data/s/gt/gt.txt data/s/det/det.txt "
        "data/s/seqinfo.ini det.txt m.safetensors r.txt results/s.txt results/s.jsonl old"
    )
    for name in names.split():
        (tmp_path / name).write_text(f"content of {name}")
    (tmp_path / "set.yaml").write_text("tracker:\n  max_age: 20\n")
    links = {
        "hard.mp4": "a.mp4", "hard.png": "pictures/2.png", "hard.model": "m.safetensors",
        "hard.txt": "results/s.txt", "hard.old": "old",
    }  # fmt: skip
    for link, target in links.items():
        os.link(target, link)
    os.symlink("a.mp4", "soft.mp4")
    os.symlink(".", "here")
    return contents(tmp_path)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_what_is_read_is_not_written_over(files, tmp_path, capsys, case, overwrite):
    arguments = [*CASES[case], *(["--overwrite"] if overwrite and takes(CASES[case][0]) else [])]
    assert program.main(arguments) == 1
    said = capsys.readouterr().err
    assert "itself" in said or "named for two outputs" in said, said
    assert contents(tmp_path) == files


def takes(command):
    return "overwrite" in {action.dest for action in actions()[command]}


def actions():
    """The options of each command."""
    parser = program.build_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: each._actions for name, each in commands.choices.items()}


def test_every_option_that_names_a_file_says_whether_it_is_read_or_written():
    roles = (ReadPath, WrittenFile, WrittenFolder)
    for command, options in actions().items():
        for option in options if command not in FOREIGN else ():
            named = option.metavar in NAMED
            role = isinstance(option.type, type) and issubclass(option.type, roles)
            assert named == role, f"{command} {option.dest}"


def test_a_file_beside_what_is_read_may_be_written_over(files, tmp_path, capsys):
    for arguments in (
        ["track", "pictures", "--mot", "pictures/notes.txt", "--overwrite"],
        ["eval", "--dataset", ".", "--results", "results", "--csv", "r.txt", "--overwrite"],
        ["track", "a.mp4", "--mot", os.devnull, "--overwrite"],
    ):
        (tmp_path / "pictures/notes.txt").write_text("old")
        assert program.main(arguments) == 1  # none of these pictures can be read
        said = capsys.readouterr().err
        assert "itself" not in said and "two outputs" not in said, said


@pytest.mark.skipif(os.name != "posix", reason="redirects of a shell")
@pytest.mark.parametrize("redirect", ["< boxes", "> boxes", "2> boxes < other"])
def test_redirected_files_are_not_written_over(tmp_path, redirect):
    (tmp_path / "boxes").write_text("1,-1,10,10,20,40,0.9\n")
    (tmp_path / "other").write_text("1,-1,10,10,20,40,0.9\n")
    command = f"{sys.executable} -m mambatrack track - --mot boxes --overwrite {redirect}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    kept = (tmp_path / "boxes").read_text()
    assert done.returncode == 1 and "boxes is w" in (done.stderr + kept)
    assert kept == {"<": "1,-1,10,10,20,40,0.9\n", ">": ""}.get(redirect[0], kept)


NEXT_TIME = {
    "a heat map among the pictures": ("track", "pictures", "--heat-map", "pictures/heat.png"),
    "one that the glob finds": ("track", "pictures/*.png", "--heat-map", "here/pictures/heat.png"),
    "one below a glob of folders": ("track", "**/*.png", "--heat-map", "pictures/heat.png"),
    "one among those of a live source": ("live", "pictures", "--heat-map", "pictures/heat.jpg"),
    "a video beside the truth": ("track", "data/s", "--output", "data/s/drawn.mp4"),
    "the default video": ("track", "."),
}


@pytest.mark.parametrize("case", NEXT_TIME)
def test_what_the_next_run_would_read_is_not_written(files, tmp_path, monkeypatch, capsys, case):
    (tmp_path / "data/s/vdo.avi").write_text("a video")
    if case == "the default video":
        monkeypatch.chdir(tmp_path / "data/s")
    before = contents(tmp_path)
    assert program.main(list(NEXT_TIME[case])) == 1
    said = capsys.readouterr().err
    assert "would be read as part of" in said and said.count("\n") == 1, said
    assert contents(tmp_path) == before


def test_outputs_that_no_run_reads_may_lie_beside_the_source(files, capsys):
    for arguments in (
        ["track", "pictures", "--heat-map", "where.png", "--mot", "pictures/x.txt"],
        ["track", "pictures/[12].png", "--heat-map", "pictures/heat.png"],
        ["track", "pictures", "--heat-map", "pictures/where.npy"],
        ["track", "a.mp4", "--output", "drawn.mp4"],
        ["detect", "data/s", "--out", "data/s/det/new.txt"],
    ):
        program.main(arguments)
        assert "would be read" not in capsys.readouterr().err


@pytest.mark.parametrize("out", ["data", "data/sim", "data/a/b", "here/data/sim"])
def test_simulated_sequences_do_not_go_into_the_data_set(tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").symlink_to(".")
    write_training_data(tmp_path / "data", 2)
    for name in ("world0", "world1"):
        (tmp_path / "data" / name).rename(tmp_path / "data" / f"seq{name[-1]}")
    before = contents(tmp_path / "data")
    for source in (["--dataset", "data"], ["--walkers", "1"]):
        assert program.main(["simulate", *source, "--like", "data", "--out", out]) == 1
        said = capsys.readouterr().err
        assert "would be read as part of data" in said or "is the data set itself" in said, said
    assert contents(tmp_path / "data") == before


def test_simulated_sequences_go_where_nobody_looks_for_them(tmp_path):
    write_training_data(tmp_path / "data", 1)
    for out in ("other", "data/.hidden", "data/world0/inside", "data/1/2/3/4/5"):
        assert not would_find(tmp_path / "data", tmp_path / out / "world0")
    assert would_find(tmp_path / "data", tmp_path / "data/val/world0")


@pytest.mark.parametrize("words", [
    ["track", ""], ["track", "--dataset", "", "--out", "r"], ["track", "-", "--mot", ""],
    ["track", "a.mp4", "--weights", ""], ["track", "a.mp4", "--config", ""],
    ["eval", "--dataset", "d", "--results", ""], ["live", "a.mp4", "--state", ""],
])  # fmt: skip
def test_no_name_is_not_the_current_folder(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        program.main(words)
    assert "the name is empty; the current folder is ." in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--mot", "--output", "--events"])
def test_a_dash_is_no_file(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["track", "a.mp4", option, "-"])
    assert "- is no file; standard output is /dev/stdout" in capsys.readouterr().err


def test_the_time_makes_a_name_and_a_number_one_that_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    year = f"{datetime.now():%Y}"
    name = DatedFile("tracks-%Y.jsonl")
    assert name == f"tracks-{year}.jsonl" and name.pattern == "tracks-%Y.jsonl"
    (tmp_path / name).touch()
    assert DatedFile("tracks-%Y.jsonl") == f"tracks-{year}.2.jsonl"
    (tmp_path / f"tracks-{year}.2-0.jsonl").touch()  # of the first of several sources
    assert DatedFile("tracks-%Y.jsonl") == f"tracks-{year}.3.jsonl"
    (tmp_path / "100%.txt").touch()
    assert DatedFile("100%.txt") == "100%.txt" and DatedFile("a%y.txt") == "a%y.txt"
