import os
import zipfile

import pytest

from few_tracks import PREDICTED, WRITERS, make_tracks
from mambatrack import MambatrackError
from mambatrack.evaluation.submission import SERVERS, make_submission

ROW = "1,1,10.5,20,30,40,0.9,-1,-1,-1\n"
DANCERS = SERVERS["dancetrack"].names


@pytest.fixture
def dance(tmp_path):
    """Results of DanceTrack's test set, a row each."""
    folder = tmp_path / "results"
    folder.mkdir()
    for name in DANCERS:
        (folder / f"{name}.txt").write_text(ROW)
    return folder


@pytest.fixture
def sports(tmp_path):
    """A SportsMOT of 150 test sequences of 20 frames, and one for training; and results."""
    names = [f"v_{number:03d}_c001" for number in range(150)]
    for place in ["train/v_other", *(f"test/{name}" for name in names)]:
        folder = tmp_path / "data" / "dataset" / place
        folder.mkdir(parents=True)
        folder.joinpath("seqinfo.ini").write_text(
            "[Sequence]\nseqLength=20\nimWidth=1280\nimHeight=720\n"
        )
    results = tmp_path / "results"
    results.mkdir()
    for name in names:
        (results / f"{name}.txt").write_text(ROW)
    return tmp_path / "data", results, names


def entries(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {name: file.read(name).decode() for name in file.namelist()}


def test_dancetracks_files_lie_in_the_folder_tracker(dance, tmp_path):
    archive = make_submission("dancetrack", dance, tmp_path / "tracker.zip")
    assert archive == tmp_path / "tracker.zip"
    assert entries(archive) == {f"tracker/{name}.txt": ROW for name in DANCERS}
    assert len(DANCERS) == 35 and list(DANCERS) == sorted(set(DANCERS))


def test_sportsmots_files_lie_in_the_root_and_its_names_come_from_the_data(sports, tmp_path):
    data, results, names = sports
    for root in (data, data / "dataset" / "test"):
        archive = make_submission("sportsmot", results, tmp_path / "s.zip", root, overwrite=True)
        assert entries(archive) == {f"{name}.txt": ROW for name in names}
    with pytest.raises(MambatrackError, match="give the folder with --dataset"):
        make_submission("sportsmot", results, tmp_path / "other.zip")
    with pytest.raises(MambatrackError, match="holds 1 sequence; the test set .* has 150"):
        make_submission("sportsmot", results, tmp_path / "o.zip", data / "dataset" / "train")
    with pytest.raises(MambatrackError, match="without dancetrack0003, .* and 32 more"):
        make_submission("dancetrack", results, tmp_path / "o.zip", data)


def test_equal_results_give_equal_archives_whatever_their_age(dance, tmp_path):
    first = make_submission("dancetrack", dance, tmp_path / "a.zip").read_bytes()
    for name in reversed(DANCERS):
        os.utime(dance / f"{name}.txt", (1e9, 1e9))
    assert make_submission("dancetrack", dance, tmp_path / "b.zip").read_bytes() == first


def test_what_a_strict_reader_stumbles_over_is_tidied_up(dance, tmp_path):
    (dance / "dancetrack0003.txt").write_text(
        "\ufeff\n1, 1, 10.5, 20, 30, 40, 0.9, -1, -1, -1,\r\n\n", encoding="utf-8"
    )
    (dance / "dancetrack0009.txt").write_text("2\t1\t1e1 20 30 40 1 -1 -1 -1\r\n\n")
    (dance / "dancetrack0011.txt").write_text("")
    found = entries(make_submission("dancetrack", dance, tmp_path / "a.zip"))
    assert found["tracker/dancetrack0003.txt"] == ROW
    assert found["tracker/dancetrack0009.txt"] == "2,1,1e1,20,30,40,1,-1,-1,-1\n"
    assert found["tracker/dancetrack0011.txt"] == ""


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0,1,1,1,5,5,1,-1,-1,-1", "frame 0; MOT frames count from 1"),
        ("1,0,1,1,5,5,1,-1,-1,-1", "id 0; ids count from 1"),
        ("1,1.5,1,1,5,5,1,-1,-1,-1", "must be whole numbers"),
        ("1,2,1,1,5,0,1,-1,-1,-1", "a box of 5 x 0 pixels"),
        ("1,2,nan,1,5,5,1,-1,-1,-1", "a number that is not finite"),
        ("1,2,1,1,5,5,inf,-1,-1,-1", "a number that is not finite"),
        ("1,2,1,1,5,5,x,-1,-1,-1", "'x' in column 7 is no number"),
        ("1,2,1,1,5,5,1", "7 columns, but 10 above it"),
        ("1,1,1,1,5,5,1,-1,-1,-1", "id 1 is in frame 1 a second time"),
        ("21,1,1,1,5,5,1,-1,-1,-1", "frame 21 of a sequence of 20 frames"),
    ],
)
def test_a_wrong_row_is_named_with_file_and_line(sports, tmp_path, row, reason):
    data, results, names = sports
    (results / f"{names[7]}.txt").write_text(f"{ROW}\n{row}\n")
    with pytest.raises(MambatrackError, match=f"{names[7]}.txt, line 3: .*{reason}"):
        make_submission("sportsmot", results, tmp_path / "s.zip", data)
    assert not list(tmp_path.glob("s.zip*"))


def test_rows_without_the_last_columns_are_refused(dance, tmp_path):
    (dance / "dancetrack0100.txt").write_text("\n1,1,1,1,5,5,1\n")
    with pytest.raises(MambatrackError, match="0100.txt, line 2: 7 columns, expected 10"):
        make_submission("dancetrack", dance, tmp_path / "a.zip")


def test_missing_and_surplus_files_are_listed(dance, tmp_path):
    out = tmp_path / "a.zip"
    (dance / "dancetrack0003.jsonl").write_text("{}")  # files of other kinds stay out
    assert len(entries(make_submission("dancetrack", dance, out))) == 35
    (dance / "dancetrack0001.txt").write_text(ROW)
    with pytest.raises(MambatrackError, match="no test sequence: dancetrack0001.txt"):
        make_submission("dancetrack", dance, out, overwrite=True)
    (dance / "dancetrack0003.jsonl").unlink()
    for name in DANCERS[:5]:
        (dance / f"{name}.txt").unlink()
    with pytest.raises(MambatrackError, match="lacks 5 of 35 results: dancetrack0003, .* 2 more"):
        make_submission("dancetrack", dance, out, overwrite=True)


def test_an_archive_is_not_lost(dance, tmp_path, monkeypatch):
    out = make_submission("dancetrack", dance, tmp_path / "a.zip")
    before = out.read_bytes()
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        make_submission("dancetrack", dance, out)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", _full)
    with pytest.raises(OSError, match="no space"):
        make_submission("dancetrack", dance, out, overwrite=True)
    assert out.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["a.zip", "results"]


def _full(*_):
    raise OSError("no space")


def test_other_names_are_refused(dance, tmp_path, monkeypatch):
    with pytest.raises(MambatrackError, match="known are dancetrack, sportsmot"):
        make_submission("mot17", dance, tmp_path / "a.zip")
    with pytest.raises(MambatrackError, match="not named .zip"):
        make_submission("dancetrack", dance, tmp_path / "a.tar")
    with pytest.raises(MambatrackError, match="is not a folder"):
        make_submission("dancetrack", dance / "dancetrack0003.txt", tmp_path / "a.zip")
    monkeypatch.chdir(tmp_path)
    assert make_submission("dancetrack", dance).name == "tracker.zip"


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_json_lines_and_csv_become_rows(dance, tmp_path, kind):
    (dance / "dancetrack0003.txt").unlink()
    with WRITERS[kind](dance / f"dancetrack0003.{kind}") as file:
        file.write(make_tracks(0))
        file.write(make_tracks(1, state=[PREDICTED]))
    found = entries(make_submission("dancetrack", dance, tmp_path / "a.zip"))
    row = "1,1,10.00,20.00,30.00,60.00,0.8750,-1,-1,-1\n"
    assert found["tracker/dancetrack0003.txt"] == row
