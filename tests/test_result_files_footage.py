"""The video or pictures that a result is of."""

import pytest

from mambatrack.errors import MambatrackError
from mambatrack.result_files.footage import Footage, open_footage
from mjpeg_server import MjpegServer


def test_footage_is_what_the_video_says_unless_told_otherwise(video):
    told = open_footage(video)
    assert (told.size, told.frames, told.path) == ((200, 100), 6, video)
    assert open_footage(video, (20, 10), 5.0) == Footage((20, 10), 5.0, 6, video)
    with pytest.raises(MambatrackError, match="0 frames a second"):
        open_footage(fps=0)


def test_an_address_is_asked_for_its_size_and_left_out_of_exports():
    with MjpegServer() as server:
        told = open_footage(f"{server.address}?user=me&pwd=S3cret9x")
    assert told == Footage((64, 48), 30.0, 0, None)
