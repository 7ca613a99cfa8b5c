import pytest
import torch

from mambatrack import kernels
from mambatrack.kernels import selective_scan
from scan_cases import TIMED, inputs

WRONG = [
    ({"x": torch.zeros(3, 7)}, r"x: \[B, L, D\] expected, got \[3, 7\]"),
    ({"B": torch.zeros(3, 7, 9)}, r"B: \[B = 3, L = 7, N = 4\] expected, got \[3, 7, 9\]"),
    ({"A": None}, "A: a tensor expected, got NoneType"),
    ({"A": torch.zeros(5, 300)}, "N from 1 to 256 expected, got 300"),
    ({"dt": torch.zeros(3, 7, 5, dtype=torch.int32)}, "dt: .*float32 expected, got torch.int32"),
    ({"z": torch.zeros(3, 7, 5, dtype=torch.float64)}, "z: .*float32 expected, got torch.float64"),
    ({"D": torch.zeros(5, device="meta")}, "one device expected, got x on cpu and D on meta"),
    ({"lengths": torch.tensor([8, 1, 1])}, "lengths: 0 to 7 expected, got 1 to 8"),
    ({"lengths": torch.tensor([-1, 1, 1])}, "lengths: 0 to 7 expected, got -1 to 1"),
    ({"lengths": torch.tensor([1, 1])}, r"lengths: \[B = 3\] expected, got \[2\]"),
    ({"lengths": torch.tensor([1.0, 1, 1])}, "lengths: int32 or int64 expected"),
    ({"x": torch.zeros(3, 0, 5)}, "L from 1 to 16777216 expected, got 0"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_does_not_fit_is_refused(change, message):
    case = inputs(dtype=torch.float32, stack=())
    with pytest.raises(ValueError, match=message):
        selective_scan(**case | change)


def test_slots_outside_the_pool_are_refused():
    case = {k: v[:, 0] if k in TIMED else v for k, v in inputs(stack=()).items()}
    pool = case.pop("initial_state")
    with pytest.raises(ValueError, match="slots: 0 to 2 expected, got 0 to 3"):
        kernels.selective_state_update(pool, **case, slots=torch.tensor([0, 1, 3]))


def test_nan_is_found_where_asked_for(monkeypatch):
    case = inputs(stack=())
    case["B"][1, 2, 3] = float("nan")
    selective_scan(**case)
    with pytest.raises(ValueError, match="B: numbers expected, got NaN in 1 cells"):
        selective_scan(**case, check=True)
    monkeypatch.setenv("MAMBATRACK_CHECK", "1")
    with pytest.raises(ValueError, match="B: numbers"):
        selective_scan(**case)
