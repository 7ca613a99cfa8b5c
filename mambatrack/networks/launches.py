"""What a GPU is asked to start, counted on any device."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# they start nothing, or look at numbers, which is done on a CPU alone
SILENT = ("empty", "_unsafe_view", "lift_fresh", "aminmax", "item", "_local_scalar_dense")


class Launches(TorchDispatchMode):
    """seen: names of the operations so far that start at least one kernel; a fused one is one."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, result = func.name().partition("::")[2], func(*args, **(kwargs or {}))
        viewed = func.is_view and (not isinstance(result, Tensor) or _shared(result, args[0]))
        if not viewed and not name.startswith(SILENT):
            self.seen.append(name)
        return result


def _shared(result: Tensor, given: Tensor) -> bool:
    """Whether what may be a view is one."""
    return result.untyped_storage().data_ptr() == given.untyped_storage().data_ptr()


def launches(work: Callable[[], object]) -> int:
    """Of one call of ``work``."""
    with Launches() as all_of_it:
        work()
    return len(all_of_it.seen)
