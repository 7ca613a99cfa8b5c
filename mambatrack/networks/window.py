"""The window motion predictor in torch: a bi-directional Mamba over the newest boxes of a track.

Source: the MTP of MambaTrack (Xiao et al., ACM MM 2024, arXiv 2408.09178), section 3.2.
"""

from typing import TYPE_CHECKING, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.kernels import bi_conv_silu, bi_selective_scan, choose_backend
from mambatrack.kernels.reference import token_mask
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.units import IMAGE_UNITS, INPUT_LIMIT, UNITS

if TYPE_CHECKING:  # triton is there where a GPU is
    from mambatrack.kernels.gpu.layers import EndWeights, MlpWeights

SELECT_STEP = 16  # floats; rows that begin at multiples of it are read in whole vectors on a GPU


class BothDirections(NamedTuple):
    """The weights of a block's two MambaBlocks, stacked, from left to right first.

    enter [4 D, d_model]: inputs of the convolutions, then the gates; conv [2, K, D];
    select [2, D, S], to B, C and dt's ranks, filled up with zeros to a multiple of SELECT_STEP; dt
    [2, D, R]; A [2, D, N]; conv_bias, dt_bias, skip [2, D]. dt and A lie in memory as the kernels
    for a GPU read them, [.., R, D] and [.., N, D].
    """

    enter: Tensor
    conv: Tensor
    conv_bias: Tensor
    select: Tensor
    dt: Tensor
    dt_bias: Tensor
    A: Tensor
    skip: Tensor


class BiMambaBlock(nn.Module):
    """Y = Mamba_f(X) + Mamba_b(X);  X' = Y + LN(MLP(Y)).

    Source: MambaTrack, equations 3 to 5. The backward branch reads right to left in place, which
    equals flipping its input and flipping its output back. On a GPU both branches run together, in
    six launches once the weights are frozen, or, where the block is small, all of it in five (not
    run on a GPU yet); on a CPU one after the other, as stacking them costs more than it saves.
    """

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2):
        super().__init__()
        self.left_to_right = MambaBlock(d_model, d_state, d_conv, expand)
        self.right_to_left = MambaBlock(d_model, d_state, d_conv, expand, reverse=True)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, 2 * d_model), nn.GELU(), nn.Linear(2 * d_model, d_model)
        )
        self.norm = nn.LayerNorm(d_model)
        self._frozen: BothDirections | None = None
        self._leave: tuple[Tensor, MlpWeights] | None = None

    def forward(self, tokens: Tensor, lengths: Tensor, valid: Tensor | None = None) -> Tensor:
        """tokens [B, L, d_model], zero after ``lengths`` [B] -> the same shape, padding zero.
        valid: [B, L, 1], which tokens count, where the caller has it."""
        if tokens.is_cuda and self._leave is not None:
            return self.fused(tokens, lengths)
        if tokens.is_cuda:
            y = self.together(tokens, lengths)
        else:
            y = self.left_to_right(tokens, lengths) + self.right_to_left(tokens, lengths)
        y = y + self.norm(self.mlp(y))
        if valid is None:
            valid = token_mask(lengths, y.shape[0], y.shape[1], y.device)[..., None]
        return y * valid

    def together(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The sum Y of both branches by the kernels for both directions, shapes as in forward."""
        left, right = self._scanned(tokens, lengths).flatten(1, 2)
        leave = self.right_to_left.out.weight.T
        return torch.addmm(self.left_to_right.out(left), right, leave).view_as(tokens)

    def fused(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """forward of a frozen block by kernels alone."""
        from mambatrack.kernels.gpu.window import leave_block

        assert self._leave is not None
        y = self._scanned(tokens, lengths)
        return leave_block(*self._leave, y, lengths, self.norm.eps)

    def _scanned(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What both scans give, after their gates [2, B, L, D]."""
        w = self._frozen or self._stacked()
        (batch, length, _), (_, rank) = tokens.shape, w.dt.shape[1:]
        x, z = F.linear(tokens, w.enter).unflatten(2, (2, 2, -1)).permute(2, 3, 0, 1, 4)
        x = bi_conv_silu(x, w.conv, w.conv_bias, lengths)
        selected = (x.flatten(1, 2) @ w.select).unflatten(1, (batch, length))
        states = w.A.shape[2]
        B, C, dt = selected[..., : 2 * states + rank].split([states, states, rank], dim=3)
        y = bi_selective_scan(
            x, dt, w.A, B, C, w.skip, z=z, dt_bias=w.dt_bias, dt_softplus=True, lengths=lengths,
            dt_weight=w.dt,
        )  # fmt: skip
        assert isinstance(y, Tensor)
        return y

    def freeze(self) -> None:
        """Stacks the weights once for all later calls, until train() or eval(): without gradients,
        and blind to what happens to the parameters meanwhile."""
        with torch.no_grad():
            self._frozen = self._stacked()
            self._leave = self._leave_weights()

    def train(self, mode: bool = True) -> "BiMambaBlock":
        self._frozen = self._leave = None
        return super().train(mode)

    @property
    def small(self) -> bool:
        """Whether fused() is to be had."""
        return self._leave is not None

    def _leave_weights(self) -> "tuple[Tensor, MlpWeights] | None":
        """None where the kernel is not to be had, or would cost more than it saves."""
        both = (self.left_to_right.out.weight, self.right_to_left.out.weight)
        if choose_backend("auto", both[0].detach()) != "triton":
            return None
        from mambatrack.kernels.gpu.window import WIDEST
        from mambatrack.networks.fused_weights import mlp_weights

        if len(both[0]) > WIDEST:
            return None
        leave = torch.stack([each.T for each in both]).contiguous()
        return leave, mlp_weights(self.mlp, self.norm)

    def _stacked(self) -> BothDirections:
        both = (self.left_to_right, self.right_to_left)
        return BothDirections(
            enter=torch.cat(
                [each.in_x.weight for each in both] + [each.in_z.weight for each in both]
            ),
            conv=torch.stack([each.conv for each in both]),
            conv_bias=torch.stack([each.conv_bias for each in both]),
            select=torch.stack([_selecting(each) for each in both]).mT,
            dt=torch.stack([each.dt.weight.T for each in both]).mT,
            dt_bias=torch.stack([each.dt.bias for each in both]),
            A=torch.stack([each.decay().T for each in both]).mT,
            skip=torch.stack([each.D for each in both]),
        )


def _selecting(mamba: MambaBlock) -> Tensor:
    """[S, D]: the rows of ``select``, in the order of BothDirections."""
    dt, B_and_C = mamba.select.weight.split([mamba.dt_rank, 2 * mamba.d_state])
    selecting = torch.cat([B_and_C, dt])
    return F.pad(selecting, (0, 0, 0, -len(selecting) % SELECT_STEP))


class MotionPredictor(nn.Module):
    """Past offsets of many tracks -> the next offset of each (MambaTrack, section 3.2).

    d_model, layers, d_state: width of the tokens, number of bi-Mamba blocks, state per channel.
    """

    def __init__(self, d_model: int = 64, layers: int = 3, d_state: int = 16):
        super().__init__()
        self.embed = nn.Linear(4, d_model)
        self.blocks = nn.ModuleList(BiMambaBlock(d_model, d_state) for _ in range(layers))
        self.head = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, 4))
        self._ends: EndWeights | None = None

    def forward(self, offsets: Tensor, lengths: Tensor) -> Tensor:
        """offsets [B, q, 4] of (cx, cy, w, h), normalised, oldest first, of which the first
        ``lengths`` [B] count -> next offset [B, 4]; a track without any offset stands still."""
        if offsets.is_cuda and self._ends is not None:
            return self.fused(offsets, lengths)
        valid = token_mask(lengths, offsets.shape[0], offsets.shape[1], offsets.device)[..., None]
        offsets = offsets.masked_fill(~valid, 0).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        tokens = self.embed(offsets) * valid
        for block in self.blocks:
            tokens = block(tokens, lengths, valid)
        pooled = tokens.sum(1) / lengths.clamp(min=1)[:, None]
        return self.head(pooled) * (lengths > 0)[:, None]

    def fused(self, offsets: Tensor, lengths: Tensor) -> Tensor:
        """forward of a small frozen network by kernels alone, five launches a block and two."""
        from mambatrack.kernels.gpu.window import enter_network, leave_network

        assert self._ends is not None
        tokens = enter_network(self._ends, offsets, lengths, INPUT_LIMIT)
        for block in self.blocks:
            tokens = cast(BiMambaBlock, block).fused(tokens, lengths)
        return leave_network(self._ends, tokens, lengths)

    def freeze(self) -> None:
        """As BiMambaBlock.freeze, for all of the network."""
        blocks = [cast(BiMambaBlock, each) for each in self.blocks]
        for block in blocks:
            block.freeze()
        if all(each.small for each in blocks):
            from mambatrack.networks.fused_weights import end_weights

            with torch.no_grad():
                self._ends = end_weights(self.embed, self.head)

    def train(self, mode: bool = True) -> "MotionPredictor":
        self._ends = None
        return super().train(mode)


def next_boxes(
    model: MotionPredictor,
    windows: Tensor,
    counts: Tensor,
    unit: str,
    image_size: Tensor | None = None,
) -> Tensor:
    """windows [B, q + 1, 4] cxcywh pixels, newest last, of which the last ``counts`` [B] hold
    boxes -> the boxes one frame on [B, 4]. Differentiable; unit as in window_offsets."""
    scale = offset_scale(windows, counts, unit, image_size)
    offsets, lengths = window_offsets(windows, counts, scale)
    return windows[:, -1] + model(offsets, lengths) * scale


def offset_scale(
    windows: Tensor, counts: Tensor, unit: str, image_size: Tensor | None = None
) -> Tensor:
    """Pixels per unit of offset, [B, 4]. image_size: [B, 2] or [2], width and height.

    unit "image": a 250th of the image's width and height, as DiffMOT and TrackSSM divide boxes by
    the image (the paper is silent); "box": a 20th of the side of a square as large as the track's
    boxes in the window, so that distance and resolution do not matter.
    """
    if unit == "image" and image_size is not None:
        return image_size.expand(windows.shape[0], 2).repeat(1, 2) / IMAGE_UNITS
    held = token_mask(counts, windows.shape[0], windows.shape[1], windows.device).flip(1)
    sizes = (windows[..., 2:] * held[..., None]).sum(1) / counts[:, None]
    return sizes.prod(1, keepdim=True).sqrt().expand(-1, 4) / UNITS


def window_offsets(windows: Tensor, counts: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Offsets between the boxes of each window, oldest first and padded at the end.

    windows [B, q + 1, 4], counts [B], scale [B, 4] -> offsets [B, q, 4], lengths [B].
    """
    steps = windows.diff(dim=1) / scale[:, None]
    lengths = counts - 1
    order = torch.arange(steps.shape[1], device=steps.device) + steps.shape[1] - lengths[:, None]
    order = order.clamp(max=steps.shape[1] - 1)[..., None].expand(-1, -1, 4)
    return steps.gather(1, order), lengths
