import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mambatrack.cli.one_writer import one_writer
from mambatrack.cli.program import main
from mambatrack.errors import MambatrackError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of Unix")


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    """A folder of their own for the locks."""
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def is_free(*paths):
    with suppress(MambatrackError), one_writer(paths):
        return True
    return False


def test_a_file_has_one_writer_by_whatever_name_and_no_lock_is_left(tmp_path, locks, monkeypatch):
    file = tmp_path / "tracks.txt"
    (tmp_path / "link").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    with one_writer([file, file.name]):  # named twice by one command
        assert [is_free(each) for each in (file, "tracks.txt", "link")] == [False] * 3
        assert is_free(tmp_path / "other.txt")
    assert is_free(file, "link")
    assert [each for each in locks.rglob("*") if each.is_file()] == []


def test_streams_and_what_other_processes_of_a_training_write_are_not_locked(monkeypatch, tmp_path):
    with one_writer([os.devnull, tmp_path]):
        assert is_free(os.devnull)
        monkeypatch.setenv("RANK", "1")
        assert is_free(tmp_path)


def test_locks_of_somebody_else_are_not_believed(tmp_path, locks):
    with one_writer([tmp_path]):
        (folder,) = locks.iterdir()
        folder.chmod(0o777)
        assert is_free(tmp_path)
        folder.chmod(0o700)


def test_a_writer_that_is_killed_holds_nothing_any_more(tmp_path):
    script = (
        "import sys, time; from mambatrack.cli.one_writer import one_writer\n"
        "with one_writer(sys.argv[1:]):\n    print('has it', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "has it\n"
        before = is_free(tmp_path)
        other.send_signal(signal.SIGKILL)
    assert not before and is_free(tmp_path)


@pytest.mark.parametrize("words", [
    ["ids", "swap", "1", "2", "{}/r.txt"],
    ["gallery", "{}/r.txt", "--forget", "all"],
    ["live", "0", "--state", "{}/r.state"],
    ["track", "-", "--mot", "{}/r.txt", "--overwrite"],
    ["detect", "clip.avi", "--out", "{}/r.txt", "--overwrite"],
    ["simulate", "--walkers", "1", "--like", "data", "--out", "{}/r"],
    ["train", "--dataset", "data", "--out", "{}/r"],
    ["tune", "--dataset", "data", "--trials", "1", "--out", "{}/r"],
    ["link", "other.jsonl", "--out", "{}/r"],
])  # fmt: skip
def test_a_second_run_is_refused_before_any_work(words, tmp_path, capsys):
    (name,) = (Path(each).name for each in words if each.startswith("{}/"))
    written = tmp_path / name
    written.write_text("1,1,0,0,10,10,1\n1,2,50,0,10,10,1\n")
    before = written.stat()
    with one_writer([written]):
        assert main([word.format(tmp_path) for word in words]) == 1
    said = capsys.readouterr().err
    assert said == (
        f"error: another run of mambatrack writes {written}; wait until it has ended, or name "
        "another\n"
    )
    assert written.stat() == before


def test_the_list_of_a_gallery_needs_no_lock(tmp_path, capsys):
    state = tmp_path / "state"
    with one_writer([state]):
        assert main(["gallery", str(state)]) == 1
    assert "does not exist" in capsys.readouterr().err
