import cv2
import numpy as np
import pytest

from mambatrack.datasets.sequences import find_sequences, open_sequence
from mambatrack.errors import MambatrackError
from wild_files import RIGHT, SEQINFO, rows, scored, write


def test_a_video_beside_the_ground_truth_tells_length_and_size(tmp_path):
    folder = write(tmp_path / "c001", rows("1,-1,-1,-1"), seqinfo=None)
    writer = cv2.VideoWriter(
        str(folder / "vdo.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240)
    )
    for _ in range(15):
        writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    sequence = open_sequence(folder)
    assert (sequence.frames, sequence.image_size, sequence.fps) == (15, (320, 240), 10)
    assert sequence.images == folder / "vdo.avi"
    (folder / "second.avi").write_bytes(b"")
    assert open_sequence(folder).images is None


def test_a_guessed_size_holds_every_true_and_every_detected_box(tmp_path):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "det").mkdir()
    (folder / "det/det.txt").write_text("1,-1,700,500,20,30,0.9\n")
    assert open_sequence(folder).image_size == (720, 530)


def test_results_behind_a_guessed_length_say_how_to_state_it(tmp_path):
    with pytest.raises(
        MambatrackError, match=r"ends with 10 \(the last frame that has a box; write"
    ):
        scored(tmp_path, rows(), RIGHT + "11,1,5,5,9,9,1,-1,-1,-1\n", seqinfo=None)


@pytest.mark.parametrize(
    "text",
    [
        SEQINFO.replace("Sequence", "sequence"),
        SEQINFO.replace("Sequence", " Sequence "),
        SEQINFO.replace("Sequence", "SEQUENCE").upper(),
        SEQINFO.replace("[Sequence]\n", ""),
        "\ufeff" + SEQINFO,
        SEQINFO.replace("=", " : ").replace("\n", "\r\n"),
        "; made by hand\n\n  " + SEQINFO.replace("\n", "\n   "),
        SEQINFO + "name=na\udcefve\n",
    ],
)
def test_seqinfo_is_read_however_it_is_written(tmp_path, text):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "seqinfo.ini").write_bytes(text.encode("utf-8", "surrogateescape"))
    sequence = open_sequence(folder)
    assert (sequence.frames, sequence.image_size, sequence.fps) == (12, (640, 480), 25)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SEQINFO.replace("Sequence", "Video"), r"has no section \[Sequence\]; found \[Video\]"),
        (SEQINFO.replace("=12", "=999999999"), "line 2: seqLength = '999999999' is more than 1000"),
        (SEQINFO.replace("=12", "=12.5"), "line 2: seqLength = '12.5' is no whole number"),
        (SEQINFO.replace("=640", "=640000000"), "line 3: imWidth = '640000000' is more than"),
        (SEQINFO.replace("=25", "=1e9"), "line 5: frameRate = '1e9' is more than"),
        (SEQINFO.replace("=12", "=" + "9" * 400), "is no positive number"),
        (SEQINFO.replace("=12", "="), "line 2: seqLength = '' is no positive number"),
        (SEQINFO + "seqLength=13\n", "is not a readable seqinfo.ini"),
    ],
)
def test_a_seqinfo_that_is_wrong_is_refused(tmp_path, text, reason):
    folder = write(tmp_path / "a", rows(), seqinfo=text)
    with pytest.raises(MambatrackError, match=reason):
        open_sequence(folder)


def test_a_seqinfo_of_utf_16_is_refused(tmp_path):
    folder = write(tmp_path / "a", rows(), seqinfo=None)
    (folder / "seqinfo.ini").write_bytes(SEQINFO.encode("utf-16"))
    with pytest.raises(MambatrackError, match="is no UTF-8 text"):
        open_sequence(folder)


def test_an_implausible_frame_is_refused_at_once(tmp_path):
    folder = write(tmp_path / "a", rows() + "1000000000,1,5,5,9,9,1,1,1\n", seqinfo=None)
    with pytest.raises(MambatrackError, match="line 21: frame 1000000000 is more than 1000000"):
        find_sequences(folder)
    assert find_sequences(folder, longest=10**9)[0].frames == 10**9
