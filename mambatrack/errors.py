"""Errors that a user can act on; the command line prints them as one line."""


class MambatrackError(ValueError):
    """Says what was seen, what was expected and what to do."""


class MissingExtra(MambatrackError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'mambatrack[{extra}]'"
        )
