"""Without a GPU the Triton kernels run in Triton's interpreter, which has to be asked for before
triton is imported."""

import os
from pathlib import Path

import pytest

if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")

os.environ["MAMBATRACK_OFFLINE"] = "1"  # no test asks the network; those of downloads ask their own


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What the user's cache holds makes no difference to a test."""
    os.environ["MAMBATRACK_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def result(tmp_path):
    """JSON Lines of two tracks, to be exported."""
    from exported_tracks import write_result

    return write_result(tmp_path)


@pytest.fixture
def export(result, tmp_path):
    """Runs the command export-tracks on the result."""
    from exported_tracks import exporter

    return exporter(result, tmp_path)


@pytest.fixture
def video(tmp_path):
    """A video that goes with the result."""
    from exported_tracks import write_video

    return write_video(tmp_path)


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the live page."""
    from live_browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser):
    """An empty tab; the test fails where a script or the content policy complained."""
    from live_browser import empty_tab

    with empty_tab(browser) as tab:
        yield tab
