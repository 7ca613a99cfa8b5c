"""Result files for annotation tools and viewers, read back by their own libraries where present."""

import warnings
import zipfile

import pytest

from mambatrack.errors import MambatrackError
from videos import COUNT, write_avi


def test_a_relative_format_needs_the_size_of_the_picture(export):
    with pytest.raises(MambatrackError, match="give the --video, or its --size"):
        export("label-studio", "l.json")
    with pytest.raises(MambatrackError, match="give it as --video"):
        export("fiftyone", "f", "--size=10x10")


def test_nothing_that_exists_is_written_over_unasked(export, capsys):
    export("cvat", "c.zip", "--seen-only")
    assert "2 tracks, 6 boxes, 0 of them predicted" in capsys.readouterr().out
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        export("cvat", "c.zip")


def rows(frames, left=10, tail="0.9,-1,-1,-1"):
    return "".join(f"{frame},1,{left},10,9,20,{tail}\n" for frame in range(1, frames + 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rows(2 * COUNT), rf"go on to frame {2 * COUNT}, but .*a.avi has {COUNT}: is it the video"),
        (rows(COUNT, left=90), f"outside the picture of 64x48: {COUNT} of {COUNT} boxes; was"),
    ],
)
@pytest.mark.parametrize("form", ["cvat", "label-studio"])
def test_results_of_another_video_are_told(export, tmp_path, text, words, form):
    source = tmp_path / "results.txt"
    source.write_text(text)
    with pytest.warns(UserWarning, match=words):
        export(form, "out", "--video", write_avi(tmp_path / "a.avi"), source=source)


@pytest.mark.parametrize("frames", [COUNT, COUNT - 1])
def test_results_of_the_video_are_not(export, tmp_path, frames):
    source = tmp_path / "results.txt"
    source.write_text(rows(frames))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made = export("cvat", "out", "--video", write_avi(tmp_path / "a.avi"), source=source)
    assert made.is_file() and not said


@pytest.mark.parametrize(
    ("tails", "names", "classes", "numbers"),
    [
        (["0.9,1,-1,-1", "0.9,3,-1,-1"], "", "1\n3\n", "12"),
        (["0.9,0,-1,-1", "0.9,2,-1,-1"], "car,dog,bus", "car\nbus\n", "12"),
        (["0.9,0,-1,-1", "0.9,1,-1,-1"], "car,car", "car\n", "11"),
        (["0.9,1,-1,-1", "0.9,1,-1,-1"], "", "object\n", "11"),
        (["0.9,-1,-1,-1", "0.9,-1,-1,-1"], "a \u00fc,b", "a \u00fc\n", "11"),
    ],
)
def test_classes_of_mot_text_are_those_of_the_export(
    export, tmp_path, tails, names, classes, numbers
):
    source = tmp_path / "results.txt"
    source.write_text("".join(f"1,{k},9,9,9,9,{tail}\n" for k, tail in enumerate(tails, start=1)))
    chosen = ["--class-names", names] if names else []
    with zipfile.ZipFile(export("cvat", "c.zip", *chosen, source=source)) as archive:
        assert archive.read("gt/labels.txt").decode() == classes
        found = archive.read("gt/gt.txt").decode().splitlines()
    assert "".join(row.split(",")[7] for row in found) == numbers
