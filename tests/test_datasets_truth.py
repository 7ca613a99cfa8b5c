import pytest

from mambatrack.datasets.sequences import find_sequences, open_sequence
from mambatrack.datasets.truth import read_ground_truth, with_classes
from mambatrack.errors import MambatrackError
from mambatrack.evaluation import score
from wild_files import KEYS, LABELLED, LABELS, RIGHT, assert_perfect, car, rows, scored, write


def test_what_is_left_out_of_a_score_is_said(tmp_path):
    bus = rows("1,3,-1", [(1, 50)], first=300)
    with pytest.warns(UserWarning, match="not scored: 1 box of bus"):
        scored(tmp_path, LABELLED, rows("1,2,-1") + bus, LABELS + "bus\n")
    with pytest.warns(UserWarning, match="has no box of person, only of car"):
        (tmp_path / "results/a.txt").write_text(car("1,1,-1"))
        score(find_sequences(tmp_path / "data"), tmp_path / "results", classes=("person",))
    marked = rows() + car("1,7,1") + car("0,8,1", 11)
    with pytest.warns(UserWarning, match=r"only pedestrians count.*7 \(static_person in MOT17\)"):
        assert_perfect(scored(tmp_path / "marked", marked))


def test_what_overlaps_with_nothing_is_said(tmp_path):
    with pytest.warns(UserWarning, match="no box overlaps with a true box of its frame"):
        assert scored(tmp_path, rows(), rows(first=300)).combined.HOTA == 0
    with pytest.warns(UserWarning, match="has no box that counts, so sequence a scores 0"):
        scored(tmp_path / "empty", "", RIGHT)


def test_the_people_of_a_data_set_are_chosen_for_all_its_sequences(tmp_path):
    write(tmp_path / "a", rows("1,3,1"))
    write(tmp_path / "b", rows("1,4,1"))
    with pytest.raises(MambatrackError, match="2 sequences: the ground truth has several classes"):
        with_classes(find_sequences(tmp_path))
    with pytest.warns(UserWarning, match="class 3"):
        assert len(read_ground_truth(open_sequence(tmp_path / "a"))) == 20


def test_ids_of_any_size_are_numbered_densely(tmp_path):
    large = {1: 1_700_000_000_001, 2: 9_007_199_254_740_991}
    keys = [(frame, large[person]) for frame, person in KEYS]
    text = "".join(
        f"{frame},{identity},{40 * (1 + n % 2)},30,20.5,50,1,1,1\n"
        for n, (frame, identity) in enumerate(keys)
    )
    assert_perfect(scored(tmp_path, text, text))
    truth = read_ground_truth(open_sequence(tmp_path / "data/a"))
    assert set(truth.id.tolist()) == set(large.values())


def test_boxes_without_size_are_said_and_never_found(tmp_path):
    flat = "11,1,5,5,0,50,1,1,1\n"
    with pytest.warns(
        UserWarning, match=r"gt.txt, line 21: a box of 0 x 50 .*never found \(1 of 2"
    ):
        assert scored(tmp_path, rows() + flat).combined.CLR_FN == 1
    with pytest.warns(UserWarning, match=r"a.txt, line 21: a box of 0 x 50 pixels.*match nobody"):
        scored(tmp_path / "results", rows(), RIGHT + "11,1,5,5,0,50,1,-1,-1,-1\n")
