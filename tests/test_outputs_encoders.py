import sys
from typing import NamedTuple

import pytest

from fresh_python import python
from mambatrack.errors import MambatrackError
from mambatrack.outputs import encoders
from mambatrack.outputs.video import open_video_writer
from test_outputs_video import picture, read


class Usage(NamedTuple):
    free: int


def test_without_pyav_a_full_disk_ends_the_video_while_it_can_still_be_finished(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.setitem(sys.modules, "av", None)
    free = iter([1 << 30] * 8 + [50_000] * 9)
    monkeypatch.setattr(encoders.shutil, "disk_usage", lambda path: Usage(next(free)))
    with (
        pytest.raises(MambatrackError, match="out.mp4: No space left on device; the frames writ"),
        open_video_writer(tmp_path / "out.mp4", 25, (64, 48)) as writer,
    ):
        for level in range(10):
            writer.write(picture(level))
    assert len(read(tmp_path / "out.mp4")) == 8


def test_without_pyav_what_opencv_could_not_write_is_an_error(tmp_path):
    code = (
        "import resource, sys; sys.modules['av'] = None; import numpy as np\n"
        "from mambatrack.errors import MambatrackError\n"
        "from mambatrack.outputs.video import open_video_writer\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)\n"
        "try:\n"
        "    with open_video_writer('out.mp4', 25, (320, 240)) as writer:\n"
        "        [writer.write(noise[::step]) for step in (1, -1) * 9]\n"
        "except MambatrackError as error:\n"
        "    print(error)\n"
    )
    said = python(code, tmp_path)
    assert said == ("cannot finish out.mp4: OpenCV left 0 of 18 frames; is there room for it?\n")
