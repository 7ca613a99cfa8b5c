"""Embedders by name."""

from mambatrack.appearance.colour import colour_embedder
from mambatrack.appearance.embedder import Embedder
from mambatrack.errors import MambatrackError


def open_embedder(name: str) -> Embedder:
    """colour. Raises MambatrackError for another name."""
    if name == "colour":
        return colour_embedder()
    raise MambatrackError(f"unknown embedder {name!r}; known: colour")
