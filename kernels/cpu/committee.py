"""A committee of pair networks and their encoders in the C library: a call to score the pairs of a
table, and one to remember those that were chosen."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.kernels.cpu.packing import Floats, address, check_array, check_fit
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.kernels.cpu.scratch import Scratch

Indices = NDArray[np.int64]


class _Members(ctypes.Structure):
    """struct Members of committee.h."""

    _fields_ = [
        ("count", ctypes.c_int64),
        ("pairs", ctypes.c_void_p),
        ("encoders", ctypes.c_void_p),
        *[(name, ctypes.c_float) for name in ("code_limit", "match_odds", "birth_odds")],
    ]


class CommitteeNetwork:
    """Pair networks, each with the encoder of its histories; also of one member.

    code_size: floats of all codes of a track; memory_size: with what the encoders carry on
    code_limit: of every number of a code
    match_odds, birth_odds: lowest log-odds of a match, and of a detection that starts a track
    """

    def __init__(
        self,
        pairs: Sequence[PairsNetwork],
        encoders: Sequence[CausalNetwork],
        code_limit: float,
        match_odds: float = 0.0,
        birth_odds: float = 0.0,
    ):
        limits = code_limit, match_odds, birth_odds
        self._library, self._given = library(), (pairs, encoders, *limits)
        self.features, self.alone = pairs[0].features, pairs[0].alone
        self.code_size = sum(each.code_size for each in pairs)
        self.memory_size = self.code_size + sum(each.carried_size for each in encoders)
        pointers = ctypes.c_void_p * len(pairs)
        self._places = pointers(*(each.at for each in pairs)), pointers(*(e.at for e in encoders))
        self._members = _Members(len(pairs), *map(ctypes.addressof, self._places), *limits)
        self.at = ctypes.addressof(self._members)
        self.scratch = Scratch()
        self._remembering: dict[int, int] = {}  # floats of scratch memory, by the number of pairs

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses mean nothing in another process

    def scores(
        self,
        features: Floats,
        tracks: Indices,
        detections: Indices,
        memory: Floats,
        alone: Floats,
        sure_by: float | Floats = np.inf,
    ) -> tuple[Floats, Floats]:
        """Arguments as of PairsNetwork, memory [N, memory_size] of all tracks -> the log-odds
        of pairs [K] and of people [M]: the mean of all networks, or those of the first where it is
        sure by so many log-odds, of all pairs or [K] (association/exits.py)."""
        pairs, found = len(tracks), alone.shape[1]
        check_array("features", features, np.float32, (self.features, pairs))
        check_array("alone", alone, np.float32, (self.alone, found))
        check_array("tracks", tracks, np.int64, (pairs,))
        check_array("detections", detections, np.int64, (pairs,))
        check_array("memory", memory, np.float32, (len(memory), self.memory_size))
        odds, people = np.empty(pairs, np.float32), np.empty(found, np.float32)
        margins = np.full(max(found, 1), np.inf, np.float32)
        np.put(margins, detections, sure_by, mode="clip")  # C refuses a detection that is none
        sizes = pairs, len(memory), found
        scratch = self.scratch.borrow(self._library.score_floats(self.at, *sizes))
        wrong = self._library.committee_scores(
            self.at, scratch.at, scratch.size, *sizes, address(features), address(tracks),
            address(detections), address(memory), self.memory_size, address(alone),
            address(margins), address(odds), address(people),
        )  # fmt: skip
        self.scratch.give_back(scratch)
        check_fit(wrong)
        if wrong >= 0:
            raise ValueError(f"pair {wrong % pairs} is of no track or detection of the frame")
        return odds, people

    def remember(self, features: Floats, chosen: Indices, rows: Indices, memory: Floats) -> None:
        """The pairs chosen [C] of features [F, K] are the next tokens of the tracks rows [C], of
        which none is named twice: their memory [N, memory_size] changes in place."""
        count, pairs = len(chosen), features.shape[1]
        check_array("features", features, np.float32, (self.features, pairs))
        check_array("chosen", chosen, np.int64, (count,))
        check_array("rows", rows, np.int64, (count,))
        check_array("memory", memory, np.float32, (len(memory), self.memory_size), True)
        scratch = self.scratch.borrow(self.remembering(count))
        wrong = self._library.committee_remember(
            self.at, scratch.at, scratch.size, address(features), pairs, count,
            address(chosen), address(rows), len(memory), address(memory),
        )  # fmt: skip
        self.scratch.give_back(scratch)
        check_fit(wrong)
        if wrong >= 0:
            raise ValueError(f"choice {wrong % count} is of no pair or track of the frame")

    def remembering(self, count: int) -> int:
        """Floats of scratch memory for so many pairs that are remembered."""
        need = self._remembering.get(count)
        if need is None:
            need = self._remembering[count] = self._library.remember_floats(self.at, count)
        return need
