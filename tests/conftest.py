"""Without a GPU the Triton kernels run in Triton's interpreter, which has to be asked for before
triton is imported."""

import gc
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# A busy machine is no fault of an example; few of them, as there are 150 properties.
settings.register_profile("patient", deadline=None, max_examples=30)
settings.load_profile("patient")

gc.disable()  # until everything is imported and collected, which stays
os.environ["MAMBATRACK_OFFLINE"] = "1"  # no test asks the network; those of downloads ask their own


def pytest_collection_modifyitems(config, items):
    """Where several run at once, files of few tests come first: theirs take longest, and nobody is
    left with one of them at the end."""
    if hasattr(config, "workerinput"):
        counts = Counter(item.path for item in items)
        items.sort(key=lambda item: counts[item.path])


def pytest_collection_finish():
    """What thousands of tests hold is not searched for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


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


@pytest.fixture(scope="module")
def quick_trainings():
    """Trainings validate and calibrate on little, and draw no curves."""
    from tiny_trainings import make_quick

    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        yield


@pytest.fixture(scope="session")
def sequences(tmp_path_factory):
    """-> (folder, its two sequences), which nobody changes."""
    from mambatrack.datasets.sequences import find_sequences
    from worlds import write_pair

    root = write_pair(tmp_path_factory.mktemp("world"))
    return root, find_sequences(root)


@pytest.fixture
def dataset(tmp_path):
    """The folder of two short sequences."""
    from worlds import write_pair

    return write_pair(tmp_path / "data", people=5, size=(480, 270))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The path of a short video."""
    from worlds import write_small_clip

    return write_small_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def looking_back(tmp_path):
    """The weight file of a small network with look-back."""
    from tiny_networks import write_looking_back

    return write_looking_back(tmp_path)
