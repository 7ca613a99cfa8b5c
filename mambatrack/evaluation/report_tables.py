"""A table of figures for a terminal and for a document."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.box import Box
    from rich.table import Table


@dataclass(frozen=True)
class Section:
    """words: the headings above text, which stands at the left; apart: cells of the first column
    that differ are set apart; note: what has to be known to read the figures"""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    note: str
    words: tuple[str, ...] = ()
    apart: bool = field(default=False, kw_only=True)

    def table(self) -> "Table":
        """For rich.print."""
        from rich import box

        table = self._filled(box.SIMPLE_HEAD, self.apart)
        table.title, table.caption = self.title, self.note
        return table

    def markdown(self, heading: str = "###") -> str:
        """The table and its note; heading: before the title, none where that is empty."""
        from rich import box
        from rich.console import Console

        console = Console(width=1000, record=True, file=io.StringIO())
        console.print(self._filled(box.MARKDOWN, apart=False))
        lines = [line.strip() for line in console.export_text().splitlines() if line.strip()]
        title = [f"{heading} {self.title}", ""] if heading else []
        return "\n".join([*title, *lines, "", self.note, ""])

    def _filled(self, box: "Box", apart: bool) -> "Table":
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=box, title_justify="left", caption_justify="left")
        for heading in self.headings:
            left = heading in self.words
            table.add_column(heading, justify="left" if left else "right", no_wrap=True)
        for number, row in enumerate(self.rows):
            if number and apart and row[0] != self.rows[number - 1][0]:
                table.add_section()
            table.add_row(*map(escape, row))
        return table
