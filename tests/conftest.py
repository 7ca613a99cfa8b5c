"""Without a GPU the Triton kernels run in Triton's interpreter, which has to be asked for before
triton is imported."""

import os
from pathlib import Path

if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")
