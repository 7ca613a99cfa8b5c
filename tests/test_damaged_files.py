"""Every file that is read again, damaged in any way: one line with its name, or read as it was."""

import io
import json
import shutil
import warnings

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, load_config, load_predictor
from mambatrack.association.loading import load_learned
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.association_recording import Recording
from mambatrack.learning.association_training import _read as read_run
from mambatrack.learning.log import Log
from mambatrack.networks.model_files import WEIGHTS
from mambatrack.result_files.identities import ResultFile
from mambatrack.result_files.read_results import read_recording
from mambatrack.runs import detection_cache
from mambatrack.runs.dataset_jobs import plan
from mambatrack.tracking.state_file import StateFile
from mambatrack.yaml_file import read_yaml

KALMAN = load_config(None, {"tracker.predictor": "kalman", "tracker.association": "overlap"})


def npy(array, pickled=False):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def huge():
    """An archive whose array is said to have 10**15 numbers."""
    said = npy(np.zeros(9))
    wide = said.replace(b"'shape': (9,)", b"'shape': (10**15,)"[:13])
    return npz(a=np.zeros(3)).replace(npy(np.zeros(3))[:40], wide[:40])


def flipped(content, seed):
    changed = bytearray(content)
    for place in np.random.default_rng(seed).integers(len(changed), size=5):
        changed[place] ^= 0xFF
    return bytes(changed)


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "cut at the end": lambda content: content[:-7],
    "bits": lambda content: flipped(content, 1),
    "other bits": lambda content: flipped(content, 2),
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: np.random.default_rng(3).bytes(3000),
    "twice": lambda content: content * 2,
    "a number": lambda content: b"5",
    "null": lambda content: b"null",
    "a list": lambda content: b"[1, [2]]",
    "an object": lambda content: b"{}",
    "lines of objects": lambda content: b'{"a": 1}\n{"edit": 3}\n',
    "brackets": lambda content: b"[" * 1000,
    "one array": lambda content: npy(np.zeros(4)),
    "an object of Python": lambda content: npy(np.array([{}], object), pickled=True),
    "other arrays": lambda content: npz(rows=np.zeros(3), names=np.zeros((2, 2)), pairs=np.ones(2)),
    "a huge array": lambda content: huge(),
}


def recording():
    return Recording(
        np.array([1, 2]), np.array([1, 2]), np.array([2, 1]), np.zeros((3, 3), np.float16),
        np.array([0, 0, 1], np.int32), np.array([1, 0, 0], np.int32), np.ones(3, bool),
        np.ones(3, bool), np.arange(3), np.zeros((2, 3), np.float16), np.ones(3, bool),
    )  # fmt: skip


def tracks(path):
    rows = "\n".join(f"{frame},1,{frame}.5,20,30,60,0.9,-1,-1,-1" for frame in range(1, 9))
    path.write_text(f"{rows}\n")
    return path


def make_identities(path):
    ResultFile(tracks(path.with_name("r.txt"))).split(1, 4)
    path.with_name("r.txt.undo.jsonl").rename(path)


def read_identities(path):
    shutil.copy(path, path.with_name("r.txt.undo.jsonl"))
    ResultFile(path.with_name("r.txt")).undo()


def sequence(folder):
    (folder / "det").mkdir(parents=True)
    tracks(folder / "det/det.txt")
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=8\nimWidth=90\nimHeight=90\n")
    return find_sequences(folder)


def make_run(path):
    found = sequence(path.parent / "s")
    plan(found, KALMAN, path.parent / "out")
    (path.parent / "out/s.txt").write_text("")
    shutil.copy(path.parent / "out/run.json", path)


def read_plan(path):
    shutil.copy(path, path.parent / "out/run.json")
    plan(find_sequences(path.parent / "s"), KALMAN, path.parent / "out")


def make_cache(path):
    path.write_bytes(npz(rows=np.zeros((2, 7), np.float32), names=np.array(["person"])))


def make_log(path):
    Log(path, 0).add(5, {"loss": 0.5})


def weights(kind, ending):
    def make(path):
        for each in ("safetensors", "json"):
            shutil.copy(WEIGHTS / f"mambatrack-{kind}.{each}", path.with_name(f"m.{each}"))
        path.write_bytes(path.with_name(f"m.{ending}").read_bytes())

    return make


def reading(read, ending):
    def run(path):
        shutil.copy(path, path.with_name(f"m.{ending}"))
        read(path.with_name("m.safetensors"))

    return run


def read_association(path):
    load_learned(path, KALMAN.tracker)


# what is written, what reads it
FILES = {
    "a recording": (lambda path: recording().save(path), Recording.load),
    "detections that are kept": (make_cache, detection_cache._read),
    "a state": (lambda path: Tracker(KALMAN).save(path), Tracker(KALMAN).load),
    "states": (lambda path: StateFile(path).save({}), lambda path: StateFile(path).load()),
    "the log of a training": (make_log, lambda path: Log(path, 9)),
    "what a training was made with": (
        lambda path: path.write_text(
            json.dumps({"association": {}, "tracker": {}, "sequences": []})
        ),
        read_run,
    ),
    "what results were made with": (make_run, read_plan),
    "edits of identities": (make_identities, read_identities),
    "MOT text": (tracks, read_mot),
    "a result": (tracks, read_recording),
    "settings": (lambda path: path.write_text("tracker:\n  max_age: 20\n"), load_config),
    "plain YAML": (lambda path: path.write_text("a: 1\n"), read_yaml),
    **{
        f"the {name} of a motion model": (
            weights("causal", ending), reading(load_predictor, ending)
        )
        for name, ending in (("weights", "safetensors"), ("card", "json"))
    },
    **{
        f"the {name} of an association": (
            weights("association", ending), reading(read_association, ending)
        )
        for name, ending in (("weights", "safetensors"), ("card", "json"))
    },
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_refused_by_its_name_or_read_as_it_was(tmp_path, kind, damage):
    make, read = FILES[kind]
    path = tmp_path / "file"
    make(path)
    read(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(path)
        except MambatrackError as error:
            assert "\n" not in str(error).strip() and len(str(error)) < 700, error


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", np.array([1, 9])), ("pairs", np.array([-1, 4])), ("rows", np.array([1])),
        ("tracks", np.array([0, 5, 1])), ("detections", np.array([1, 0, -1])),
        ("features", np.zeros((3, 2))), ("same", np.ones(2, bool)), ("ids", np.arange(9)),
        ("alone", np.zeros(3)), ("person", np.ones((0, 2))),
    ],
)  # fmt: skip
def test_a_recording_whose_arrays_do_not_fit_is_refused(tmp_path, name, value):
    np.savez(tmp_path / "r.npz", **{**vars(recording()), name: value})
    with pytest.raises(MambatrackError, match="r.npz is damaged"):
        Recording.load(tmp_path / "r.npz")
