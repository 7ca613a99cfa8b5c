"""Errors and warnings that a user can act on; the command line prints each as one line."""

import importlib.util
import reprlib
import warnings
from collections.abc import Iterable

PACKAGES = {
    "eval": ("trackeval",),
    "plot": ("matplotlib",),
    "tune": ("optuna",),
    "ray": ("ray",),
    "rerun": ("rerun-sdk",),
    "web": ("fastapi", "uvicorn", "websockets"),
}  # of extras that a command knows to need before any work
MODULES = {"rerun-sdk": "rerun"}  # of packages of another name


class MambatrackError(ValueError):
    """Says what was seen, what was expected and what to do."""


class MissingExtra(MambatrackError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'mambatrack[{extra}]'"
        )


def check_extras(extras: Iterable[str]) -> None:
    """Raises MambatrackError that names all packages of these extras that are not installed."""
    wanted = [(extra, package) for extra in extras for package in PACKAGES[extra]]
    missing = [pair for pair in wanted if not _is_installed(MODULES.get(pair[1], pair[1]))]
    if missing:
        names = ", ".join(package for _, package in missing)
        once = ",".join(dict.fromkeys(extra for extra, _ in missing))
        raise MambatrackError(
            f"this needs packages that are not installed ({names}): "
            f"pip install 'mambatrack[{once}]'"
        )


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def shown(value: object) -> str:
    """A value as a message shows it: on one line, short whatever it is."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    try:
        return " ".join(short.repr(value).split())
    except ValueError:  # Python prints no number of thousands of digits
        return f"a value of type {type(value).__name__} that is too long to print"


def counted(number: int, noun: str) -> str:
    """The number and what it counts: ``1 frame``, ``2 frames``, ``2 boxes``."""
    plural = "es" if noun.endswith(("x", "s", "ch", "sh")) else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, without its name."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def complain(message: str, strict: bool = False) -> None:
    """A warning, or with ``strict`` an error."""
    if strict:
        raise MambatrackError(f"{message} (--strict)")
    warnings.warn(message, stacklevel=3)
