import functools
import http.server
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.sources.frames import as_bgr, open_frames, parse_crop
from shared import needs
from videos import COUNT, FPS, picture, write_avi


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Frame k is of grey level 20 * k."""
    return write_avi(tmp_path_factory.mktemp("video") / "clip.avi")


@pytest.fixture
def folder(tmp_path):
    for k in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"shot{k}.png"), picture(20 * k))
    return tmp_path


def shades(frames):
    return [round(float(frame.image[:, -8:].mean()) / 20) for frame in frames]


def test_a_video_gives_every_frame_with_its_time(video):
    with open_frames(video) as source:
        assert (source.fps, source.size, source.count, source.live) == (FPS, (64, 48), COUNT, False)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert shades(frames) == list(range(COUNT))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(COUNT) / FPS)
    assert frames[0].image.shape == (48, 64, 3) and frames[0].image.dtype == np.uint8
    assert (source.skipped, source.resized, source.problem) == (0, 0, None)


@pytest.mark.parametrize(
    ("start", "stop", "stride"), [(0, 5, 1), (3, None, 1), (0, None, 5), (2, 9, 3), (11, 400, 1)]
)
@pytest.mark.parametrize("kind", ["video", "folder"])
def test_range_and_stride_keep_the_index_of_the_source(kind, video, tmp_path, start, stop, stride):
    if kind == "folder":
        for k in range(COUNT):
            cv2.imwrite(str(tmp_path / f"{k}.png"), picture(20 * k))
    source = open_frames(video if kind == "video" else tmp_path, None, start, stop, stride)
    frames = list(source)
    wanted = list(range(COUNT))[start:stop:stride]
    assert [frame.index for frame in frames] == wanted == shades(frames)
    assert source.count == len(wanted) and source.problem is None
    np.testing.assert_allclose([f.time_s for f in frames], np.array(wanted) / source.fps)


@pytest.mark.parametrize("bad", [(-1, None, 1), (4, 4, 1), (0, None, 0)])
def test_an_empty_range_is_refused(video, bad):
    with pytest.raises(MambatrackError, match="is empty"):
        open_frames(video, None, *bad)


def test_a_start_behind_the_end_is_refused(video):
    with pytest.raises(MambatrackError, match="has 12 frames; frame 12"):
        open_frames(video, start=12)


def test_crop_cuts_every_frame(video):
    with open_frames(video, crop=(30, 8, 50, 40)) as source:
        assert source.size == (20, 32)
        image = list(source)[10].image
    assert image.shape == (32, 20, 3) and image.flags.c_contiguous
    assert image[:, 4:].mean() > 180 and image[0, 0].max() < 60


@pytest.mark.parametrize("crop", [(0, 0, 65, 48), (0, 0, 64, 49), (-1, 0, 5, 5), (9, 0, 9, 9)])
def test_a_crop_outside_the_frame_is_refused(video, crop):
    with pytest.raises(MambatrackError, match="does not fit the frame of 64x48"):
        open_frames(video, crop)


@given(*[st.integers(0, 5000)] * 2, *[st.integers(1, 5000)] * 2)
def test_crop_text_comes_back(x, y, width, height):
    crop = (x, y, x + width, y + height)
    assert parse_crop(":".join(map(str, crop))) == crop


@pytest.mark.parametrize(
    "text", ["", "1:2:3", "1:2:3:4:5", "a:0:5:5", "5:0:5:9", "0:9:5:1", "-1:0:4:4"]
)
def test_crop_text_that_is_none(text):
    with pytest.raises(MambatrackError, match="crop"):
        parse_crop(text)


def test_a_folder_is_sorted_as_people_count(folder):
    (folder / "notes.txt").write_text("no image")
    source = open_frames(folder)
    assert shades(source) == [1, 2, 10]
    assert shades(open_frames(f"{folder}/shot1*.png")) == [1, 10]
    assert shades(open_frames(folder / "shot2.png")) == [2]


def test_a_damaged_image_is_skipped_and_counted(folder):
    (folder / "shot1.png").write_bytes(b"no image")
    source = open_frames(folder)
    assert [frame.index for frame in source] == [1, 2]
    assert (source.skipped, source.count, source.problem) == (1, 3, None)


def test_a_change_of_size_is_taken_over_and_counted(folder):
    cv2.imwrite(str(folder / "shot2.png"), picture(9, 32, 20))
    source = open_frames(folder)
    sizes = [(source.size, frame.image.shape[1::-1]) for frame in source]
    assert sizes == [((64, 48), (64, 48)), ((32, 20), (32, 20)), ((64, 48), (64, 48))]
    assert source.resized == 2


def test_a_frame_too_small_for_the_crop_is_skipped(folder):
    cv2.imwrite(str(folder / "shot2.png"), picture(9, 32, 20))
    source = open_frames(folder, crop=(40, 0, 60, 48))
    assert [frame.index for frame in source] == [0, 2]
    assert (source.skipped, source.resized) == (1, 2)


def test_a_mot_sequence_has_its_own_frame_rate(folder):
    images = folder / "img1"
    images.mkdir()
    for k in (1, 2, 3):
        cv2.imwrite(str(images / f"{k:06d}.jpg"), picture(20 * k))
    info = "[Sequence]\nframeRate=4\nimWidth=64\nimHeight=48\nseqLength=3\nimDir=img1\n"
    (folder / "seqinfo.ini").write_text(info)
    for place in (folder, images):
        source = open_frames(place)
        assert (source.fps, source.count) == (4, 3)
        assert [frame.time_s for frame in source] == [0, 0.25, 0.5]


def test_a_truncated_video_gives_what_is_there(video, tmp_path):
    damaged = tmp_path / "cut.avi"
    content = video.read_bytes()
    damaged.write_bytes(content[: len(content) * 3 // 4])
    with open_frames(damaged) as source:
        count = len(list(source))
    assert 2 <= count <= 8
    assert source.problem == f"the file ends at frame {count} of 12: it is truncated or damaged"


def test_what_is_no_source_is_one_clear_line(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "set/a/img1").mkdir(parents=True)
    (tmp_path / "shots/one").mkdir(parents=True)
    (tmp_path / "shots/one/a.jpg").touch()
    (tmp_path / "bad" / "a.png").write_text("no image")
    expected = {
        tmp_path / "absent.mp4": "does not exist; expected a video",
        tmp_path / "text.mp4": "is not a video, or is damaged",
        tmp_path / "empty.mp4": "is not a video, or is damaged",
        tmp_path / "pictures": "no images there",
        tmp_path / "set": "a in it is a sequence: track all of them with --dataset",
        tmp_path / "shots": "name the folder that has them, such as .*shots.one",
        tmp_path / "bad": "none of 1 image can be read",
        f"{tmp_path}/*.png": "no images there",
        "gopher://there": "unknown scheme",
        99: "webcam 99 is not there",
        "http://user:s3cr@t@127.0.0.1:9/x": r"//\*\*\*@127.0.0.1:9/x cannot be reached",
    }
    for source, message in expected.items():
        with pytest.raises(MambatrackError, match=message) as error:
            open_frames(source)
        assert "\n" not in str(error.value) and "s3cr" not in str(error.value)


def test_opencv_and_ffmpeg_stay_quiet(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_text("no image")
    program = """
import sys
from mambatrack import MambatrackError, open_frames
for source in sys.argv[1:]:
    try:
        open_frames(source)
    except MambatrackError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "text.mp4", tmp_path / "pictures"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("\n") == 2
    assert done.stderr == ""


def test_a_closed_source_gives_nothing_more(video):
    with open_frames(video) as source:
        next(source)
    assert list(source) == []


def test_a_file_behind_http_is_not_live(video, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    handler = functools.partial(QuietHandler, directory=str(video.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_frames(f"http://127.0.0.1:{server.server_port}/{video.name}") as source:
            assert (source.live, source.count, len(list(source))) == (False, None, COUNT)
            assert source.problem is None
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_the_real_panorama_is_cropped():
    with open_frames(
        needs("videos/handball_panorama.mp4"), (1800, 0, 4200, 1080), stop=3
    ) as source:
        assert (source.fps, source.size, source.count) == (25, (2400, 1080), 3)
        frames = list(source)
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.04, 0.08], atol=1e-6)
    assert frames[2].image.std() > 10


@pytest.mark.parametrize("kind", ["grey", "flat", "bgr", "bgra", "16 bit", "16 bit grey", "view"])
def test_every_kind_of_picture_becomes_bgr(kind):
    bgr = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    grey = np.repeat(bgr[:, :, :1], 3, axis=2)
    given, expected = {
        "grey": (bgr[:, :, 0], grey),
        "flat": (bgr[:, :, :1], grey),
        "bgr": (bgr, bgr),
        "bgra": (np.concatenate([bgr, bgr[:, :, :1]], axis=2), bgr),
        "16 bit": (bgr.astype(np.uint16) * 257, bgr),
        "16 bit grey": (bgr[:, :, 0].astype(np.uint16) * 257, grey),
        "view": (bgr[:, ::-1], bgr[:, ::-1]),
    }[kind]
    image = as_bgr(given)
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8 and image.flags.c_contiguous


@pytest.mark.parametrize(
    "given", [None, "x", np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8),
              np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3), np.float32)],
)  # fmt: skip
def test_what_is_no_picture_is_none(given):
    assert as_bgr(given) is None
