"""Named embedders of configs/embedders.yaml, fetched on first use."""

from dataclasses import dataclass
from pathlib import Path

from mambatrack.detectors.download import Published, cache_folder, fetch


@dataclass(frozen=True)
class NamedEmbedder:
    """files: the one that is opened, and those that lie beside it;  normalisation: of pixels"""

    name: str
    normalisation: str
    licence: str
    files: tuple[Published, ...]


def named_embedders() -> dict[str, NamedEmbedder]:
    """The entries of configs/embedders.yaml by name."""
    import yaml

    path = Path(__file__).parents[1] / "configs" / "embedders.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _entry(name, **entry) for name, entry in entries.items()}


def fetch_embedder(model: NamedEmbedder, folder: Path | None = None) -> Path:
    """The file to open, in ``folder``, by default embedders/ in the cache. Raises MambatrackError
    as download.fetch does."""
    place = folder or cache_folder() / "embedders"
    return [fetch(each, place) for each in model.files][0]


def _entry(name: str, normalisation: str, licence: str, files: list[dict]) -> NamedEmbedder:
    own = tuple(Published(name, licence, **each) for each in files)
    return NamedEmbedder(name, normalisation, licence, own)
