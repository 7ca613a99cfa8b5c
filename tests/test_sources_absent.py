"""Names of sources that are not there, or of other files, are told with what was meant."""

import numpy as np
import pytest

from mambatrack import open_frames
from mambatrack.cli import main
from mambatrack.errors import MambatrackError
from mambatrack.sources.readers import check_there
from videos import COUNT, write_avi


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    write_avi(tmp_path / "street.avi")
    write_avi(tmp_path / "home" / "yard.avi")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "notes.txt").write_text("1,-1,10,10,20,40,0.9\n")
    (tmp_path / "s.yaml").write_text("tracker: {}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stret.avi", "did you mean 'street.avi'?"),
        ("STREET.AVI", "did you mean 'street.avi'?"),
        ("street", "did you mean 'street.avi'?"),
        ("street.mp4", "did you mean 'street.avi'?"),
        ('"street.avi"', "did you mean 'street.avi'?"),
        (" street.avi ", "did you mean 'street.avi'?"),
        ("picture", "did you mean 'pictures'?"),
        ("home/yrad.avi", "did you mean 'yard.avi'?"),
        ("pictures/frame%04d.png", "as pictures/frame*.png"),
        ("absent/street.avi", "RTSP or HTTP address"),
        ("something-else.avi", "RTSP or HTTP address"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_a_near_one(name, meant):
    for read in (open_frames, check_there):
        with pytest.raises(MambatrackError, match="does not exist; expected a video") as raised:
            read(name)
        assert str(raised.value).endswith(meant)


def test_a_text_is_no_source_and_it_is_told_where_it_goes(capsys):
    assert main(["track", "notes.txt"]) == 1
    said = capsys.readouterr().err
    assert "--weights notes.txt, or alone: mambatrack track - < notes.txt" in said
    assert said.count("\n") == 1, "before a detector is chosen"
    with pytest.raises(MambatrackError, match="settings are given as --config s.yaml"):
        open_frames("s.yaml")


def test_a_video_named_as_text_is_a_video(folder):
    (folder / "video.txt").write_bytes((folder / "street.avi").read_bytes())
    with open_frames("video.txt") as frames:
        assert sum(1 for _ in frames) == COUNT


@pytest.mark.parametrize("source", [None, 0.5, True, [np.zeros((9, 9, 3))], np.zeros((9, 9, 3))])
def test_what_is_no_name_is_refused_with_its_type(source):
    with pytest.raises(MambatrackError, match=f"the source is a {type(source).__name__}; expected"):
        open_frames(source)


def test_names_may_be_bytes(folder):
    with open_frames(b"street.avi") as frames:
        assert frames.count == COUNT


@pytest.mark.parametrize("joined", [True, False])
def test_a_tilde_is_the_home_folder_wherever_a_file_is_named(folder, joined):
    """A shell leaves it where it stands behind = or in quotes."""
    options = {"--mot": "~/out.txt", "--config": "~/set.yaml", "--csv": "~/%Y.csv"}
    (folder / "home/set.yaml").write_text("detector: {name: motion}\n")
    words = [f"{key}={value}" for key, value in options.items()]
    if not joined:
        words = [word for pair in options.items() for word in pair]
    assert main(["track", "~/yard.avi", "--quiet", *words]) == 0
    assert (folder / "home/out.txt").is_file() and len(list(folder.glob("home/2*.csv"))) == 1
    assert main(["ids", "undo", "~/no.txt"]) == 1
    assert not (folder / "~").exists()


def test_a_file_that_is_named_with_a_tilde_is_itself(folder):
    (folder / "~").mkdir()
    write_avi(folder / "~" / "mine.avi")
    assert main(["track", "~/mine.avi", "--detector", "motion", "--mot", "m.txt", "--quiet"]) == 0
