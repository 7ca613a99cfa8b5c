"""The HTML of the report."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

pytest.importorskip("trackeval", reason="needs the extra [eval]")

from mambatrack.evaluation.report_page import address_of, html_table, page, video


def test_cells_keep_their_text_and_bold_is_bold():
    table = Table("name", title="A & B", caption="<small>")
    table.add_column("HOTA", justify="right")
    table.add_row(r"\[x] <i>", "[bold]60.1[/bold]")
    table.add_row("plain", "5")
    found = html_table(table)
    assert "<h3>A &amp; B</h3>" in found and "<caption>&lt;small&gt;</caption>" in found
    assert "<th>name</th><th class='right'>HOTA</th>" in found
    assert "<td>[x] &lt;i&gt;</td><td class='right'><b>60.1</b></td>" in found
    assert found.count("<tr>") == 3 and "aria-label='A &amp; B'" in found


def test_a_table_without_rows_has_its_headings():
    found = html_table(Table("name"))
    assert "<th>name</th>" in found and "<tbody></tbody>" in found and "<caption>" not in found


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1)


@given(NAMES)
def test_a_video_is_told_from_where_the_report_lies(name):
    if name in (".", ".."):
        return
    address = address_of(Path("out/clips") / name, Path("out/report.html"))
    assert unquote(address) == f"clips/{name}" and not set(address) & set("<>'\"&?#% ") - {"%"}
    assert address_of(Path(name), Path("a/report.html")).startswith("../")


def test_whatever_stands_in_text_stays_text():
    hostile = "'\"><script>alert(1)</script>"
    found = page(hostile, hostile, [video(Path("a.mp4"), Path("r.html"), hostile)])
    assert "<script>" not in found and found.count("&lt;script&gt;") == 4
