"""Whether a memory can be kept as it is asked for."""

from mambatrack.appearance.appearance import Appearance
from mambatrack.errors import MambatrackError
from mambatrack.settings import MemoryConfig, TrackerConfig


def checked_memory(
    memory: MemoryConfig | None, config: TrackerConfig, appearance: Appearance | None
) -> MemoryConfig | None:
    """The same, None where it keeps nothing. Raises MambatrackError where there is no embedder,
    where tracks are cut, whose ids a memory would give back, and for one that is shared, as this is
    of one tracker."""
    if memory is not None and memory.shared:
        raise MambatrackError(
            "memory.shared is for several sources that are tracked together: mambatrack live with "
            "several, or a TrackerGroup; results that are there are joined by mambatrack link"
        )
    if memory is None or not memory.seconds:
        return None
    if appearance is None:
        raise MambatrackError(
            "a memory (memory.seconds) knows people again by an embedder, and there is none; name "
            "one as --appearance (appearance.embedder)"
        )
    if config.caution > 0:
        raise MambatrackError(
            f"tracker.caution {config.caution:g} cuts tracks, and a memory (memory.seconds) joins "
            "them; use one of the two"
        )
    return memory


def checked_sharing(memory: MemoryConfig | None) -> bool:
    """Whether several trackers share one. Raises MambatrackError where there is none to share."""
    if memory is None or not memory.shared:
        return False
    if not memory.seconds:
        raise MambatrackError(
            "memory.shared shares a memory, and nothing is kept in it; give the seconds for which "
            "it keeps people, as --memory.seconds 600"
        )
    return True
