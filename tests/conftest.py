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
