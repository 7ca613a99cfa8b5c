import functools
import http.server
import subprocess
import sys
import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.sources import opencv_reader, readers
from mambatrack.sources.containers import Container
from mambatrack.sources.frames import as_bgr, open_frames, parse_crop
from shared import needs

WIDTH, HEIGHT, FPS, COUNT = 64, 48, 10, 12


def picture(shade, width=WIDTH, height=HEIGHT):
    """Dark on the left half, ``shade`` on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = shade
    return image


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Frame k is of grey level 20 * k."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for k in range(COUNT):
        writer.write(picture(20 * k))
    writer.release()
    return path


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
    (tmp_path / "bad" / "a.png").write_text("no image")
    expected = {
        tmp_path / "absent.mp4": "does not exist; expected a video",
        tmp_path / "text.mp4": "is not a video, or is damaged",
        tmp_path / "empty.mp4": "is not a video, or is damaged",
        tmp_path / "pictures": "no images there",
        tmp_path / "bad": "none of its 1 images can be read",
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


class FakeCapture:
    """Frames with given time stamps in ms; None in ``images`` is a frame that comes back empty."""

    def __init__(self, stamps, images=None, length=None):
        self.stamps, self.at = stamps, -1
        self.images = images or [picture(20 * k) for k in range(len(stamps))]
        self.facts = {cv2.CAP_PROP_FPS: 10.0, cv2.CAP_PROP_FRAME_COUNT: length or len(stamps)}

    def isOpened(self):
        return True

    def grab(self):
        self.at += 1
        return self.at < len(self.stamps)

    def retrieve(self):
        return self.images[self.at] is not None, self.images[self.at]

    def get(self, key):
        return self.stamps[self.at] if key == cv2.CAP_PROP_POS_MSEC else self.facts[key]

    def release(self):
        pass


def played(monkeypatch, tmp_path, *arguments, source="clip.mp4", **options):
    """What OpenCV gives of a file whose container states as many frames as it says."""
    capture = FakeCapture(*arguments, **options)
    stated = Container(frames=int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    monkeypatch.setattr(opencv_reader, "_open_capture", lambda *_: capture)
    monkeypatch.setattr(readers, "has_pyav", lambda: False)
    monkeypatch.setattr(readers, "look_into", lambda _: stated)
    (tmp_path / "clip.mp4").touch()
    opened = open_frames(tmp_path / source if source == "clip.mp4" else source)
    return opened, list(opened)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 40, 200, 210], [0, 0.04, 0.2, 0.21]),
        ([0, 0, 0, 0], [0, 0.1, 0.2, 0.3]),
        ([np.nan] * 3, [0, 0.1, 0.2]),
        ([0, 100, 50, 400], [0, 0.1, 0.2, 0.4]),
        ([-80, -40, 30], [0, 0.1, 0.2]),
        ([500, 600], [0.5, 0.6]),
    ],
)
def test_time_stamps_grow_whatever_the_container_says(monkeypatch, tmp_path, stamps, times):
    _, frames = played(monkeypatch, tmp_path, stamps)
    np.testing.assert_allclose([frame.time_s for frame in frames], times)


def test_a_video_of_varying_frame_rate_keeps_its_times(tmp_path):
    av = pytest.importorskip("av", reason="needs the extra video")
    times_ms = [0, 40, 80, 300, 310, 1000, 1040]
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.time_base = WIDTH, HEIGHT, Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, stamp in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(20 * k), format="bgr24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = open_frames(tmp_path / "clip.mp4")
    np.testing.assert_allclose([f.time_s for f in source], np.array(times_ms) / 1000, atol=1e-3)
    assert source.problem is None


def test_an_empty_frame_of_a_video_is_skipped_and_counted(monkeypatch, tmp_path):
    images = [picture(1), None, picture(2), np.zeros((0, 0, 3), np.uint8), picture(3)]
    source, frames = played(monkeypatch, tmp_path, [0, 100, 200, 300, 400], images)
    assert [frame.index for frame in frames] == [0, 2, 4]
    assert (source.skipped, source.problem) == (2, None)


@pytest.mark.parametrize(
    ("stamps", "length", "damaged"),
    [
        (range(0, 500, 100), 20, True),
        (range(0, 500, 100), 7, False),  # within two frames: containers miscount
        (range(0, 2000, 400), 20, False),  # frames far apart: the number was a guess from the rate
    ],
)
def test_missing_frames_are_a_problem_only_when_time_is_missing_too(
    monkeypatch, tmp_path, stamps, length, damaged
):
    source, _ = played(monkeypatch, tmp_path, list(stamps), length=length)
    assert (source.problem is not None) == damaged


@pytest.mark.parametrize(("name", "length"), [("0", -1), ("rtsp://camera/1", 500)])
def test_a_live_source_has_no_count_and_its_own_clock(monkeypatch, tmp_path, name, length):
    clock = iter([100.0, 100.5, 101.5, 102.0])
    monkeypatch.setattr(opencv_reader.time, "monotonic", lambda: next(clock))
    source, frames = played(monkeypatch, tmp_path, [0, 0, 0], length=length, source=name)
    assert (source.live, source.count) == (True, None)
    assert [frame.time_s for frame in frames] == [0.5, 1.5, 2.0]
    assert source.problem == "the stream ended after 3 frames"


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
