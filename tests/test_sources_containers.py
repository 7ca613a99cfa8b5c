"""What containers say about themselves, without decoding, from whole, cut and damaged files."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.sources.containers import Container, look_into
from videos import COUNT, av, needs_av, write_avi, write_video


def test_mp4_states_the_frames_of_its_video(tmp_path):
    if av is None:
        pytest.skip("PyAV is not installed")
    assert look_into(write_video(tmp_path / "a.mp4")) == Container(COUNT)
    assert look_into(write_video(tmp_path / "a.mov")) == Container(COUNT)
    assert look_into(write_video(tmp_path / "s.mp4", sound_s=5)) == Container(COUNT)


@needs_av
@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.ts", "a.flv", "a.mpg", "a.wmv", "a.gif"])
def test_other_kinds_state_none(name, tmp_path):
    assert look_into(write_video(tmp_path / name)) == Container()


@needs_av
def test_fragments_and_edits_that_hide_frames_leave_it_open(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    assert look_into(write_video(tmp_path / "f.mp4", options=options)) == Container()
    assert look_into(write_video(tmp_path / "e.mp4", first_shown=5)) == Container()
    # one that moves the first picture to time 0, as H.264 needs it, hides none
    assert look_into(write_video(tmp_path / "b.mp4", codec="libx264")) == Container(COUNT)


def test_avi_is_counted_by_its_index(tmp_path):
    whole = write_avi(tmp_path / "a.avi")
    assert look_into(whole) == Container(COUNT)
    content = whole.read_bytes()
    repeated = content.replace(b"00dc", b"00dc", 1)
    place = repeated.rindex(b"idx1") + 8 + 16 * 3 + 12  # of the size of the fourth
    repeated = repeated[:place] + struct.pack("<I", 0) + repeated[place + 4 :]
    whole.write_bytes(repeated)
    assert look_into(whole) == Container(COUNT - 1), "a chunk of no content repeats a picture"


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_avi_of_a_recorder_that_never_came_back_to_its_header_is_not_cut(tmp_path, size):
    content = write_avi(tmp_path / "a.avi").read_bytes()
    content = content[: content.rindex(b"idx1")]
    (tmp_path / "a.avi").write_bytes(content[:4] + struct.pack("<I", size) + content[8:])
    assert look_into(tmp_path / "a.avi") == Container()


@needs_av
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi", "a.wmv"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_that_is_cut_says_so(name, share, tmp_path):
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    path = write_video(tmp_path / name, options=options)
    assert not look_into(path).cut
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert look_into(path).cut


@needs_av
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.wmv"])
def test_what_follows_a_whole_file_is_no_damage(name, tmp_path):
    path = write_video(tmp_path / name)
    before = look_into(path)
    with path.open("ab") as file:
        file.write(bytes(1000))
    assert look_into(path) == before


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0AVI ", b"\x1a\x45\xdf\xa3",
                b"\0\0\0\1ftyp" + bytes(20), b"\0\0\0\x10moov" + bytes(8)],
)  # fmt: skip
def test_what_makes_no_sense_says_nothing(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert look_into(tmp_path / "a").frames is None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    paths = [write_avi(folder / "a.avi")]
    if av is not None:
        names = ("a.mp4", "a.mkv", "a.wmv", "a.mov")
        paths += [write_video(folder / name) for name in names]
    return [path.read_bytes() for path in paths]


@settings(deadline=None)
@given(st.data())
def test_damage_of_any_kind_is_read_without_an_error(whole, tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(whole)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 9))
        content[place : place + 8] = data.draw(st.binary(min_size=1, max_size=8))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    said = look_into(path)
    assert said.frames is None or said.frames >= 0


@pytest.mark.parametrize(
    ("container", "frames", "fewer", "whole"),
    [
        (Container(), 5, True, True),
        (Container(10), 10, True, True),
        (Container(10), 8, True, True),  # within two frames
        (Container(10), 7, True, False),
        (Container(10), 7, False, True),
        (Container(None, True), 7, False, False),
        (Container(10, True), 10, False, True),  # all are there: what is missing is no picture
    ],
)
def test_only_what_is_stated_can_be_missing(container, frames, fewer, whole):
    assert (container.shortfall(frames, fewer) is None) == whole
