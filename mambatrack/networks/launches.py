"""What a GPU is asked to start, counted on any device."""

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

SILENT = ("aten::empty", "aten::_unsafe_view", "aten::lift_fresh")  # beside views, start nothing


class Launches(TorchDispatchMode):
    """count: operations so far that start at least one kernel, a fused one being one operation."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += not (func.is_view or func.name().startswith(SILENT))
        return func(*args, **(kwargs or {}))


def launches(work: Callable[[], object]) -> int:
    """Of one call of ``work``."""
    with Launches() as seen:
        work()
    return seen.count
