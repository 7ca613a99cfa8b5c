"""A table for a terminal and for a document."""

import io

from rich.console import Console

from mambatrack.evaluation.report_tables import Section

SECTION = Section(
    "Times", ("boxes", "ms"), [["a [b]", "1"], ["a [b]", "2"], ["c", "3"]], "Read this.",
    ("boxes",), apart=True,
)  # fmt: skip


def test_the_document_has_heading_table_and_note():
    assert SECTION.markdown().splitlines() == [
        "### Times", "", "| boxes | ms |", "|-------|----|", "| a [b] |  1 |", "| a [b] |  2 |",
        "| c     |  3 |", "", "Read this.",
    ]  # fmt: skip
    assert SECTION.markdown("").startswith("| boxes | ms |")


def test_the_terminal_sets_names_apart():
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(SECTION.table())
    lines = [line.strip() for line in console.export_text().splitlines()]
    assert lines[0] == "Times" and lines[-1] == "Read this."
    assert lines[lines.index("a [b]    2") + 1] == ""
