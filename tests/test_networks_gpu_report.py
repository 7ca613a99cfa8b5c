import pytest
import torch

from mambatrack.kernels import bench
from mambatrack.kernels.cpu import library
from mambatrack.networks import gpu_report


@pytest.fixture
def short(monkeypatch):
    """So small that a processor does it in a moment."""
    monkeypatch.setattr(gpu_report, "PARITY", ((3, 2, 8),))
    monkeypatch.setattr(gpu_report, "SIZES", {"d8 L1": (8, 1, 2)})
    monkeypatch.setattr(gpu_report, "TRACKS", (2,))
    monkeypatch.setattr(bench, "QUICK", [(2, 3, 5)])
    monkeypatch.setattr(bench, "copy_bandwidth", lambda *_: 10.0)


def test_the_report_of_a_processor(short, capsys, monkeypatch):
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")  # which leaves float64 to the reference too
    assert gpu_report.main(["--device", "cpu", "--seconds", "0"]) == 0
    text = capsys.readouterr().out
    assert f"torch {torch.__version__}" in text
    checked = [line for line in text.splitlines() if line.endswith(("| right |", "**wrong** |"))]
    assert len(checked) == 6 and "wrong" not in text
    assert "| d8 L1, in torch (no graph) | 2 | " in text
    assert "| causal network d8 L1, in torch | " in text
    assert "| d8 L1 (no graph) | 2 | " in text and "| 2, 3, 5 | forward | reference |" in text


def test_an_error_above_its_bound_is_said_and_fails(short, capsys, monkeypatch):
    monkeypatch.setattr(gpu_report, "NETWORK", -1.0)
    assert gpu_report.main(["--device", "cpu", "--seconds", "0"]) == 1
    assert capsys.readouterr().out.count("**wrong**") == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(
            "cpu",
            "no backward; unset MAMBATRACK_BACKEND",
            marks=pytest.mark.skipif(not library.available(), reason=library.why_not()),
        ),
        ("fast", "unknown backend"),
    ],
)
def test_a_backend_that_cannot_do_it_is_refused(short, capsys, monkeypatch, asked, said):
    monkeypatch.setenv("MAMBATRACK_BACKEND", asked)
    with pytest.raises(SystemExit, match="2"):
        gpu_report.main(["--device", "cpu"])
    assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_what_to_do(capsys):
    with pytest.raises(SystemExit, match="2"):
        gpu_report.main([])
    assert "torch sees no GPU; --device cpu" in capsys.readouterr().err
