"""Memory that calls of the C library work in, kept from call to call."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.packing import address, aligned


class Memory(NamedTuple):
    """numbers [size] of one type from a cache line on, and where they lie."""

    numbers: NDArray
    at: int
    size: int


class Scratch:
    """As many memories as threads were in a call at once: each is for one call at a time."""

    def __init__(self, kind: type = np.float32):
        self._kind = kind
        self._free: list[Memory] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._kind,)

    def borrow(self, count: int) -> Memory:
        """Memory for ``count`` numbers that no other call uses; the next one may need more."""
        try:
            memory = self._free.pop()
        except IndexError:
            return self._new(count)
        return memory if memory.size >= count else self._new(2 * count)

    def give_back(self, *memories: Memory) -> None:
        """The next call may take them."""
        self._free += memories

    def _new(self, count: int) -> Memory:
        numbers: NDArray = aligned(count * np.dtype(self._kind).itemsize // 4).view(self._kind)
        return Memory(numbers, address(numbers), count)
