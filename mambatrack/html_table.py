"""A small table for a notebook: what ``_repr_html_`` of results gives."""

from collections.abc import Sequence
from html import escape

MOST_ROWS = 20


def html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The first MOST_ROWS rows and how many there are beyond; every text is escaped."""
    shown = [_row("td", row) for row in rows[:MOST_ROWS]]
    more = len(rows) - len(shown)
    if more:
        shown.append(f'<tr><td colspan="{len(columns)}">and {more} more</td></tr>')
    return (
        f"<table><caption>{escape(title)}</caption><thead>{_row('th', columns)}</thead>"
        f"<tbody>{''.join(shown)}</tbody></table>"
    )


def _row(kind: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{kind}>{escape(str(cell))}</{kind}>' for cell in cells)}</tr>"
