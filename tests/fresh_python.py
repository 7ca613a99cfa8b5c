"""An interpreter of its own."""

import os
import subprocess
import sys
from pathlib import Path


def python(
    code: str, folder: Path, interpreter: str | Path = sys.executable, **environment: str
) -> str:
    """The output of a fresh interpreter that runs ``code`` in ``folder``."""
    done = subprocess.run(
        [str(interpreter), "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
