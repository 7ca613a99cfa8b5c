"""Rows of CSV, as every file of ours has them: safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# a spreadsheet runs a cell that begins like this, and looks behind blanks
FORMULA = re.compile(r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf)", re.ASCII | re.IGNORECASE)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """The rows as lines. A text that a spreadsheet would take for a formula gets an apostrophe in
    front; numbers are as they were, None is empty, and what is no UTF-8 is escaped."""
    lines = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(map(_cell, row))  # quotes both characters
        lines.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
