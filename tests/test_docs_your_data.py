"""The commands of docs/your-data.md run in their order on a small made-up folder."""

import re
import shutil
from pathlib import Path

import pytest

from mambatrack.cli import main
from mambatrack.learning import motion_spread
from mambatrack.simulation.world import write_sequence
from tiny_trainings import make_tiny

PAGE = Path(__file__).parents[1] / "docs/your-data.md"
SIZE = {"people": 4, "frames": 40, "size": (320, 240), "pillars": 1}
SHORT = {  # what makes a command quick; the page has none of it
    "tune": ["--predictor", "kalman", "--association", "overlap"],
    "train": ["--training.steps=3", "--training.batch_size=4", "--training.d_model=8",
              "--training.layers=1", "--training.d_state=2"],
    "train-association": ["--association.steps=3", "--association.iterations=1",
                          "--association.members=1"],
}  # fmt: skip


def commands():
    """The words of each command of the page, without the program's name."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.M)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [line.split()[1:] for line in lines]


@pytest.fixture
def my_data(tmp_path, monkeypatch):
    """The folder of the page: a video beside gt/, and pictures with det/."""
    monkeypatch.chdir(tmp_path)
    street = Path("my-data/train/street-1")
    write_sequence(street, seed=1, video="clip.mp4", **SIZE)
    shutil.move("clip.mp4", street / "street-1.mp4")
    shutil.rmtree(street / "det")
    (street / "seqinfo.ini").unlink()
    write_sequence("my-data/train/street-2", seed=2, images=True, **SIZE)
    write_sequence("my-data/test/street-3", seed=3, **SIZE)
    return tmp_path


def test_every_command_of_the_page_runs(my_data, capsys, monkeypatch):
    make_tiny(monkeypatch)
    monkeypatch.setattr(motion_spread, "MOST_STEPS", 5)
    for words in commands():
        quick = ["2" if word == "50" else word for word in words] + SHORT.get(words[0], [])
        assert main(quick) == 0, f"{words}: {capsys.readouterr().err}"
    for name in ("train/street-1/det/det.txt", "../tracks/street-3.txt", "../report.html",
                 "../tuned/best.yaml", "../association/association.safetensors",
                 "../motion/predictor.safetensors"):  # fmt: skip
        assert (my_data / "my-data" / name).is_file(), name
    assert {words[0] for words in commands()} == {
        "detect", "track", "eval", "tune", "train", "train-association"
    }  # fmt: skip
