"""Errors and warnings that a user can act on; the command line prints each as one line."""

import reprlib
import warnings


class MambatrackError(ValueError):
    """Says what was seen, what was expected and what to do."""


class MissingExtra(MambatrackError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'mambatrack[{extra}]'"
        )


def shown(value: object) -> str:
    """A value as a message shows it: on one line, short whatever it is."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    try:
        return " ".join(short.repr(value).split())
    except ValueError:  # Python prints no number of thousands of digits
        return f"a value of type {type(value).__name__} that is too long to print"


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, without its name."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def complain(message: str, strict: bool = False) -> None:
    """A warning, or with ``strict`` an error."""
    if strict:
        raise MambatrackError(f"{message} (--strict)")
    warnings.warn(message, stacklevel=3)
