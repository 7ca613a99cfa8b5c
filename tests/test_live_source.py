"""Sources that are read as they come: newest frame, lost and back, clock and count going on."""

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.live.source import Backoff, LiveSource, is_local, name_of
from mambatrack.sources.readers import open_reader
from mjpeg_server import SOON_S, ByHand, MjpegServer, jpeg, until
from videos import write_avi


@pytest.fixture
def camera():
    return ByHand()


@pytest.fixture
def source(camera):
    source = LiveSource("0", backoff=Backoff(0.001, 0.002), opener=camera.open)
    source.start()
    yield source
    source.stop()
    camera.give(StopIteration)
    source.close()


def picture(shade=0, size=(8, 6)):
    return np.full((size[1], size[0], 3), shade, np.uint8)


def test_only_the_newest_frame_counts_and_the_others_are_dropped(camera, source):
    assert source.take() is None
    camera.give(*(picture(shade) for shade in range(5)))
    until(lambda: source.status.dropped == 4)
    arrival = source.take()
    assert (arrival.frame.index, arrival.frame.image[0, 0, 0]) == (4, 4)
    assert source.take() is None and source.status.dropped == 4
    camera.give(picture(9))
    assert until(source.take).frame.index == 5 and source.status.dropped == 4


def test_count_and_clock_go_on_when_it_comes_back(camera, source):
    taken = []
    for reason in (StopIteration, RuntimeError("gone"), OSError("no route"), StopIteration):
        camera.give(picture())
        taken.append(until(source.take).frame)
        camera.give(reason)
        until(lambda: source.status.reconnects == len(taken), "reconnect")
    camera.give(picture())
    taken.append(until(source.take).frame)
    assert [frame.index for frame in taken] == list(range(5))
    times = [frame.time_s for frame in taken]
    assert all(before < after for before, after in zip(times, times[1:], strict=False))
    assert (camera.opened, camera.closed) == (5, 4)
    assert source.status.state == "open" and source.status.error is None


def test_a_run_is_gone_on_with(camera):
    source = LiveSource("0", opener=camera.open)
    source.start(index=70, time_s=1000.0)
    camera.give(picture())
    frame = until(source.take).frame
    assert frame.index == 70 and 1000 <= frame.time_s < 1000 + SOON_S
    source.stop()
    camera.give(StopIteration)
    source.close()


def test_pictures_of_every_kind_are_converted_and_damaged_ones_counted(camera, source):
    grey, deep = np.full((6, 8), 7, np.uint8), np.full((6, 8, 3), 7 * 257, np.uint16)
    bgra = np.concatenate([picture(7), picture(1)[:, :, :1]], axis=2)
    for given_ in (grey, deep, bgra):
        camera.give(None, np.zeros((0, 0, 3), np.uint8), "no picture", given_)
        np.testing.assert_array_equal(until(source.take).frame.image, picture(7))
    assert source.skipped == 9 and source.status.dropped == 0


def test_a_change_of_size_is_taken_over(camera, source):
    sizes = []
    for size in ((8, 6), (4, 10), (8, 6)):
        camera.give(picture(0, size))
        assert until(source.take).frame.image.shape == (size[1], size[0], 3)
        sizes.append(source.status.size)
    assert sizes == [(8, 6), (4, 10), (8, 6)]


def test_one_that_hangs_counts_as_lost_and_open_again_with_its_next_frame(camera):
    source = LiveSource("0", timeout_s=0.01, opener=camera.open)
    source.start()
    camera.give(picture())
    until(lambda: source.status.state == "lost", "loss")
    assert "no frame for more than" in source.status.error
    source.timeout_s = 60
    camera.give(picture())
    until(lambda: source.status.state == "open" and source.status.error is None)
    source.close(0.01)  # does not wait for a read that hangs
    camera.give(StopIteration)


def test_a_file_is_played_at_its_speed_and_ends(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for shade in range(10):
        writer.write(picture(20 * shade, (64, 48)))
    writer.release()
    source = LiveSource(tmp_path / "a.avi")
    began = time.monotonic()
    source.start()
    taken = []
    while source.status.state != "ended":
        source.news.wait(0.01)
        taken += [each.frame for each in [source.take()] if each]
    taken += [each.frame for each in [source.take()] if each]
    assert time.monotonic() - began >= 9 / 50
    assert source.name == "a" and source.status.error is None
    assert len(taken) + source.status.dropped == 10 and taken[-1].index == 9
    steps = np.diff([frame.time_s for frame in taken]) * 50
    np.testing.assert_allclose(steps, np.diff([frame.index for frame in taken]), atol=1e-6)


def test_a_looped_file_goes_on_counting(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(1))
    cv2.imwrite(str(tmp_path / "b.png"), picture(2))
    source = LiveSource(tmp_path, loop=True)
    source.start()
    frames = []
    while len(frames) < 5:
        frames.append(until(source.take).frame)
    source.close()
    steps = np.diff([frame.time_s for frame in frames]) * 30
    np.testing.assert_allclose(steps, np.diff([frame.index for frame in frames]), atol=1e-6)
    assert [frame.image[0, 0, 0] for frame in frames] == [1 + frame.index % 2 for frame in frames]
    assert source.status.reconnects == 0


def test_what_can_never_be_read_is_refused_at_once(tmp_path):
    for source in (tmp_path / "absent.mp4", "gopher://there"):
        with pytest.raises(MambatrackError, match=str(source)):
            LiveSource(source)


@given(st.floats(0.01, 1), st.floats(1, 20), st.integers(1, 2000))
def test_backoff_doubles_up_to_its_limit_and_starts_anew(first, most, tries):
    backoff = Backoff(first, most)
    for number in range(min(tries, 40)):
        wait = min(first * 2**number, most)
        assert 0.75 * wait <= backoff.next() <= 1.25 * wait
    backoff.tries = tries
    assert backoff.next() <= 1.25 * most
    backoff.reset()
    assert backoff.next() <= 1.25 * first


def test_a_camera_killed_and_started_again_is_found_each_time():
    with MjpegServer(fps=100) as server:
        source = LiveSource(server.address, backoff=Backoff(0.01, 0.05), timeout_s=5)
        source.start()
        last = until(source.take).frame
        for number in range(1, 21):
            server.kill()
            until(lambda: source.status.state == "lost", "loss")
            source.take()
            server.start()
            until(lambda n=number: source.status.reconnects == n, "reconnect")
            frame = until(source.take).frame
            assert frame.index > last.index and frame.time_s > last.time_s
            last = frame
        source.close()


def test_damaged_pictures_of_a_stream_are_skipped_and_its_new_size_taken_over():
    rng = np.random.default_rng(0)

    def pictures(k):
        whole = jpeg(k % 200, (64, 48) if k < 30 else (128, 96))
        return (whole, whole[: len(whole) // 2], rng.bytes(300), b"")[k % 4]

    with MjpegServer(pictures, fps=200) as server:
        source = LiveSource(server.address, backoff=Backoff(0.01, 0.05))
        source.start()
        until(lambda: source.status.size == (128, 96), "new size")
        until(lambda: source.skipped >= 30, "skipped pictures")
        assert source.status.state == "open" and source.status.reconnects == 0
        source.close()


def test_a_stream_that_says_nothing_is_lost_without_its_password_being_told():
    with MjpegServer(lambda k: jpeg(k) if k < 5 else None) as server:
        address = server.address.replace("//", "//user:s3cret@") + "?pwd=s3cret"
        source = LiveSource(address, backoff=Backoff(0.01, 0.05), timeout_s=0.2)
        source.start()
        until(lambda: source.status.state == "lost", "loss")
        source.close()
    status = source.status
    assert status.error and "s3cret" not in f"{status} {source.name}"
    assert source.name == f"127.0.0.1:{server.port}/stream.mjpg"


@pytest.mark.parametrize("device", ["/dev/video77", "/dev/v4l/by-id/usb-of-a-test"])
def test_a_camera_whose_device_is_not_there_yet_is_waited_for(device):
    assert not is_local(device) and name_of(device) == device.rpartition("/")[2]
    with pytest.raises(MambatrackError, match=f"{device} is not there, is no camera or is in use"):
        open_reader(device)
    assert is_local("/dev/shm/video.mp4") and is_local("video77")


def test_a_part_of_the_picture_is_taken(tmp_path):
    image = np.zeros((6, 8, 3), np.uint8)
    image[2:5, 3:7] = 90
    camera = ByHand()
    source = LiveSource("0", opener=camera.open, crop=(3, 2, 7, 5))
    source.start()
    camera.give(image)
    taken = until(source.take).frame.image
    assert taken.shape == (3, 4, 3) and (taken == 90).all() and source.status.size == (4, 3)
    camera.give(image[:2])  # it comes smaller: nothing of the part is left
    until(lambda: source.skipped == 1)
    source.stop()
    camera.give(StopIteration)
    source.close()


def test_a_part_that_no_picture_has_is_refused_at_once(tmp_path):
    video = write_avi(tmp_path / "a.avi")
    with pytest.raises(MambatrackError, match="crop 0:0:900:9 does not fit the frame of 64x48"):
        LiveSource(str(video), crop=(0, 0, 900, 9))
