"""Real data beside the checkout (tests that use it skip where it is absent), examples of pages."""

import re
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def needs(name: str) -> Path:
    """The path of ``name`` in shared/; skips the test, with the reason, where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {path}, which is not there")
    return path


def examples(page: str, section: str) -> list[str]:
    """The blocks of Python in a section of a page of docs/."""
    text = (Path(__file__).parents[1] / "docs" / page).read_text(encoding="utf-8")
    own = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", own, re.DOTALL)
