"""Small valid inputs of every command, and command lines that read them all."""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from full_weights import write_full
from mambatrack.cli.program import main
from mambatrack.evaluation.submission import SERVERS
from mambatrack.networks.model_files import WEIGHTS
from mambatrack.simulation.world import write_sequence
from tiny_onnx import write_onnx
from videos import write_avi

PLAIN = ("--predictor", "kalman", "--association", "overlap")
SETTINGS = """\
# settings of a test
tracker:
  max_age: 20
  predictor: kalman
  association: overlap
detector:
  conf: 0.3
counting:
  lines: ["door:0,120,320,120"]
  zones: ["hall:0,0;320,0;320,240;0,240"]
"""
FROM_BOXES = ("--predictor", "still", "--association", "overlap", "--detector", "file")


class Line(NamedTuple):
    """words: of the command line, in which {out} is a new folder; texts: files of text that it
    reads; others: files and folders that it reads."""

    words: tuple[str, ...]
    texts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


TRUTH = ("data/s/gt/gt.txt", "data/s/seqinfo.ini", "data/t/gt/gt.txt")
RESULTS = ("results/s.txt", "results/t.txt")
FOLDERS = ("data", "data/s/gt", "results")

LINES = {
    "track a video": Line(("track", "clip.avi", *PLAIN, "--mot", "{out}/x.txt"), (), ("clip.avi",)),
    "track with det.txt": Line(
        ("track", "data/s", *FROM_BOXES, "--weights", "det.txt", "--jsonl", "{out}/x.jsonl"),
        ("det.txt", "data/s/seqinfo.ini"), ("data/s/img1", "data/s"),
    ),
    "track a sequence": Line(
        ("track", "data/s", *PLAIN, "--mot", "{out}/x.txt"),
        ("data/s/det/det.txt", "data/s/seqinfo.ini"), ("data/s/img1/000003.jpg", "data/s/det"),
    ),
    "track a data set": Line(
        ("track", "--dataset", "data", *PLAIN, "--out", "{out}/r"),
        ("data/s/det/det.txt", "data/t/seqinfo.ini"), ("data", "data/t/img1"),
    ),
    "track with settings": Line(
        ("track", "data/s", "--config", "set.yaml", "--events", "{out}/e.csv", "--jsonl",
         "{out}/x.jsonl"),
        ("set.yaml",),
    ),
    "track with transforms": Line(
        ("track", "data/s", *PLAIN, "--camera", "camera.txt", "--mot", "{out}/x.txt"),
        ("camera.txt",),
    ),
    "track with a motion model": Line(
        ("track", "data/s", "--predictor", "m.safetensors", "--association", "overlap", "--csv",
         "{out}/x.csv"),
        ("m.json",), ("m.safetensors",),
    ),
    "track with a window": Line(
        ("track", "data/s", "--predictor", "w.safetensors", "--association", "overlap", "--csv",
         "{out}/x.csv"),
        ("w.json",), ("w.safetensors",),
    ),
    "track with an association": Line(
        ("track", "data/s", "--predictor", "kalman", "--association", "a.safetensors", "--mot",
         "{out}/x.txt"),
        ("a.json",), ("a.safetensors",),
    ),
    "track with a detector": Line(
        ("track", "clip.avi", *PLAIN, "--weights", "d.onnx", "--mot", "{out}/x.txt"),
        (), ("d.onnx",),
    ),
    "live from a state": Line(
        ("live", "clip.avi", *PLAIN, "--state", "state", "--frames", "3", "--jsonl",
         "{out}/x.jsonl"),
        ("state",), ("clip.avi",),
    ),
    "live with a page": Line(
        ("live", "clip.avi", *PLAIN, "--serve", "--port", "0", "--token-file", "token", "--frames",
         "3", "--jsonl", "{out}/x.jsonl"),
        ("token",),
    ),
    "detect": Line(
        ("detect", "clip.avi", "--out", "{out}/det.txt", "--detector", "motion"), (), ("clip.avi",)
    ),
    "eval results": Line(
        ("eval", "--dataset", "data", "--results", "results", "--csv", "{out}/x.csv"),
        (*TRUTH, *RESULTS, "data/s/gt/labels.txt"), FOLDERS,
    ),
    "eval several": Line(
        ("eval", "--dataset", "data", "--trackers", "results", "others", "--switches",
         "{out}/x.csv", "--json", "{out}/x.json"),
        (*TRUTH, *RESULTS, "others/s.txt", "data/s/det/det.txt"), FOLDERS,
    ),
    "eval occlusion": Line(
        ("eval", "--dataset", "data", "--results", "results", "--occlusion"),
        ("results/s.jsonl", "data/s/det/det.txt", "data/s/gt/gt.txt"), FOLDERS,
    ),
    "eval and track": Line(
        ("eval", "--dataset", "data", *PLAIN, "--out", "{out}/r"),
        (*TRUTH, "data/s/det/det.txt"), ("data",),
    ),
    "eval-motion": Line(
        ("eval-motion", "--dataset", "data", "--predictor", "kalman", "--horizons", "1", "--csv",
         "{out}/x.csv"),
        TRUTH, ("data",),
    ),
    "simulate": Line(
        ("simulate", "--dataset", "data", "--like", "data", "--out", "{out}/sim"),
        (*TRUTH, "data/s/det/det.txt"), ("data",),
    ),
    "submit": Line(
        ("submit", "--server", "dancetrack", "--results", "test", "--out", "{out}/x.zip"),
        ("test/dancetrack0003.txt",), ("test",),
    ),
    "ids swap": Line(("ids", "swap", "1", "2", "r.txt"), ("r.txt", "r.txt.undo.jsonl")),
    "ids split": Line(
        ("ids", "split", "2", "15", "r.jsonl"), ("r.jsonl", "r.jsonl.undo.jsonl")
    ),
    "ids undo": Line(("ids", "undo", "r.txt"), ("r.txt", "r.txt.undo.jsonl")),
    "export JSON Lines": Line(
        ("export-tracks", "r.jsonl", "--format", "cvat", "--out", "{out}/x.zip", "--video",
         "clip.avi"),
        ("r.jsonl",), ("clip.avi",),
    ),
    "export MOT text": Line(
        ("export-tracks", "results/s.txt", "--format", "label-studio", "--out", "{out}/x.json",
         "--size", "320x240"),
        ("results/s.txt",),
    ),
    "show settings": Line(("config", "--config", "set.yaml"), ("set.yaml",)),
}  # fmt: skip


def write_inputs(folder: Path) -> None:
    """All files that LINES name, in an empty folder; the current folder has to be this one."""
    for seed, name in enumerate("st"):
        write_sequence(
            folder / "data" / name, seed, people=4, frames=20, size=(320, 240), images=True
        )
        (folder / f"data/{name}/gt/labels.txt").write_text("person\n")
    write_avi(folder / "clip.avi")
    shutil.copy(folder / "data/s/det/det.txt", folder / "det.txt")
    (folder / "set.yaml").write_text(SETTINGS)
    write_onnx(folder / "d.onnx", {"output": np.zeros((1, 84, 85), np.float32)})
    lines = [f"{frame} 1 0 {frame % 3} 0 1 0 0.9\n" for frame in range(20)]
    (folder / "camera.txt").write_text("# transforms\n" + "".join(lines))
    (folder / "token").write_text("a-word-of-a-test\n")
    write_full(folder / "m.safetensors", "causal")
    for short, kind in (("a", "association"), ("w", "window")):
        for ending in ("safetensors", "json"):
            shutil.copy(WEIGHTS / f"mambatrack-{kind}.{ending}", folder / f"{short}.{ending}")
    (folder / "results").mkdir()
    for name in "st":
        run("track", f"data/{name}", *PLAIN, "--mot", f"results/{name}.txt",
            "--jsonl", f"results/{name}.jsonl", "--revise")  # fmt: skip
    shutil.copy(folder / "results/s.txt", folder / "r.txt")
    shutil.copy(folder / "results/s.jsonl", folder / "r.jsonl")
    shutil.copytree(folder / "results", folder / "others")
    (folder / "test").mkdir()
    for name in SERVERS["dancetrack"].names:
        shutil.copy(folder / "results/s.txt", folder / f"test/{name}.txt")
    run("ids", "swap", "1", "2", "r.txt")
    run("ids", "swap", "1", "2", "r.jsonl")
    run("live", "clip.avi", *PLAIN, "--state", "state", "--frames", "3", "--mot", "live.txt")
    (folder / "live.txt").unlink()


def run(*arguments: str) -> None:
    code = main([*arguments, "--quiet"])
    assert code == 0, f"{' '.join(arguments)}: {code}"


def line(name: str, out: Path) -> list[str]:
    """The command line ``name`` with its outputs in ``out``."""
    return [word.replace("{out}", str(out)) for word in LINES[name].words]
