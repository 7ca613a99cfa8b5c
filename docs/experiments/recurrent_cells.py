"""The cells that cells.py compares, in the causal predictor's block.

    python docs/experiments/recurrent_cells.py

prints for each how many numbers it has and carries, and by how much reading a piece at once and
token by token differ.
"""

import argparse
import math
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.kernels import selective_scan
from mambatrack.kernels.reference import token_mask
from mambatrack.networks.causal import DT_RANGE, CausalBlock, CausalMotionPredictor
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.units import OUTPUTS, TOKEN

WIDTH, STATES = 32, 8  # of the network that ships
HEADS = 4  # of the cells with one decay a head


class Cell(nn.Module):
    """A block as mamba.MambaBlock with another scan. ``scan`` reads x [B, L, D] of which ``valid``
    [B, L, 1] count -> y [B, L, D] and the flat state after the last; ``advance`` one more x [B, D].
    """

    state_size = 0

    def __init__(self, d_model: int, d_conv: int = 4):
        super().__init__()
        d_inner = 2 * d_model
        plain = MambaBlock(d_model, 1, d_conv)
        self.in_x, self.in_z, self.out = plain.in_x, plain.in_z, plain.out
        self.conv, self.conv_bias, self.D = plain.conv, plain.conv_bias, plain.D
        self.reverse, self.d_inner = False, d_inner

    convolve = MambaBlock._convolve

    def encode(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As MambaBlock.encode; the state is flat, [B, 1, state_size]."""
        inputs, past = self.in_x(tokens), len(self.conv) - 1
        valid = token_mask(lengths, *tokens.shape[:2], tokens.device)[..., None]
        x = F.silu(self.convolve(inputs)) * valid
        y, state = self.scan(x, valid, lengths)
        newest = lengths[:, None] + torch.arange(past)
        newest = newest[..., None].expand(-1, -1, self.d_inner)
        tail = F.pad(inputs, (0, 0, past, 0)).gather(1, newest)
        return self._leave(y, x, tokens), tail, state[:, None]

    def step(self, token: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = torch.cat([tail, self.in_x(token)[:, None]], dim=1)
        x = F.silu((inputs * self.conv).sum(1) + self.conv_bias)
        y, after = self.advance(x, state[:, 0])
        return self._leave(y, x, token), inputs[:, 1:], after[:, None]

    def _leave(self, y: Tensor, x: Tensor, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.out((y + self.D * x) * F.silu(self.in_z(tokens))))

    def scan(self, x: Tensor, valid: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class Stateless(Cell):
    """Nothing is carried but the convolution's last inputs."""

    def scan(self, x: Tensor, valid: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x), x.new_zeros(len(x), 0)

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x), state


class MinGRU(Cell):
    """h = (1 - z) h + z W x with z = sigmoid(V x) (Feng et al., arXiv 2410.01201)."""

    def __init__(self, d_model: int):
        super().__init__(d_model)
        self.state_size = self.d_inner
        self.gate, self.value = (nn.Linear(self.d_inner, self.d_inner) for _ in range(2))
        low, high = (math.log(each) for each in DT_RANGE)  # memories as long as those of the scans
        kept = torch.exp(torch.empty(self.d_inner).uniform_(low, high))
        self.gate.bias = nn.Parameter(torch.log(torch.expm1(kept)))

    def scan(self, x: Tensor, valid: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """As a selective scan: 1 - z is exp(-softplus(V x))."""
        gate = self.gate(x)
        inflow = self.value(x) * torch.sigmoid(gate) / F.softplus(gate)
        once = x.new_ones(*x.shape[:2], 1)
        y, state = selective_scan(
            inflow, gate, -x.new_ones(self.d_inner, 1), once, once, dt_softplus=True,
            lengths=lengths, return_final_state=True,
        )  # fmt: skip
        return y, state.flatten(1)

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        after = torch.lerp(state, self.value(x), torch.sigmoid(self.gate(x)))
        return after, after


class ScalarDecay(Cell):
    """One decay a head, h = exp(dt A) h + dt B x, y = C h (Dao and Gu, arXiv 2405.21060).

    trapezoid: h = a h + (1 - l) dt a B' x' + l dt B x, with the token before (') and a share l that
    the token chooses;  rotation: pairs of states turn by dt times angles that the token chooses, so
    that the state is complex. Both after Mamba-3 (Lahoti et al.), whose norms and biases of B and C
    are left out, and with the convolution that it does without.
    """

    def __init__(self, d_model: int, states: int, trapezoid: bool = False, rotation: bool = False):
        super().__init__(d_model)
        self.trapezoid, self.rotation, self.states = trapezoid, rotation, states
        self.angles = states // 2 if rotation else 0
        self.parts = [HEADS, HEADS if trapezoid else 0, self.angles, states, states]
        self.select = nn.Linear(self.d_inner, sum(self.parts), bias=False)
        self.sizes = [HEADS * self.angles, HEADS * states if trapezoid else 0,
                      self.d_inner if trapezoid else 0, self.d_inner * states]  # fmt: skip
        self.state_size = sum(self.sizes)
        dt = torch.exp(torch.linspace(*(math.log(each) for each in DT_RANGE), HEADS))
        self.dt_bias = nn.Parameter(torch.log(torch.expm1(dt)))
        self.A_log = nn.Parameter(torch.zeros(HEADS))
        self.angle_bias = nn.Parameter(torch.logspace(0, math.log10(16), self.angles))

    def _selected(self, x: Tensor) -> tuple[Tensor, ...]:
        """dt, l [.., H], angle [.., H, N / 2], B, C [.., H, N]."""
        dt, share, angle, B, C = self.select(x).split(self.parts, dim=-1)
        dt = F.softplus(dt + self.dt_bias)
        angle = dt[..., None] * (angle + self.angle_bias)[..., None, :]
        B, C = (each[..., None, :].expand(*dt.shape, -1) for each in (B, C))
        return dt, torch.sigmoid(share) if self.trapezoid else torch.ones_like(dt), angle, B, C

    def scan(self, x: Tensor, valid: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        dt, share, angle, B, C = self._selected(x)
        dt, angle = dt * valid, angle * valid[..., None]
        phase = angle.cumsum(1)
        if self.rotation:
            B, C = _turned(B, phase), _turned(C, phase)
        decay = _decays((-torch.exp(self.A_log) * dt).mT)  # [B, H, L, L]
        waiting = F.pad(((1 - share) * dt)[:, 1:], (0, 0, 0, 1))
        weights = decay * (share * dt + waiting).mT[:, :, None] - torch.diag_embed(waiting.mT)
        value = x.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # [B, H, L, P]
        B, C = B.transpose(1, 2), C.transpose(1, 2)
        y = (weights * (C @ B.mT)) @ value
        # after the last token the decay is 1 and nothing flows in: the last row is the end
        state = (value * weights[:, :, -1, :, None]).mT @ B
        rows, last = torch.arange(len(x)), lengths - 1
        kept = [phase[rows, last], B[rows, :, last], x[rows, last], state]
        return y.transpose(1, 2).flatten(2), self._packed(kept)

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        dt, share, angle, B, C = self._selected(x)
        phase, before, inflow, old = state.split(self.sizes, dim=1)
        phase = phase.unflatten(1, angle.shape[1:]) + angle
        if self.rotation:
            B, C = _turned(B, phase), _turned(C, phase)
        value = x.unflatten(-1, (HEADS, -1))
        old = old.unflatten(1, (*value.shape[1:], self.states))
        if self.trapezoid:
            waited = ((1 - share) * dt)[..., None] * inflow.view_as(value)
            old = old + waited[..., None] * before.view_as(B)[:, :, None]
        decay = torch.exp(-torch.exp(self.A_log) * dt)[..., None, None]
        new = decay * old + ((share * dt)[..., None] * value)[..., None] * B[:, :, None]
        y = (new @ C[..., None])[..., 0].flatten(1)
        return y, self._packed([phase, B, x, new])

    def _packed(self, kept: list[Tensor]) -> Tensor:
        """What of phase, B, x and state [B, ..] this cell carries, flat."""
        parts = zip(kept, self.sizes, strict=True)
        return torch.cat([each.flatten(1)[:, :size] for each, size in parts], dim=1)


def _decays(logs: Tensor) -> Tensor:
    """[.., L] logs of decays -> [.., L, L] what is left at t of what came at s, 0 before."""
    total = logs.cumsum(-1)
    between = total[..., :, None] - total[..., None, :]
    later = torch.ones(between.shape[-2:], dtype=torch.bool).triu(1)
    return torch.exp(between.masked_fill(later, -torch.inf))


def _turned(x: Tensor, phase: Tensor) -> Tensor:
    """x [.., N], the first half of each pair and then the second, by phase [.., N / 2]."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = torch.cos(phase), torch.sin(phase)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


CELLS: dict[str, Callable[[int], nn.Module]] = {
    **{f"S6, {n} states": lambda width, n=n: MambaBlock(width, n, dt_range=DT_RANGE)
       for n in (2, 4, 8, 16, 32, 64)},
    "scalar decay, 16": lambda width: ScalarDecay(width, 16),
    "trapezoid, 16": lambda width: ScalarDecay(width, 16, trapezoid=True),
    "trapezoid, 16, rotation": lambda width: ScalarDecay(width, 16, True, True),
    "minGRU": MinGRU,
    "none": Stateless,
}  # fmt: skip


class Network(CausalMotionPredictor):
    """The predictor with this cell in its blocks, and an MLP of this width."""

    def __init__(self, cell: str, width: int, hidden: int, outputs: int = OUTPUTS):
        super().__init__(width, 1, 1, outputs=outputs)
        for block in self.blocks:
            assert isinstance(block, CausalBlock)
            block.mamba = cast(MambaBlock, CELLS[cell](width))
            block.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        made = block.mamba
        state = (2 * width, made.d_state) if isinstance(made, MambaBlock) else (1, made.state_size)
        self.shapes = (self.shapes[0], state)


def equal_network(cell: str, outputs: int = OUTPUTS) -> Network:
    """The network of about the weights of ours: the even width that comes nearest, then the MLP."""
    goal = weights_of(CausalMotionPredictor(WIDTH, 1, STATES, outputs=outputs))
    widths = range(WIDTH // 2, 2 * WIDTH, 2)
    missing = {w: goal - weights_of(Network(cell, w, 2 * w, outputs)) for w in widths}
    width = min(widths, key=lambda w: abs(missing[w]))
    return Network(cell, width, 2 * width + round(missing[width] / (2 * width + 1)), outputs)


def weights_of(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def carried(model: Network) -> int:
    """Numbers that a track carries on."""
    return sum(math.prod(each) for each in model.shapes)


@torch.no_grad()
def difference(model: Network) -> float:
    """The largest between reading at once and token by token, of outputs and of what is carried."""
    lengths = torch.tensor([12, 7, 1])
    tokens = torch.randn(len(lengths), 12, TOKEN)
    at_once, last = model(tokens, lengths)
    worst = 0.0
    for row, length in enumerate(lengths.tolist()):
        state = torch.zeros(1, carried(model))
        for place in range(length):
            said, state = model.step(tokens[row : row + 1, place], state)
            worst = max(worst, float((said[0] - at_once[row, place]).abs().max()))
        worst = max(worst, float((state[0] - last[row]).abs().max()))
    return worst


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.manual_seed(0)
    print("| cell | width | weights | carried | difference |\n|---|---|---|---|---|")
    for cell in CELLS:
        model = equal_network(cell)
        told = (cell, model.embed.out_features, weights_of(model), carried(model))
        print(f"| {' | '.join(map(str, told))} | {difference(model):.1e} |")


if __name__ == "__main__":
    main()
