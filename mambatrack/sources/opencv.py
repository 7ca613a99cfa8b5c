"""Keeps OpenCV quiet where what it would print is raised as an error anyway."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SILENT = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Silences OpenCV's own messages for a while; FFmpeg's are another matter (readers.py)."""
    import cv2

    # OpenCV 4 has the two functions at its top level, OpenCV 5 in utils.logging
    logging: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
