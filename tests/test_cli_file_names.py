"""Names that a file system takes and text does not: read, written and printed as any other."""

import os
import sys

import cv2
import numpy as np
import pytest

from mambatrack.cli import program

NAMES = [b"bytes\xff", b"lines\nof one name", b"'quotes\"", b"=sum(1)", b"dots..",
         "\U0001f600".encode(), b"x" * 240, b"\x1b[31mred"]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux, where all bytes but / are")
@pytest.mark.parametrize("raw", NAMES)
def test_any_name_is_read_written_and_printed(raw, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(raw)
    os.mkdir(name)
    for frame in range(3):
        image = np.zeros((96, 128, 3), np.uint8)
        image[20:60, 10 + 8 * frame : 50 + 8 * frame] = 255
        with open(f"{name}/{frame}.png", "wb") as file:
            file.write(cv2.imencode(".png", image)[1].tobytes())
    texts = [f"--mot={name}.txt", f"--jsonl={name}.jsonl", f"--csv={name}.csv"]
    rows = [f"{frame},-1,{10 + 8 * frame},20,40,40,0.9\n" for frame in (1, 2, 3)]
    (tmp_path / "boxes.txt").write_text("".join(rows))
    settings = ["--predictor", "kalman", "--association", "overlap", "--weights", "boxes.txt"]
    assert program.main(["track", name, f"--output={name}.mp4", *texts, *settings]) == 0
    for ending in ("mp4", "txt", "jsonl", "csv"):
        assert os.path.getsize(f"{name}.{ending}")
    assert program.main(["track", f"{name}.mp4", *texts, *settings]) == 1
    said = capsys.readouterr().err
    assert "exists; use --overwrite" in said and "\x1b" not in said
