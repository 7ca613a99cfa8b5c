"""The causal predictor whose carried states stay on a GPU: a row of the table holds slot numbers.

Has not run on a GPU yet; it is tested on the CPU.
"""

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.motion.causal_predictor import GAP, HEAD, PENDING, CausalPredictor
from mambatrack.motion.predictor import Predictor, State

if TYPE_CHECKING:
    from mambatrack.networks.device_step import DeviceStep

MOST_SLOTS = 2**24  # float32 holds every number up to it
RESERVED = 2  # slots of DeviceStep that hold no track's state
A, B = HEAD, HEAD + 1

Indices = NDArray[np.int64]


class Owner(Protocol):
    """Who holds rows of the state from frame to frame: a Tracker."""

    def motion_states(self) -> list[State]:
        """All rows [N, S] that may be handed in again, as arrays."""
        ...


class DeviceCausalPredictor(CausalPredictor):
    """CausalPredictor with the same results, whose rows [17 + 2] hold the slots of A and B
    (device_step.py) in place of what these carry. A step writes into free slots, so rows may be
    copied as they are, and a copy costs nothing.

    A slot is free when no row has its number: where slots run out, the rows of all ``owners`` are
    looked through. So rows may be kept by owners only, and owners of one predictor run in one
    thread. copy.copy() gives one with the same slots and owners, as the trackers of a group have;
    copy.deepcopy() and pickle take the pool along, and the owners with it. A state file holds what
    other CausalPredictors write.
    """

    state_layout = "CausalPredictor/CausalStep"

    def __init__(self, network: "DeviceStep", spread: Any):
        super().__init__(network.step, spread)
        self.device_step, self.state_size = network, HEAD + 2
        self._slots = Slots(len(network.states))

    @property
    def owners(self) -> "WeakSet[Owner]":
        return self._slots.owners

    def saved(self, state: State) -> State:
        carried = [self.device_step.read(state[:, each].astype(np.int64)) for each in (A, B)]
        return np.concatenate([state[:, :HEAD], *carried], axis=1)

    def restored(self, saved: State) -> State:
        count = len(saved)
        state = np.zeros((count, self.state_size), np.float32)
        slots = self._take(2 * count, state)
        state[:, :HEAD], state[:, A], state[:, B] = saved[:, :HEAD], slots[:count], slots[count:]
        carried = saved[:, HEAD:].reshape(count, 2, self.carried).swapaxes(0, 1)
        self.device_step.write(slots, np.ascontiguousarray(carried.reshape(-1, self.carried)))
        return state

    def _feed(self, state: State) -> State:
        """Feeds every pending token; A and B become the slots of what was written."""
        gaps = state[:, GAP]
        before = np.where(gaps >= 2, state[:, B], state[:, A]).astype(np.int64)
        (moving,) = (gaps < self.horizon).nonzero()
        after = np.zeros(len(state), np.int64)
        after[moving] = self._take(len(moving), state)
        outputs = self.device_step(state[:, PENDING], before, after)
        state[moving, np.where(gaps[moving] == 0, A, B)] = after[moving]
        return outputs

    def _take(self, count: int, state: State) -> Indices:
        """So many slots that neither ``state`` nor the rows of an owner hold."""
        if count > self._slots.free:
            held = [state, *(rows for owner in self.owners for rows in owner.motion_states())]
            self._slots.sweep(np.concatenate([each[:, A:].ravel() for each in held]))
            wanted = self._slots.wanted(count)
            if wanted > self._slots.count:
                self.device_step.grow(wanted)  # first, as memory may run out
                self._slots.grow(wanted)
        return self._slots.take(count)


class Slots:
    """Which places of a pool are free. owners: whose rows have the numbers of the others"""

    def __init__(self, count: int):
        self.count = count
        self.owners: WeakSet[Owner] = WeakSet()
        self._free = np.arange(RESERVED, count)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "owners": list(self.owners)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, owners=WeakSet(state["owners"]))

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self, count: int) -> Indices:
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def sweep(self, held: NDArray) -> None:
        """Only the slots ``held`` [.] are in use."""
        used = np.zeros(self.count, bool)
        used[:RESERVED] = True
        used[held.astype(np.int64)] = True
        (self._free,) = (~used).nonzero()

    def wanted(self, count: int) -> int:
        """How many slots let half of them, and at least ``count``, be free: as many as there are,
        or twice, four times, ... MambatrackError for more than a row can name."""
        held, wanted = self.count - self.free, self.count
        while wanted - held < max(count, wanted // 2):
            wanted *= 2
        if wanted > MOST_SLOTS:
            raise MambatrackError(
                f"{held} states of tracks are held at once; expected at most {MOST_SLOTS // 2}: "
                "fewer tracks or trackers on one GPU"
            )
        return wanted

    def grow(self, count: int) -> None:
        """So many slots from now on; the further ones are free."""
        self._free = np.concatenate([self._free, np.arange(self.count, count)])
        self.count = count


def resident(predictor: Predictor) -> Predictor:
    """The predictor of a Tracker: that of a causal network on a GPU with its states there, any
    other one as it is."""
    if type(predictor) is not CausalPredictor or getattr(predictor.network, "device", "") != "cuda":
        return predictor
    from mambatrack.networks.causal_step import CausalStep
    from mambatrack.networks.device_step import DeviceStep

    assert isinstance(predictor.network, CausalStep)
    return DeviceCausalPredictor(DeviceStep(predictor.network), predictor.spread)


def note_owner(predictor: Predictor, owner: Owner) -> None:
    """The owner keeps rows of this predictor's state."""
    if isinstance(predictor, DeviceCausalPredictor):
        predictor.owners.add(owner)
