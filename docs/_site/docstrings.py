"""Docstrings of the project as Markdown: what they say of a name, "name: text" on lines of its own,
becomes a list of names in the reference."""

import re
from typing import Any

from griffe import Extension, Object

ABOUT = re.compile(r"[a-z_]\w*(?:, [a-z_]\w*)*(?: \[[^\]]*\])?: ")
RESULT = re.compile(r"(?:Returns|Raises) ")


class Lists(Extension):
    """Changes every docstring before it is rendered."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """The text with a list item for each line that begins with names and a colon, and its further
    lines indented; what is returned and raised, and paragraphs without such a line, stay."""
    return "\n\n".join(_listed(paragraph) for paragraph in text.split("\n\n"))


def _listed(paragraph: str) -> str:
    lines, indent = [], ""
    for line in paragraph.split("\n"):
        if ABOUT.match(line):
            names, _, what = line.partition(":")
            lines.append(f"- **{names}**:{what}")
            indent = "  "
        elif RESULT.match(line) and indent:
            lines += ["", line]
            indent = ""
        else:
            lines.append(f"{indent}{line.strip() if indent else line}")
    return "\n".join(lines)
