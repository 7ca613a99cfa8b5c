"""Files that may not be read, are of another kind, lead nowhere or never end, and disks that take
nothing more: one line each."""

import contextlib
import ctypes
import os
import shutil

import pytest

from command_inputs import FROM_BOXES, LINES, line, write_inputs
from mambatrack.cli.program import main

pytest.importorskip("trackeval", reason="needs the extra [eval]")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes of Unix")

CAPABILITIES = 0x20080522  # version 3 of Linux
OVERRIDE = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: root reads every file


@contextlib.contextmanager
def as_usual_user():
    """Permissions bite in this thread, for root as well."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        pytest.skip("permissions do not stop this user")
    header, kept = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, kept) == 0
    fewer = (ctypes.c_uint32 * 6)(*kept)
    fewer[0] &= ~OVERRIDE
    assert libc.capset(header, fewer) == 0
    try:
        yield
    finally:
        assert libc.capset(header, kept) == 0


def unreadable(path):
    path.chmod(0)


def of_the_other_kind(path):
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("no folder\n")
    else:
        path.unlink()
        path.mkdir()


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def a_link_to_nowhere(path):
    remove(path)
    path.symlink_to("nowhere")


def a_link_to_itself(path):
    remove(path)
    path.symlink_to(path.name)


def a_pipe(path):
    """One that nobody writes to; who opens it waits for ever."""
    remove(path)
    os.mkfifo(path)


def without_end(path):
    remove(path)
    path.symlink_to("/dev/zero")


KINDS = (unreadable, of_the_other_kind, a_link_to_nowhere, a_link_to_itself, a_pipe, without_end)
READ_ONCE = ("set.yaml", "token")  # a pipe of a shell, <(...), is as good as a file


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_inputs(folder)
    return folder


CASES = [
    (name, file, kind)
    for number, (name, each) in enumerate(LINES.items())
    for place, file in enumerate((*each.texts, *each.others))
    for kind in (KINDS[(number + place) % len(KINDS)],)
    if kind not in (a_pipe, without_end) or file not in (*READ_ONCE, each.words[1])
]


@pytest.mark.parametrize(
    ("name", "file", "kind"), CASES, ids=[f"{n}, {f}, {k.__name__}" for n, f, k in CASES]
)
def test_what_cannot_be_read_is_one_line_or_not_needed(
    inputs, tmp_path, monkeypatch, capsys, name, file, kind
):
    folder, out = tmp_path / "inputs", tmp_path / "out"
    shutil.copytree(inputs, folder)
    out.mkdir()
    monkeypatch.chdir(folder)
    kind(folder / file)
    with as_usual_user():
        try:
            code = main(line(name, out))
        except SystemExit as ended:
            code = ended.code
    errors = [each for each in capsys.readouterr().err.splitlines() if each.startswith("error")]
    assert code in (0, 1, 2) and len(errors) == bool(code), errors
    assert not any("Errno" in each for each in errors), errors


BOXES = ("track", "data/s", *FROM_BOXES, "--weights", "det.txt")
WRITTEN = {
    **{name: LINES[name].words for name in (
        "track with det.txt", "track a data set", "eval results", "eval several", "eval and track",
        "eval-motion", "simulate", "submit", "ids swap", "ids split", "ids undo",
        "export JSON Lines", "export MOT text",
    )},
    "detect": ("detect", "data/s", "--out", "{out}/det.txt", "--detector", "motion"),
    "camera": ("camera", "clip.avi", "--out", "{out}/camera.txt"),
    "link": ("link", "results/s.txt", "--videos", "data/s", "--appearance", "colour", "--out",
             "{out}/together"),
    "fiftyone": ("export-tracks", "r.jsonl", "--format", "fiftyone", "--out", "{out}/x", "--video",
                 "clip.avi"),
    "heat map": (*BOXES, "--heat-map", "{out}/x.png"),
    "array": (*BOXES, "--heat-map", "{out}/x.npy"),
    "events": (*BOXES, "--config", "set.yaml", "--events", "{out}/e.csv"),
    "plots": ("eval", "--dataset", "data", "--results", "results", "--plots", "{out}"),
}  # fmt: skip
EDITED = {"ids swap": "r.txt", "ids split": "r.jsonl", "ids undo": "r.txt"}


@contextlib.contextmanager
def full_disk():
    """No file grows in this process."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_full_disk_is_one_line_with_the_file_and_what_is_read_stays(
    inputs, tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(inputs)
    before = contents(inputs)
    with full_disk():
        code = main([word.replace("{out}", str(tmp_path)) for word in WRITTEN[name]])
    errors = [each for each in capsys.readouterr().err.splitlines() if each.startswith("error")]
    assert code == 1 and len(errors) == 1 and "Errno" not in errors[0], errors
    assert EDITED.get(name, str(tmp_path)) in errors[0] and "File too large" in errors[0]
    assert ".part" not in errors[0] and not list(tmp_path.rglob("*.part"))
    assert contents(inputs) == before


def test_the_current_folder_is_no_file(inputs, monkeypatch, capsys):
    """It is a path without a name, to which no ending can be given."""
    monkeypatch.chdir(inputs / "results")
    assert main(["eval", "--dataset", "../data", "--results", ".", "--quiet"]) == 0
    for words in (
        ["gallery", "."],
        ["live", "../clip.avi", "--detector", "motion", "--state", "."],
        ["track", "../data/s", "--predictor", "."],
        ["track", "../data/s", "--detector", "motion", "--association", ".", "--heat-map", "x.png"],
    ):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and said.startswith("error: "), words
