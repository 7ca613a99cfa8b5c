import pytest
import torch

from mambatrack.kernels import bench


def test_table_of_all_backends_on_a_processor(capsys, monkeypatch):
    monkeypatch.setattr(bench, "QUICK", [(2, 3, 5)])
    monkeypatch.setattr(bench, "copy_bandwidth", lambda *_: 10.0)
    threads = torch.get_num_threads()
    try:
        bench.main(["--device", "cpu", "--quick", "--seconds", "0"])
    finally:
        torch.set_num_threads(threads)
    text = capsys.readouterr().out
    assert "copy 10.0 GB/s" in text and "torch 2" in text
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| 2, 3, 5")]
    done = {(line[1], line[2]) for line in lines}
    assert done >= {
        (w, b) for w in ("forward", "forward + backward") for b in ("reference", "torch")
    }
    assert all(float(line[6]) <= 5e-6 for line in lines)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_what_to_do(capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--device", "cuda"])
    assert "torch sees no GPU; take --device cpu" in capsys.readouterr().err


def test_bytes_that_move():
    (row, *_) = bench.measure((1, 2, 3), False, "cpu", 0.0, 1.0)
    case = bench.random_inputs(1, 2, 3, "cpu")
    moved = sum(each.nbytes for each in case.values()) + case["x"].nbytes
    assert abs(row.bandwidth * row.ms * 1e6 - moved) < 1e-6 * moved
    assert row.share == row.bandwidth
