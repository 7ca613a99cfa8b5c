"""Training in several processes, as torchrun starts them: who a process is, and sums over all.

Gradients are added up by one all_reduce of all of them instead of DistributedDataParallel: each
process weights its part of the loss by what it holds of the batch, which DDP's division by the
number of processes would undo; a rollout calls the network several times before its one backward;
and so small a network fits one message. The NCCL path has not been run on GPUs yet.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from mambatrack.errors import MambatrackError


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together.

    rank: which one this is, from 0;  count: how many there are;  device: where this one computes
    """

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def first(self) -> bool:
        """Whether this is the one that reports and writes files."""
        return self.rank == 0

    def share(self, size: int) -> slice:
        """The rows of a batch of ``size`` that are this process's; shares differ by one at most."""
        return slice(self.rank * size // self.count, (self.rank + 1) * size // self.count)

    def add_up(self, values: Tensor) -> None:
        """Replaces ``values`` by their sum over all processes."""
        if self.count == 1:
            return
        try:
            dist.all_reduce(values)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise MambatrackError(
                "another process has ended, so this one ends too; torchrun names the one that "
                f"failed first ({reason})"
            ) from None

    def agree(self, number: int) -> bool:
        """Whether all hold the same number; False in one process at least where they do not."""
        total = torch.tensor([number], device=self.device)
        self.add_up(total)
        return int(total) == number * self.count

    def add_up_gradients(self, model: torch.nn.Module, loss: float) -> float:
        """Sums the gradients of the parts of a loss, in place; returns the sum of the parts."""
        if self.count == 1:
            return loss
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        own = torch.tensor([loss], device=self.device)
        sums = torch.cat([own, *(each.reshape(-1) for each in gradients)])
        self.add_up(sums)
        parts = sums[1:].split([each.numel() for each in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return float(sums[0])


def refuse_several(what: str) -> None:
    """Raises MambatrackError in the processes of torchrun, for what trains in one."""
    if (count := _number("WORLD_SIZE", 1)) > 1:
        raise MambatrackError(
            f"{what} trains in one process, and torchrun started {count}; start it without torchrun"
        )


def is_first_process() -> bool:
    """False in all but one of the processes that torchrun started."""
    return _number("RANK", 0) == 0


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Connects the processes that torchrun started: by NCCL with a GPU for each, else by Gloo.

    Who is who comes from torchrun's environment (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
    MASTER_PORT); without it, or with one process, there is nothing to connect.
    device: cpu or cuda. Raises MambatrackError where the processes cannot find each other or their
    GPUs; errors raised inside say whose they are.
    """
    rank, count = _number("RANK", 0), _number("WORLD_SIZE", 1)
    if count == 1:
        yield Processes(device=torch.device(device))
        return
    try:
        own = own_device(device, _number("LOCAL_RANK", rank))
        _connect("nccl" if own.type == "cuda" else "gloo")
        try:
            yield Processes(rank, count, own)
        finally:
            dist.destroy_process_group()
    except MambatrackError as error:
        raise MambatrackError(f"process {rank} of {count}: {error}") from None


def own_device(device: str, local_rank: int) -> torch.device:
    """The device of the process that is number ``local_rank`` on this machine."""
    if device != "cuda":
        return torch.device(device)
    gpus = torch.cuda.device_count()
    if local_rank >= gpus:
        raise MambatrackError(
            f"each process needs its own GPU, and this machine has {gpus}; start that many with "
            "--nproc-per-node, or use --tracker.device cpu"
        )
    own = torch.device("cuda", local_rank)
    torch.cuda.set_device(own)
    return own


def _connect(backend: str) -> None:
    if not dist.is_available():
        raise MambatrackError("this build of torch has no torch.distributed; train in one process")
    try:
        dist.init_process_group(backend)
    except (ValueError, RuntimeError) as error:
        raise MambatrackError(
            f"WORLD_SIZE asks for several processes, but they do not find each other ({error}); "
            "start them with torchrun, or unset WORLD_SIZE"
        ) from None


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise MambatrackError(f"the environment variable {name} is {text!r}, expected a number")
    return int(text)
