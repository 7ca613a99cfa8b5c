"""Folders of pictures as systems, tools and people leave them: each picture is the right frame.

In the wild: ._NAME twins of a Mac, Thumbs.db, desktop.ini, .DS_Store; numbers from 0, from 1, or
from where a clip was cut out; numbers left out; numbers of mixed widths, with a name in front or
none at all; two endings; a picture that is damaged, empty or of another size; folders with the
ending of a picture; pictures named by time; seqLength that contradicts; imExt and imDir written in
other ways; upper and lower case mixed; brackets in the names of folders.
"""

import warnings

import cv2
import numpy as np
import pytest

from mambatrack.datasets.sequences import find_sequences, open_sequence
from mambatrack.errors import MambatrackError
from mambatrack.sources.frames import count_frames, open_frames
from mambatrack.sources.pictures import list_pictures
from videos import COUNT, picture, write_avi


def write(folder, *names):
    """Picture k, from 1, has shade 20 * k."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names, start=1):
        cv2.imwrite(str(folder / name), picture(20 * k))
    return folder


def sequence(folder, names, length=None, images="img1"):
    """A MOT sequence with these pictures."""
    write(folder / images, *names)
    stated = "" if length is None else f"seqLength={length}\n"
    text = f"[Sequence]\nframeRate=10\nimWidth=64\nimHeight=48\nimDir={images}\n{stated}"
    (folder / "seqinfo.ini").write_text(text)
    return folder


def read(source):
    """[(index, shade)] of every frame."""
    with open_frames(source) as frames:
        return [(frame.index, round(frame.image[:, -8:].mean() / 20)) for frame in frames]


def add_litter(folder):
    for name in ("._000001.jpg", "._000002.jpg", ".hidden.png", ".DS_Store", "Thumbs.db",
                 "desktop.ini", "notes.txt", "000001.json"):  # fmt: skip
        (folder / name).write_bytes(b"\0\5\x16\7" + bytes(100))
    (folder / "000003.jpg").mkdir()


NAMES = ["000001.jpg", "000002.jpg", "000004.jpg"]


@pytest.mark.parametrize("pattern", ["folder", "glob"])
def test_what_systems_leave_is_no_picture(tmp_path, pattern):
    add_litter(write(tmp_path / "a", *NAMES))
    source = tmp_path / "a" if pattern == "folder" else f"{tmp_path}/a/*"
    with pytest.warns(UserWarning) if pattern == "folder" else warnings.catch_warnings():
        assert [shade for _, shade in read(source)] == [1, 2, 3]
    assert [path.name for path in list_pictures(tmp_path / "a")] == NAMES


def test_twins_of_a_mac_count_for_nothing_in_a_sequence(tmp_path):
    add_litter(sequence(tmp_path / "a", ["000001.jpg", "000002.jpg"]) / "img1")
    assert open_sequence(tmp_path / "a").frames == 2 == count_frames(tmp_path / "a")
    assert read(tmp_path / "a") == [(0, 1), (1, 2)]


@pytest.mark.parametrize("place", ["a", "a/img1"])
@pytest.mark.parametrize("images", ["img1", "frames"])
def test_numbers_left_out_are_frames_without_a_picture(tmp_path, place, images):
    sequence(tmp_path / "a", ["000001.jpg", "000002.jpg", "000009.jpg"], 9, images)
    with pytest.warns(UserWarning, match="no picture for 6 of 9 frames"):
        assert read(tmp_path / place.replace("img1", images)) == [(0, 1), (1, 2), (8, 3)]
    with pytest.warns(UserWarning), open_frames(tmp_path / "a") as frames:
        assert frames.count == 9
        assert [frame.time_s for frame in frames] == [0, 0.1, 0.8] and frames.skipped == 6


def test_a_sequence_without_a_length_has_that_of_its_last_number(tmp_path):
    sequence(tmp_path / "a", ["000001.jpg", "000009.jpg"])
    with pytest.warns(UserWarning, match="7 of 9 frames"):
        assert open_sequence(tmp_path / "a").frames == 9


@pytest.mark.parametrize(
    ("names", "length", "indices"),
    [
        (["1.jpg", "2.jpg", "10.jpg"], None, [0, 1, 9]),
        (["000001.jpg", "2.jpg", "03.jpg"], 3, [0, 1, 2]),
        (["img00001.jpg", "img00003.jpg"], 3, [0, 2]),
        (["a_b-0001.png", "a_b-0002.png"], 2, [0, 1]),
        (["000123.jpg", "000124.jpg"], None, [122, 123]),
        (["000123.jpg", "000124.jpg"], 500, [122, 123]),
        (["000000.jpg", "000001.jpg", "000003.jpg"], None, [0, 1, 3]),
        (["000001.jpg", "000002.png"], 2, [0, 1]),
        (["first.jpg", "second.jpg"], 2, [0, 1]),
        (["1.ppm", "2.jpe", "3.jp2"], 3, [0, 1, 2]),
        (["x1_000001.jpg", "x2_000002.jpg"], 2, [0, 1]),
    ],
)
def test_frames_of_a_sequence_are_what_their_names_say(tmp_path, names, length, indices):
    sequence(tmp_path / "a", names, length)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read(tmp_path / "a")
    assert found == list(zip(indices, range(1, len(names) + 1), strict=True))


def test_a_sequence_from_0_says_so(tmp_path):
    sequence(tmp_path / "a", ["000000.jpg", "000001.jpg"], 2)
    with pytest.warns(UserWarning, match=r"count from 0, so 000000\.jpg is frame 1"):
        assert read(tmp_path / "a") == [(0, 1), (1, 2)]


def test_a_sequence_of_names_without_numbers_is_counted_by_place_and_says_where_it_cannot_be(
    tmp_path,
):
    sequence(tmp_path / "a", ["one.jpg", "two.jpg"], 5)
    with pytest.warns(UserWarning, match="seqLength is 5, but it has 2 pictures"):
        assert len(read(tmp_path / "a")) == 2


@pytest.mark.parametrize(
    ("names", "length", "words"),
    [
        (["000001.jpg", "000001.png"], 1, r"000001\.jpg and 000001\.png are both picture 1"),
        (["1.jpg", "000001.jpg"], 1, "are both picture 1"),
        (["000001.jpg", "000001 (1).jpg"], 1, r"000001 \(1\)\.jpg has no number at its end"),
        (["000001.jpg", "000002 - Copy.jpg"], None, "move it away, or number it too"),
        (["000001.jpg", "000035.jpg"], 2, "seqLength is 2; expected seqLength = 35"),
        (["000123.jpg", "000124.jpg"], 2, r"from 000123\.jpg to 000124\.jpg, but seqLength is 2"),
        (["000001.jpg", "1609459200123.jpg"], None, "nearly all numbers are left out"),
    ],
)
def test_a_sequence_whose_pictures_contradict_is_refused(tmp_path, names, length, words):
    sequence(tmp_path / "a", names, length)
    with pytest.raises(MambatrackError, match=words):
        open_frames(tmp_path / "a")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["000009.jpg", "000020.jpg"], r"000009\.jpg is followed by 000020\.jpg"),
        (["000001.jpg", "000001.png"], "have the same number"),
    ],
)
def test_a_folder_that_is_no_sequence_is_counted_by_place_and_says_so(tmp_path, names, words):
    write(tmp_path / "a", *names)
    with pytest.warns(UserWarning, match=words):
        assert read(tmp_path / "a") == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    "names", [["000005.jpg", "000006.jpg"], ["a.jpg", "b.jpg"], ["2024-05-01.jpg", "x.jpg"]]
)
def test_a_folder_in_order_says_nothing(tmp_path, names):
    write(tmp_path / "a", *names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path / "a") == [(0, 1), (1, 2)]


def test_a_picture_of_another_size_or_none_keeps_the_numbers_of_the_others(tmp_path):
    folder = write(tmp_path / "a", *(f"{k:06d}.jpg" for k in range(1, 6)))
    cv2.imwrite(str(folder / "000002.jpg"), picture(40, 32, 20))
    (folder / "000003.jpg").write_bytes(b"")
    (folder / "000004.jpg").write_bytes((folder / "000001.jpg").read_bytes()[:200])
    with open_frames(folder) as frames:
        sizes = {frame.index: frame.image.shape[:2] for frame in frames}
    assert {0, 1, 4} <= set(sizes) and 2 not in sizes
    assert sizes[1] == (20, 32) and sizes[4] == (48, 64) and frames.resized >= 2


def test_a_data_set_of_videos_and_litter_has_its_videos_alone(tmp_path):
    write_avi(tmp_path / "a.avi")
    (tmp_path / "._a.avi").write_bytes(b"\0\5\x16\7")
    [found] = find_sequences(tmp_path)
    assert (found.name, found.frames) == ("a", COUNT)


def test_names_that_are_not_ascii_are_read(tmp_path):
    image = cv2.imencode(".png", picture(60))[1].tobytes()
    (tmp_path / "bäd 世界 1.png").write_bytes(image)
    assert read(tmp_path) == [(0, 3)]


def test_videos_among_pictures_are_left_out_aloud(tmp_path):
    write_avi(write(tmp_path / "a", "1.jpg", "2.jpg") / "clip.avi")
    with pytest.warns(UserWarning, match=r"folder of pictures; left out: clip\.avi"):
        assert len(read(tmp_path / "a")) == 2


def test_the_ending_that_a_sequence_states_decides_between_twins(tmp_path):
    folder = sequence(tmp_path / "a", ["000001.jpg", "000001.png", "000002.png"])
    with pytest.raises(MambatrackError, match="are both picture 1"):
        open_frames(folder)
    with (folder / "seqinfo.ini").open("a") as file:
        file.write("imExt=.png\n")
    assert read(folder) == [(0, 2), (1, 3)]


def test_a_file_of_several_pictures_says_that_one_is_read(tmp_path):
    cv2.imwritemulti(str(tmp_path / "a.tiff"), [picture(20), picture(40)])
    with pytest.warns(UserWarning, match="holds 2 pictures, of which only the first is read"):
        assert read(tmp_path / "a.tiff") == [(0, 1)]


def written(tmp_path, name, images="img1", entry="img1", ext=".jpg"):
    """A sequence of three JPEGs, each with a PNG of the same number beside it."""
    folder = tmp_path / name
    write(folder / images, "000001.jpg", "000002.jpg", "000003.jpg")
    write(folder / images, "000001.png", "000002.png")
    text = "[Sequence]\nseqLength=3 ; frames\nimWidth=64\nimHeight=48\n"
    (folder / "seqinfo.ini").write_text(f"{text}imDir={entry}\nimExt={ext}\n")
    return folder


@pytest.mark.parametrize("ext", [".jpg", "jpg", "*.jpg", ".JPG", "'.jpg'", ' "jpg" '])
def test_the_ending_of_pictures_is_understood_however_it_is_written(tmp_path, ext):
    assert read(written(tmp_path, "a", ext=ext)) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("images", "entry"),
    [("img1", "img1/"), ("img1", "./img1"), ("img1", ".\\img1"), ("img1", "img1\\"),
     ("img1", "'img1'"), ("img1", ""), ("img1", "/data/MOT17/a/img1"), ("img1", "../a/img1"),
     ("img1", "D:\\MOT17\\a\\img1"), ("rgb", "rgb"), ("images/left", "images/left"),
     ("images/left", "images\\left")],
)  # fmt: skip
def test_the_folder_of_pictures_is_found_however_it_is_written(tmp_path, images, entry):
    folder = written(tmp_path, "a", images, entry)
    assert read(folder) == [(0, 1), (1, 2), (2, 3)]
    assert open_sequence(folder).images == folder / images


def test_a_folder_of_pictures_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MambatrackError, match="expected them in the folder frames, as imDir"):
        read(written(tmp_path, "a", "pictures", "frames"))


@pytest.mark.parametrize("names", [["frame_1.PNG", "Frame_2.png", "FRAME_10.png"],
                                   ["IMG_1.jpg", "img_2.JPG", "IMG_3.jpg"]])  # fmt: skip
def test_upper_and_lower_case_do_not_change_the_order(tmp_path, names):
    assert [shade for _, shade in read(write(tmp_path / "a", *names))] == [1, 2, 3]
    sequence(tmp_path / "b", names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = [int(name.split("_")[1].split(".")[0]) - 1 for name in names]
        assert read(tmp_path / "b") == list(zip(numbers, (1, 2, 3), strict=True))


@pytest.mark.parametrize("length", [2, 5])
def test_a_length_that_is_not_that_of_the_pictures_is_told(tmp_path, length):
    sequence(tmp_path / "a", ["000001.jpg", "000002.jpg", "000003.jpg"], length)
    with pytest.warns(UserWarning, match=f"seqLength is {length}, but it has 3 pictures"):
        assert read(tmp_path / "a") == [(0, 1), (1, 2), (2, 3)]


def test_brackets_in_the_name_of_a_folder_are_no_glob(tmp_path):
    write(tmp_path / "clip [1080p]", "1.jpg", "2.jpg")
    assert read(f"{tmp_path}/clip [1080p]/*.jpg") == [(0, 1), (1, 2)]
    assert read(f"{tmp_path}/*/[12].jpg") == [(0, 1), (1, 2)]


@pytest.mark.parametrize(("most", "told"), [(4095, True), (65535, False)])
def test_sixteen_bits_that_are_used_in_part_are_told(tmp_path, most, told):
    image = np.linspace(0, most, 64 * 48).astype(np.uint16).reshape(48, 64)
    cv2.imwrite(str(tmp_path / "1.png"), image)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        read(tmp_path)
    assert [f"at most {most} of 65535" in str(each.message) for each in said] == [True] * told


def test_a_picture_of_eight_bits_at_night_is_as_it_is(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), picture(1) // 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(tmp_path)) == 1
