"""What a run writes and shows: text, pictures, videos, a window.

The writers of text are handed on: ``from mambatrack.outputs import mot_writer``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mambatrack.class_names import class_name
    from mambatrack.outputs.lines import (
        CSV_COLUMNS,
        JSONL_VERSION,
        STATE_NAMES,
        csv_rows,
        jsonl_frame,
        jsonl_header,
        jsonl_line,
        mot_rows,
    )
    from mambatrack.outputs.text import (
        TrackWriter,
        csv_writer,
        jsonl_writer,
        mot_writer,
        open_output,
    )

__all__ = [
    "CSV_COLUMNS", "JSONL_VERSION", "STATE_NAMES", "TrackWriter", "class_name", "csv_rows",
    "csv_writer", "jsonl_frame", "jsonl_header", "jsonl_line", "jsonl_writer", "mot_rows",
    "mot_writer", "open_output",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads the writers with the first of these names."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mambatrack.outputs import lines, text

    return getattr(text if hasattr(text, name) else lines, name)
