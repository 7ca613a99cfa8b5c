"""The documents are true: links lead somewhere, files and names in backticks exist, commands are
accepted, and the site builds."""

import importlib
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from mambatrack.cli.named_files import check_forms
from mambatrack.cli.program import parse
from mambatrack.errors import MambatrackError

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RECORDS = sorted((DOCS / "experiments").glob("2*.md"))  # their names are those of their commit
PAGES = [ROOT / "README.md", ROOT / "kernels/README.md", *sorted(DOCS.glob("*.md"))]
EVERY = [*PAGES, ROOT / "CHANGELOG.md", DOCS / "experiments/README.md", *RECORDS]
PLACES = [
    "",
    "mambatrack",
    "docs",
    "docs/experiments",
    "tests",
]  # where a file in backticks may lie

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
TICKED = re.compile(r"`([^`\n]+)`")
OF_THE_PROJECT = re.compile(r"[\w./*-]+\.(py|c|h|cfg|toml|svg)|(docs|configs|tests|demo)/[\w./*-]+")
MODULE = re.compile(r"(?<![\w.])mambatrack(?:\.[A-Za-z_]\w*)+")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def of_page(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.+)$", CODE.sub("", read(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in titles)
    return {re.sub(r"\s+", "-", title) for title in plain}


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    broken = []
    for link in LINK.findall(CODE.sub("", read(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def missing_files(page: Path) -> list[str]:
    """Files of the project that a page names in backticks and that are not there."""
    places = [*(ROOT / place for place in PLACES), page.parent]
    return [
        name
        for name in TICKED.findall(CODE.sub("", read(page)))
        if OF_THE_PROJECT.fullmatch(name) and not any(any(each.glob(name)) for each in places)
    ]


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, rest = name.rpartition(".")
    try:
        importlib.import_module(name)
        return True
    except ImportError:
        return bool(module) and exists_in(module, rest)


def exists_in(name: str, attribute: str) -> bool:
    try:
        return hasattr(importlib.import_module(name), attribute)
    except ImportError:
        module, _, kind = name.rpartition(".")
        return hasattr(getattr(importlib.import_module(module), kind, None), attribute)


def commands(page: Path) -> list[str]:
    """The command lines of mambatrack in a page's blocks of code, up to a pipe or a comment; not
    those with parts left open."""
    text = re.sub(r"\\\n\s*", "", read(page))
    lines = re.findall(r"^ {4}(.+)$", text, re.MULTILINE)
    lines += [line for block in CODE.findall(text) for line in block.splitlines()]
    found = [re.fullmatch(r"(?:OMP_NUM_THREADS=1 )?mambatrack (.+)", line) for line in lines]
    plain = (re.sub(r"\s+[#|>](\s.*|$)", "", match[1]) for match in found if match)
    return [line for line in plain if not re.search(r"\[|\.\.\.", line)]


def refusal(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Why the program refuses a command, "" where it does not; old names are refused here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            _, options, _ = parse(shlex.split(line))
        check_forms(options)
    except (SystemExit, FutureWarning, MambatrackError) as error:
        return f"{line}: {error} {capsys.readouterr().err}"
    return ""


def unknown_words(page: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Commands and options that the program does not have, of commands within the text, which need
    not be whole: `mambatrack track --offline`."""
    unknown = []
    for line in re.findall(r"`mambatrack ([a-z][^`\n]*)`", read(page)):
        if not refusal(line, capsys):
            continue
        command, *words = line.split()
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        known = capsys.readouterr().out
        words = [command, *(word for word in words if re.fullmatch(r"--[a-z-]+", word))]
        unknown += [f"{command} {word}" for word in words if word not in known]
    return unknown


@pytest.fixture
def named_files(tmp_path, monkeypatch):
    """A folder with what the commands of the documents name and the parser looks at."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "tuned").mkdir()
    for name in ("videos/clip.mp4", "tuned/best.yaml", "mine.yaml", "clip-camera.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", EVERY, ids=of_page)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_files_in_backticks_exist(page):
    assert missing_files(page) == []


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_dotted_names_exist(page):
    assert [name for name in MODULE.findall(read(page)) if not exists(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_commands_are_accepted(page, named_files, capsys):
    refused = [refusal(line, capsys) for line in commands(page)]
    assert list(filter(None, refused)) == []
    assert unknown_words(page, capsys) == []


def test_the_checks_find_what_is_wrong(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](nowhere.md) [b](#one) [c](#two) `nowhere.py` `mambatrack/boxes.py`\n"
        "    mambatrack track a.mp4 --colour red\n`mambatrack track --shape` `mambatrack trick`\n"
    )
    assert broken_links(page) == ["nowhere.md", "#two"]
    assert missing_files(page) == ["nowhere.py"]
    assert not exists("mambatrack.nowhere") and exists("mambatrack.Tracker.update")
    assert "--colour" in refusal(commands(page)[0], capsys)
    assert unknown_words(page, capsys) == ["track --shape", "trick trick"]


def test_the_design_names_every_folder():
    table = read(DOCS / "design.md").partition("## Folders")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w.]+/?)`", "".join(re.findall(r"^\| (.+?) \|", table, re.M))))
    package = ROOT / "mambatrack"
    folders = {f"{each.parent.name}/" for each in package.glob("*/__init__.py")}
    files = {each.name for each in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert named == folders - {"configs/"} | files


@pytest.mark.parametrize("page", RECORDS, ids=of_page)
def test_an_experiment_says_when_and_with_what(page):
    text = read(page)
    assert f"| date | {page.name[:10]} |" in text
    assert re.search(r"^\| commit \| `[0-9a-f]{7}` \|$", text, re.MULTILINE)
    assert re.search(r"^\| weights, sha256 \| (none|.*`[0-9a-f]{64}`)", text, re.MULTILINE)
    assert re.search(r"^    \S", text, re.MULTILINE), "no command"
    assert f"]({page.name})" in read(DOCS / "experiments/README.md")


def test_results_and_lessons_stay_short():
    assert len(read(DOCS / "results.md").splitlines()) <= 135
    assert len(read(DOCS / "lessons.md").splitlines()) <= 80


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = {each: read(each) for each in tmp_path.rglob("*.html")}
    assert "<strong>image_size</strong>: (width, height)" in pages[tmp_path / "api.html"]
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"?https?:|<link[^>]*(?:stylesheet|preconnect)[^>]*https?:"
    )
    assert [each.name for each, text in pages.items() if loaded.search(text)] == []
