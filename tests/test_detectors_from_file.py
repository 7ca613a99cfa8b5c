import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from tiny_onnx import detector

IMAGE = np.zeros((64, 64, 3), np.uint8)


def replay(tmp_path, text, **settings):
    path = tmp_path / "det.txt"
    path.write_text(text)
    return detector(name="file", weights=str(path), **settings)


def test_a_file_is_replayed_by_frame_number(tmp_path):
    rows = ["", "3, -1, 5, 6, 10, 20, 0.5, -1, -1, -1,", "1,-1,1,2,3,4,.9,-1,-1,-1", " "]
    text = "\n".join([*rows, "3,-1,0,0,2,2,.7,-1,-1,-1"])
    find = replay(tmp_path, text)
    assert find.names == ("object",)
    assert find(IMAGE, 0).boxes.tolist() == [[1, 2, 4, 6]]
    assert [len(find(IMAGE, index)) for index in (1, 3, 100)] == [0, 0, 0]
    assert find(IMAGE, 2).boxes.tolist() == [[5, 6, 15, 26], [0, 0, 2, 2]]
    np.testing.assert_allclose(find(IMAGE, 2).scores, [0.5, 0.7])


def test_rows_of_one_frame_stay_in_their_order(tmp_path):
    rows = [f"{frame},-1,{left},0,5,5,.9" for left in range(50) for frame in (2, 1)]
    find = replay(tmp_path, "\n".join(rows))
    assert find(IMAGE, 0).boxes[:, 0].tolist() == list(range(50))


@pytest.mark.parametrize("row", ["1,-1,1,2,3,4", "1,-1,1,2,3,4,-1,-1,-1,-1"])
def test_a_file_without_scores_of_0_to_1(tmp_path, row):
    assert replay(tmp_path, row)(IMAGE).scores.tolist() == [1.0]


def test_a_file_is_cut_at_the_threshold_half_open(tmp_path):
    find = replay(tmp_path, "1,-1,1,2,3,4,0.5\n1,-1,1,2,3,5,0.49\n1,-1,1,2,3,6,0", conf=0.5)
    assert find(IMAGE).boxes.tolist() == [[1, 2, 4, 6]]


def test_unusable_rows_of_a_file_are_dropped_and_counted(tmp_path):
    rows = "1,-1,1,2,3,4,.9\n1,-1,nan,2,3,4,.9\n1,-1,1,2,0,4,.9\n1,-1,1,2,3,4,nan\n1,-1,1,2,3,4,.9"
    found = replay(tmp_path, rows)(IMAGE)
    assert (len(found), found.dropped) == (1, 4)


def test_an_empty_file_has_no_detections(tmp_path):
    assert len(replay(tmp_path, "\n")(IMAGE)) == 0


@pytest.mark.parametrize("frame", [0, -3])
def test_frame_zero_is_refused_with_its_line(tmp_path, frame):
    with pytest.raises(MambatrackError, match=rf"det.txt, line 4: frame {frame}; MOT frames count"):
        replay(tmp_path, f"\n2,-1,1,2,3,4,.9\n\n{frame},-1,1,2,3,4,.9\n")


def test_a_damaged_file_is_refused_with_its_line(tmp_path):
    with pytest.raises(MambatrackError, match="det.txt, line 2: 5 columns"):
        replay(tmp_path, "1,-1,1,2,3,4,.9\n1,-1,1,2,3\n")
    with pytest.raises(MambatrackError, match="absent.txt is not a readable"):
        detector(name="file", weights=str(tmp_path / "absent.txt"))
    with pytest.raises(MambatrackError, match="unknown class 'person'; the model has object"):
        replay(tmp_path, "", classes=("person",))
