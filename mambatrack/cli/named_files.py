"""The files and folders that a command line names: which are read and which are written.

Each such option has one of these classes as its type, so that one check finds all of them.
"""

import argparse
import dataclasses
import fnmatch
import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

from mambatrack.cli.effects import Parser
from mambatrack.cli.file_forms import check_form
from mambatrack.config import Config
from mambatrack.errors import MambatrackError
from mambatrack.files import Read, check_apart, files_of, identity
from mambatrack.option import at_home
from mambatrack.runs.output_files import numbered
from mambatrack.sources.file_types import IMAGE_TYPES, MARKERS, VIDEO_TYPES

DATE = re.compile("%[YmdHMS]")
STREAMS = "what standard input is read from", "where standard output goes", "where messages go"


Name = TypeVar("Name", bound="Named")


def named(text: str) -> str:
    """The same. Raises ArgumentTypeError for no name at all, which would be the current folder or
    the default: in a script it is a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; the current folder is .")
    return at_home(text)


class Named(str):
    """Of a file or folder, as it is written on the command line, but for a ~ in front."""

    def __new__(cls: type[Name], name: str) -> Name:
        return super().__new__(cls, at_home(name))

    def __init__(self, name: str):
        named(name)


class ReadPath(Named):
    """A file that is read, or a folder of which every file is."""

    @staticmethod
    def counts(path: Path) -> bool:
        """Whether a file below a folder is read."""
        return True


class SourcePath(ReadPath):
    """A video, a folder or glob of pictures, or a sequence."""

    @staticmethod
    def counts(path: Path) -> bool:
        labels = path.suffix.lower() in (".txt", ".ini") and _of_a_sequence(path)
        return labels or path.suffix.lower() in IMAGE_TYPES or _beside_truth(path)


class PicturesPath(SourcePath):
    """A source of which the detections that lie beside the pictures are not read."""

    @staticmethod
    def counts(path: Path) -> bool:
        return path.suffix.lower() in IMAGE_TYPES


class DatasetPath(ReadPath):
    """A folder of sequences or videos."""

    @staticmethod
    def counts(path: Path) -> bool:
        return SourcePath.counts(path) or path.suffix.lower() in VIDEO_TYPES


class ResultsPath(ReadPath):
    """A result file, or a folder of them; JSON Lines beside another are read too."""

    @staticmethod
    def counts(path: Path) -> bool:
        return path.suffix.lower() in (".txt", ".jsonl", ".csv")


class WrittenFile(Named):
    """A file that is written."""

    def __init__(self, name: str):
        super().__init__(name)
        if name == "-":
            raise argparse.ArgumentTypeError(
                "- is no file; standard output is /dev/stdout, with --quiet where it is to hold "
                "nothing else, and a file of this name ./-"
            )


class TracksFile(WrittenFile):
    """One of each source, whose number is in its name where there are several."""


class DatedFile(TracksFile):
    """The same, in whose name %Y, %m, %d, %H, %M and %S are the time of now; where that is taken,
    as by a run before, a number is behind it. pattern: as it was written"""

    pattern: str

    def __new__(cls, name: str) -> "DatedFile":
        name = at_home(name)
        dated = DATE.sub(lambda code: datetime.now().strftime(code[0]), name)
        made = super().__new__(cls, name if dated == name else _free(dated))
        made.pattern = name
        return made

    def __init__(self, name: str):
        super().__init__(str(self))


def _free(name: str) -> str:
    """The name, or the first of NAME.2, NAME.3 ..., of which there is no file of any source."""
    path = Path(name)
    for count in itertools.count(1):
        each = path if count == 1 else path.with_stem(f"{path.stem}.{count}")
        pattern = f"{glob.escape(each.stem)}-[0-9]*{glob.escape(each.suffix)}"
        if not os.path.lexists(each) and not glob.glob(pattern, root_dir=each.parent):
            return str(each)
    raise AssertionError


class StateOfTracks(WrittenFile):
    """A file that is written together with NAME.bak."""


class WrittenFolder(Named):
    """A folder that gets files."""


def written_by(options: argparse.Namespace) -> Iterator[Path]:
    """Every file and folder that the command writes, as far as options name it."""
    yield from _written(options)
    for _, name in _values(options, WrittenFolder):
        yield Path(name)


def check_named_files(options: argparse.Namespace, config: Config) -> None:
    """Raises MambatrackError where what the command reads would be written over, or two of its
    outputs are one file; before any of them is opened."""
    written = list(_written(options))
    streams = [(identity(number), said) for number, said in enumerate(STREAMS)]
    for path in written:
        for stream, said in streams:
            if stream is not None and stream == identity(path):
                raise MambatrackError(f"{path} is {said}; name another file")
    check_apart(_read(options, config), written)
    check_forms(options)
    for _, name in _values(options, SourcePath | DatasetPath):
        _check_next_run(name, [path for path in written if name.counts(path)])


def check_forms(options: argparse.Namespace) -> None:
    """Raises MambatrackError where a name says that the file is what the option does not write."""
    parser: Parser = options.parser
    for option, name in _values(options, WrittenFile | WrittenFolder):
        form = parser.forms[option]
        forms = form(options) if callable(form) else (form,) if isinstance(form, str) else form
        check_form(name, parser.effects[option].option, forms)


def _check_next_run(name: ReadPath, written: list[Path]) -> None:
    """Raises MambatrackError where a new picture or video would lie among those that are read, so
    that the same command would read it the next time."""
    folder = Path(name)
    if not written or (not folder.is_dir() and not glob.has_magic(name)):
        return
    if folder.is_dir():
        among = {identity(path.parent) for _, path in files_of(Read(folder, "", name.counts))}
        found = [path for path in written if identity(path.parent) in among]
    else:
        pattern = os.path.realpath(name)
        found = [path for path in written if fnmatch.fnmatch(os.path.realpath(path), pattern)]
    if found:
        raise MambatrackError(
            f"{found[0]} would be read as part of {name} the next time; name another folder"
        )


def _beside_truth(path: Path) -> bool:
    """A video that is the pictures of the sequence in its folder, or would be one of them."""
    marked = any((path.parent / each).exists() for each in MARKERS)
    return path.suffix.lower() in VIDEO_TYPES and marked


def _of_a_sequence(path: Path) -> bool:
    return path.name == "seqinfo.ini" or path.parent.name in ("gt", "det")


def _values(options: argparse.Namespace, kind: type | UnionType) -> Iterator[tuple[str, Any]]:
    """The option and each of its values that are of this class."""
    for name, value in vars(options).items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, kind):
                yield name, each


def _written(options: argparse.Namespace) -> Iterator[Path]:
    count = len(getattr(options, "sources", [None]))
    for _, name in _values(options, WrittenFile):
        if isinstance(name, TracksFile):
            yield from (Path(str(numbered(name, number, count))) for number in range(count))
        else:
            yield Path(name)
        if isinstance(name, StateOfTracks):
            yield Path(f"{name}.bak")


def _read(options: argparse.Namespace, config: Config) -> Iterator[Read]:
    for option, name in _values(options, ReadPath):
        said = "the source" if isinstance(name, SourcePath) else f"what --{option} reads"
        for path in _places(name):
            yield Read(path, said, name.counts)
    if options.config is not None:
        yield Read(Path(options.config), "the file of settings")
    for setting, value in _texts(config):
        yield Read(Path(value), f"what {setting} reads", DatasetPath.counts)


def _places(name: ReadPath) -> Iterable[Path]:
    path = Path(name)
    if path.exists() or not glob.has_magic(name):
        alone = path.is_dir() or not isinstance(name, ResultsPath)
        return [path] if alone else [path, path.with_suffix(".jsonl")]
    return [Path(each) for each in glob.glob(name, recursive=True)]


def _texts(settings: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The settings that may name a file."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from _texts(value, f"{prefix}{field.name}.")
        elif isinstance(value, str) and value:
            yield f"{prefix}{field.name}", value
