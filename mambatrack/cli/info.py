"""What is installed here and what would be used: for bug reports, and to see why it is slow.

Nothing here fails where something is missing; what cannot be found out says why.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mambatrack.cli.arguments import Command
from mambatrack.cli.licences import NEEDED_FOR, licence_rows
from mambatrack.cli.shared import OK
from mambatrack.config import Config
from mambatrack.evaluation.machine import machine
from mambatrack.networks.card_values import parse_card
from mambatrack.networks.model_files import WEIGHTS
from mambatrack.version import VERSION

if TYPE_CHECKING:
    from rich.table import Table

Cells = tuple[str, ...]

FEATURES = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_vnni",
            "amx_tile", "asimd", "asimdhp", "sve", "sve2", "bf16")  # fmt: skip
VARIABLES = (
    "MAMBATRACK_BACKEND",
    "MAMBATRACK_CPU",
    "MAMBATRACK_OFFLINE",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
)
OTHER_NAMES = {"opencv-python": ("opencv-python-headless", "opencv-contrib-python")}
SIZES = {  # of networks that see pictures, as their cards have them
    "detector": ("width", "neck", "side"), "embedder": ("width", "code", "rows", "columns"),
}  # fmt: skip
PIPED, NARROWEST = 100, 60  # columns of a line in a pipe, and of a terminal at least
NO_TORCH = "torch is not installed"
FOR_DEVELOPERS = "dev"  # the extra that is not offered
REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*?extra\s*==\s*['\"]([\w-]+)['\"])?")


@dataclass(frozen=True)
class Section:
    """A table of texts: title, headings, and rows with a cell for each heading."""

    title: str
    headings: Cells
    rows: tuple[Cells, ...]


@dataclass(frozen=True)
class Info:
    """All sections, in the order of SECTIONS."""

    sections: tuple[Section, ...]

    def __getitem__(self, title: str) -> Section:
        """The section of that title."""
        return {each.title: each for each in self.sections}[title]

    def tables(self) -> "list[Table]":
        """For rich.print."""
        from rich.box import SIMPLE_HEAD
        from rich.markup import escape
        from rich.table import Table

        tables = []
        for section in self.sections:
            table = Table(
                *section.headings, title=section.title, box=SIMPLE_HEAD, title_justify="left"
            )
            for column in table.columns:
                column.overflow = "fold"  # nothing is left out
            table.columns[0].no_wrap = True
            for row in section.rows:
                table.add_row(*(escape(cell) for cell in row))
            tables.append(table)
        return tables

    def as_json(self) -> dict[str, Any]:
        """title -> rows, each a dictionary by heading."""
        return {
            section.title: [dict(zip(section.headings, row, strict=True)) for row in section.rows]
            for section in self.sections
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace, config: Config) -> int:
    """Prints the tables, or JSON."""
    from mambatrack.evaluation.tables import show

    found = info()
    if options.json:
        print(json.dumps(found.as_json(), indent=1))
        return OK
    width = shutil.get_terminal_size((PIPED, 0)).columns
    for table in found.tables():
        show(table, max(width, NARROWEST))
    return OK


def info() -> Info:
    """Versions, machine, devices, backends, weights, detectors, licences, extras of this place."""
    return Info(tuple(_section(*each) for each in SECTIONS))


def _section(title: str, headings: Cells, find: Callable[[], Iterable[Cells]]) -> Section:
    try:
        rows = tuple(find())
    except Exception as error:  # a broken package must not hide what the others say
        reason = str(error).splitlines() or [""]
        rows = ((f"{type(error).__name__}: {reason[0]}", *[""] * (len(headings) - 1)),)
    return Section(title, headings, rows)


def _versions() -> Iterable[Cells]:
    yield "mambatrack", VERSION
    yield "Python", platform.python_version()
    for package in dict.fromkeys(name for extra, name in _requirements() if not extra):
        yield package, _version(package) or "not installed"


def _machine() -> Iterable[Cells]:
    yield "machine", machine()
    yield "instructions", ", ".join(_cpu_features()) or "unknown"
    for name in VARIABLES:
        if name in os.environ:
            yield name, os.environ[name]


def _cpu_features() -> list[str]:
    """Those of FEATURES that Linux reports; elsewhere what torch would use."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        import torch

        return [torch.backends.cpu.get_cpu_capability()]
    lines = (line.partition(":") for line in text.splitlines())
    held = next(
        (set(rest.split()) for name, _, rest in lines if name.strip() in ("flags", "Features")),
        set(),
    )
    return [name for name in FEATURES if name in held]


def _devices() -> Iterable[Cells]:
    try:
        import torch
    except ModuleNotFoundError:
        yield "cpu", _c_library()
        yield "cuda", f"none; {NO_TORCH}"
        return
    yield "cpu", f"torch: {torch.backends.cpu.get_cpu_capability()}, {_c_library()}"
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        memory = found.total_memory / 2**30
        yield f"cuda:{index}", f"{found.name}, {memory:.0f} GiB, sm_{found.major}{found.minor}"
    if not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        yield "cuda", f"none; torch {torch.__version__} was built {built}"


def _c_library() -> str:
    try:
        from mambatrack.kernels.cpu import library
    except ImportError as error:
        return f"no C library: {error}"
    return f"C library: {library.why_not() or library.variant()}"


def _backends() -> Iterable[Cells]:
    try:
        from mambatrack.kernels import explain_backends
    except ModuleNotFoundError:
        return [("all, inference", "cpu", "cpu", f"{NO_TORCH}; {_c_library()}")]
    return explain_backends()


def _weights() -> Iterable[Cells]:
    for name in NEEDED_FOR:
        path = WEIGHTS / f"{name}.safetensors"
        try:
            card = parse_card(path.with_suffix(".json"))
            network = _network(card["architecture"])
        except (OSError, ValueError, KeyError) as error:
            yield path.name, f"no model card: {error}", ""
            continue
        present = path.name if path.is_file() else f"{path.name} is missing"
        yield present, network, ", ".join(card.get("data", []))


def _network(size: dict) -> str:
    kind = size.get("kind", "window")
    told = SIZES.get(kind, ("d_model", "layers", "d_state"))
    return ", ".join([kind, *(f"{name} {size[name]}" for name in told)])


def _detectors() -> Iterable[Cells]:
    from mambatrack.detectors import automatic
    from mambatrack.detectors.download import cache_folder

    models, cached = automatic.models_by_size(), automatic.cached_model()
    yield "cache", str(cache_folder())
    if cached is not None:
        yield "auto, the default", f"{cached.name}, from the cache"
    elif reason := automatic.why_not_asked():
        yield "auto, the default", f"own, as {reason}"
    else:
        yield "auto, the default", f"{models[0].name}, fetched first; own where that fails"
    for model in models:
        there = "in the cache" if automatic.is_cached(model) else "not in the cache"
        yield model.name, f"{there}, {model.size / 1e6:.1f} MB"


def _extras() -> Iterable[Cells]:
    extras: dict[str, list[str]] = {}
    for extra, package in _requirements():
        if extra not in ("", FOR_DEVELOPERS):
            extras.setdefault(extra, []).append(package)
    for extra, packages in extras.items():
        versions = {package: _version(package) for package in packages}
        held = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
        complete = all(versions.values())
        yield extra, held, "" if complete else f"pip install 'mambatrack[{extra}]'"


def _requirements() -> list[tuple[str, str]]:
    """(extra or empty, package) of everything that this installation names."""
    found = []
    try:
        lines = importlib.metadata.requires("mambatrack") or []
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        lines = []
    for line in lines:
        match = REQUIREMENT.match(line)
        if match:
            found.append((match[2] or "", match[1]))
    return found


def _version(package: str) -> str:
    """Empty where it is not installed."""
    for name in (package, *OTHER_NAMES.get(package, ())):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


SECTIONS: tuple[tuple[str, Cells, Callable[[], Iterable[Cells]]], ...] = (
    ("Versions", ("package", "version"), _versions),
    ("Machine", ("what", "is"), _machine),
    ("Devices", ("device", "what"), _devices),
    ("Backends", ("operation", "device", "backend", "why"), _backends),
    ("Shipped weights", ("file", "network", "trained on"), _weights),
    ("Detectors", ("name", "what"), _detectors),
    ("Commercial use", ("part", "needed for", "free for commercial use"), licence_rows),
    ("Extras", ("extra", "installed", "to install"), _extras),
)
INFO = Command(
    "info", "print versions, devices, backends, detectors, licences, extras", add_arguments, run
)
