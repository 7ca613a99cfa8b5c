"""Makes the picture of docs/live.md: the page of live tracking, with a line and a zone.

python demo/page_picture.py [--output docs/live.jpg]

Needs the extras web and dev, and chromium in PATH. Clip and boxes are synthetic.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mambatrack import write_sequence

SIZE = 960, 540
VIEW = {"width": 1280, "height": 860}
WATCHED_S = 12  # before the picture is taken
PLACES = ("--line", "gate:480,120,480,530", "--zone", "queue:90,230;380,230;380,520;90,520")


def main(output: str | Path = "docs/live.jpg", seed: int = 1, people: int = 6) -> None:
    """Tracks a clip as a user would, and writes what the page shows of it."""
    with tempfile.TemporaryDirectory() as folder:
        hall = Path(folder) / "hall"
        clip = hall.with_suffix(".mp4")
        write_sequence(hall, seed=seed, people=people, frames=500, size=SIZE, video=clip)
        command = [
            sys.executable, "-m", "mambatrack", "live", str(clip), "--serve", "--port", "0",
            "--detector", "file", "--weights", str(hall / "det/det.txt"),
            "--forecast", "20", "--draw", "boxes,ids,trails,lost,forecast,zones", *PLACES,
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            told = next(line for line in program.stdout if line.startswith("watch at "))
            try:
                take(told.split()[-1], output)
            finally:
                program.terminate()


def take(address: str, output: str | Path) -> None:
    """Writes the page at ``address`` as a picture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=VIEW, color_scheme="light")
        page.goto(address)
        page.wait_for_selector("figure canvas[data-frame]")
        page.wait_for_timeout(1000 * WATCHED_S)
        page.screenshot(path=str(output), type="jpeg", quality=76)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="docs/live.jpg")
    main(parser.parse_args().output)
