"""The HTML of the report: its frame, tables and videos, all text escaped. It loads nothing, but for
the videos that lie beside it."""

import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from rich.table import Table
from rich.text import Text

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1f2733; --muted: #5d6875; --line: #e2e6ea;
        --strong: #98a2ad; --accent: #0f6f66; --shade: rgb(0 0 0 / 22%); }
@media (prefers-color-scheme: dark) {
  :root { --ground: #11161d; --ink: #e6ebf0; --muted: #97a3b0; --line: #2a333e; --strong: #5a6673;
          --accent: #4fd1c0; --shade: rgb(255 255 255 / 28%); }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
       max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; } a { color: var(--accent); } .note { color: var(--muted); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid var(--line);
         white-space: nowrap; }
th { border-bottom: 2px solid var(--strong); } .right { text-align: right; }
caption { caption-side: bottom; color: var(--muted); text-align: left; padding-top: .4rem; }
.head td, .head th { font-size: 1.05rem; padding: .35rem .7rem; }
.wide { overflow-x: auto; max-width: 100%; background:
  linear-gradient(to right, var(--ground) 40%, transparent) left / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--ground) 40%, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left / 1rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll; }
.wide:focus-visible { outline: 2px solid var(--accent); }
.plot { background: #fff; border-radius: .4rem; overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .7rem;
      border: 1px solid var(--line); border-radius: .4rem;
      font-size: .82rem; }
.clips { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
figure { margin: 0; } video { width: 100%; background: #000; border-radius: .4rem; }
figcaption { font-size: .87rem; overflow-wrap: anywhere; }
"""


def page(title: str, note: str, parts: Iterable[str]) -> str:
    """The whole file; parts: HTML."""
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p class='note'>{escape(note)}</p>\n{body}\n</body>\n</html>\n"
    )


def heading(text: str, note: str = "") -> str:
    """The beginning of a section."""
    told = f"\n<p class='note'>{escape(note)}</p>" if note else ""
    return f"<h2>{escape(text)}</h2>{told}"


def code(text: str) -> str:
    """Text as it is, in a box that scrolls."""
    return f"<pre>{escape(text)}</pre>"


def folded(summary: str, content: str) -> str:
    """HTML that is shown once its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def plot(svg: str) -> str:
    """A picture on white, which its colours are made for."""
    return f"<div class='plot'>{svg}</div>"


def html_table(table: Table, kind: str = "") -> str:
    """A rich table as an HTML one: its title, headings, cells and caption. kind: class of STYLE"""
    columns = [(column.justify, column.header, list(column.cells)) for column in table.columns]
    head = "".join(_cell("th", justify, header) for justify, header, _ in columns)
    body = "".join(
        "<tr>" + "".join(_cell("td", columns[k][0], cell) for k, cell in enumerate(row)) + "</tr>\n"
        for row in zip(*(cells for _, _, cells in columns), strict=True)
    )
    name, caption = (escape(_plain(each)) for each in (table.title, table.caption))
    title = f"<h3>{name}</h3>\n" if name else ""
    told = f"<caption>{caption}</caption>" if caption else ""
    label = f" aria-label='{name or 'table'}'"
    return (
        f"{title}<div class='wide' tabindex='0' role='region'{label}><table class='{kind}'>"
        f"{told}<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def video(path: Path, beside: Path, caption: str) -> str:
    """A video that plays in the page. beside: the report, from where the path is told"""
    address = escape(address_of(path, beside))
    return (
        f"<figure><video controls preload='metadata' src='{address}'></video>"
        f"<figcaption><a href='{address}'>{escape(caption)}</a></figcaption></figure>"
    )


def address_of(path: Path, beside: Path) -> str:
    """The relative address of a file, or its whole one where it is on another drive."""
    try:
        relative = os.path.relpath(path, beside.parent)
    except ValueError:
        return path.resolve().as_uri()
    return quote(Path(relative).as_posix())


def _plain(content: object) -> str:
    """The text of a title or caption."""
    return _text(content or "").plain


def _text(content: object) -> Text:
    return content if isinstance(content, Text) else Text.from_markup(str(content))


def _cell(tag: str, justify: str, content: object) -> str:
    text = _text(content)
    inner = escape(text.plain)
    if any("bold" in str(span.style) for span in text.spans):
        inner = f"<b>{inner}</b>"
    kind = " class='right'" if justify == "right" else ""
    return f"<{tag}{kind}>{inner}</{tag}>"
