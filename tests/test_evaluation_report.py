"""Tables in the HTML report."""

import pytest
from rich.table import Table

pytest.importorskip("trackeval", reason="needs the extra [eval]")

from mambatrack.evaluation.report import html_table


def test_cells_keep_their_text_and_bold_is_bold():
    table = Table("name", title="A & B", caption="<small>")
    table.add_column("HOTA", justify="right")
    table.add_row(r"\[x] <i>", "[bold]60.1[/bold]")
    table.add_row("plain", "5")
    found = html_table(table)
    assert "<h3>A &amp; B</h3>" in found and "<caption>&lt;small&gt;</caption>" in found
    assert "<th>name</th><th class='right'>HOTA</th>" in found
    assert "<td>[x] &lt;i&gt;</td><td class='right'><b>60.1</b></td>" in found
    assert found.count("<tr>") == 3


def test_a_table_without_rows_has_its_headings():
    found = html_table(Table("name"))
    assert "<th>name</th>" in found and "<tbody></tbody>" in found and "<caption>" not in found
