"""Files that appear whole: their content, their mode, and what stays after errors and kills."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack import MambatrackError
from mambatrack.files import check_output, remove_temporaries, replacing

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and signals of POSIX")


@contextmanager
def umask(value):
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def written(path, text="new"):
    with replacing(path) as temporary:
        temporary.write_text(text)
    return path


@POSIX
@given(mask=st.sampled_from([0o000, 0o002, 0o022, 0o027, 0o077]))
def test_a_new_file_has_the_mode_of_its_neighbours(tmp_path_factory, mask):
    folder = tmp_path_factory.mktemp("modes")
    with umask(mask):
        (folder / "neighbour").write_text("by open")
        path = written(folder / "new")
    assert mode_of(path) == mode_of(folder / "neighbour") == 0o666 & ~mask


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o444])
def test_a_file_that_was_there_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "old"
    path.write_text("old")
    path.chmod(mode)
    with umask(0o027):
        written(path)
    assert path.read_text() == "new" and mode_of(path) == mode


@POSIX
def test_a_library_that_writes_another_file_under_the_name_changes_no_mode(tmp_path):
    with umask(0o022), replacing(tmp_path / "new") as temporary:
        other = tmp_path / "other"
        other.write_text("by a library")
        other.chmod(0o600)
        other.replace(temporary)
    assert mode_of(tmp_path / "new") == 0o644


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path, error):
    path = written(tmp_path / "old", "old")
    with pytest.raises(type(error)):
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["old"]


def test_folders_and_devices_are_not_replaced(tmp_path):
    for path in (tmp_path, *([tmp_path.__class__(os.devnull)] if os.name == "posix" else [])):
        with pytest.raises(MambatrackError, match="not a regular file"):
            written(path)
    assert os.listdir(tmp_path) == []


def test_names_may_be_as_long_as_names_can_be(tmp_path):
    for name in ("x" * 255, "\u4e2d" * 85):
        assert written(tmp_path / name).read_text() == "new"


@POSIX
def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    script = (
        "import os, pathlib, signal, sys; from mambatrack.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "weights")])
    assert done.returncode == -signal.SIGKILL and len(os.listdir(tmp_path)) == 1
    kept = [".hidden", "a-01234567.part", ".git"]
    for name in kept:
        (tmp_path / name).write_text("not ours")
    remove_temporaries(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_a_link_stays_one_and_its_file_is_replaced(tmp_path):
    target, link = written(tmp_path / "target", "old"), tmp_path / "link"
    link.symlink_to("target")
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink() and target.read_text() == "new"


def test_an_error_of_writing_names_the_file_and_one_of_reading_what_is_read(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(OSError, match="No space") as unnamed, replacing(path):
        raise OSError(28, "No space left on device")
    with pytest.raises(FileNotFoundError) as other, replacing(path):
        (tmp_path / "read").read_bytes()
    with pytest.raises(OSError, match="No space") as copied, replacing(path) as temporary:
        raise OSError(28, "No space left on device", "from", None, str(temporary))
    names = [each.value.filename for each in (unnamed, other, copied)]
    assert names == [str(path), str(tmp_path / "read"), str(path)]


def test_in_pipes_and_dev_null_nothing_is_written_over(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert check_output(tmp_path / "pipe") and check_output(os.devnull)
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        check_output(tmp_path / "file")
