"""Real data beside the checkout; tests that use it skip where it is absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def needs(name: str) -> Path:
    """The path of ``name`` in shared/; skips the test, with the reason, where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {path}, which is not there")
    return path
