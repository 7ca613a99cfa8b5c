"""Where a tracker keeps its memory: in a gallery of its own, or in one of several trackers."""

from mambatrack.appearance.gallery import Gallery
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.memory import Memory, Others, nobody


class MemoryPlace:
    """memory: its settings, None where nothing is kept; width: numbers of a code"""

    def __init__(self, memory: MemoryConfig | None, width: int):
        self._settings, self._width = memory, width
        self._shared: Gallery | None = None
        self._source, self._others = 0, nobody

    def share(self, gallery: Gallery, source: int, others: Others) -> None:
        """From now on it is a gallery of several trackers, of which this one is number ``source``;
        others: gives the memories of the others."""
        self._shared, self._source, self._others = gallery, source, others

    def forget(self) -> None:
        """What this tracker put into a gallery of several."""
        if self._shared is not None:
            self._shared.forget_source(self._source)

    def memory(self) -> Memory | None:
        """A new one, in a new gallery or the shared one; None where nothing is kept."""
        settings = self._settings
        if settings is None:
            return None
        gallery = self._shared
        if gallery is None:
            gallery = Gallery(self._width, settings.size, settings.pictures)
        return Memory(settings, gallery, self._source, self._others)
