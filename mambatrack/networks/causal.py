"""The causal motion predictor in torch: one token per observation, state carried along.

The block of mamba.py without its backward branch, so that a new token changes nothing that was
computed before: a frame costs one step of the recurrence, whatever the length of the track.

A token [TOKEN] is the offset of cx, cy, w, h per frame in units of the box, log of the frames it
spans (0 without a gap), log(1 + frames unseen) (0 for an observation, more for a prediction that
is fed back), and log(w / h). The first token of a track has the offset 0.

With ``back`` tokens of look-back a block reads the newest ones from right to left too, and what
it makes of them is added to each token before the first block: bi-directional over a few tokens,
carried over the rest.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.kernels.reference import token_mask
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.units import INPUT_LIMIT, OUTPUTS, SIZE_WEIGHT, TOKEN, UNITS

FIRST_SCALE = -3.0  # log of a twentieth of the box
DT_RANGE = (0.02, 0.5)  # at the start; memories of up to 50 frames settle within a training piece


class CausalBlock(nn.Module):
    """Y = Mamba(X);  X' = Y + LN(MLP(Y)): MambaTrack's equations 3 to 5, forward branch only."""

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2):
        super().__init__()
        self.mamba = MambaBlock(d_model, d_state, d_conv, expand, dt_range=DT_RANGE)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, 2 * d_model), nn.GELU(), nn.Linear(2 * d_model, d_model)
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """tokens [B, L, d_model], zero after ``lengths`` [B] -> the same shape, padding zero; and
        tail and state as in MambaBlock.encode."""
        y, tail, state = self.mamba.encode(tokens, lengths)
        y = y + self.norm(self.mlp(y))
        mask = token_mask(lengths, y.shape[0], y.shape[1], y.device)
        return y * mask[..., None], tail, state

    def step(self, token: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One more token [B, d_model]."""
        y, tail, state = self.mamba.step(token, tail, state)
        return y + self.norm(self.mlp(y)), tail, state


class CausalMotionPredictor(nn.Module):
    """Tokens of many tracks -> the next offset of each, read out at the newest token, and how far
    the box may be from there: 4 offsets, then the log of the Laplace scale of cx, cy, w, h as a
    share of the box's width and height. After predictions that were fed back, the scale is that of
    all the frames since the last observation.

    The carried state of a track is flat, [R]: for each block the last d_conv - 1 inputs of its
    convolution, [d_conv - 1, d_inner], then the state of its scan, [d_inner, d_state], both row
    by row; with look-back also the last back - 1 tokens, oldest first. Zeros before the first
    token: where a track is younger than ``back``, the look-back reads tokens of zeros.
    """

    def __init__(self, d_model: int = 64, layers: int = 3, d_state: int = 16, back: int = 0,
                 inputs: int = TOKEN, outputs: int = OUTPUTS):  # fmt: skip
        super().__init__()
        self.back, self.inputs = back, inputs
        if back:
            self.right_to_left = MambaBlock(d_model, d_state, reverse=True, dt_range=DT_RANGE)
        self.embed = nn.Linear(inputs, d_model)
        self.blocks = nn.ModuleList(CausalBlock(d_model, d_state) for _ in range(layers))
        self.head = nn.Sequential(
            nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, outputs)
        )
        if outputs == OUTPUTS:
            nn.init.constant_(cast(nn.Linear, self.head[2]).bias[4:], FIRST_SCALE)
        d_conv, d_inner = 4, 2 * d_model  # of MambaBlock
        self.shapes = ((d_conv - 1, d_inner), (d_inner, d_state))
        self.kept = max(back - 1, 0)  # tokens carried for the next look back
        self.carried_size = layers * d_inner * (d_conv - 1 + d_state) + self.kept * inputs

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """tokens [B, L, TOKEN], of which the first ``lengths`` [B] count -> the outputs after each
        of them [B, L, OUTPUTS], and the carried state after the last one [B, R]."""
        mask = token_mask(lengths, tokens.shape[0], tokens.shape[1], tokens.device)[..., None]
        tokens = tokens.masked_fill(~mask, 0).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        recent = F.pad(tokens, (0, 0, self.kept, 0))
        hidden = self.enter(tokens, recent.unfold(1, max(self.back, 1), 1).mT) * mask
        carried = []
        for block in self.blocks:
            hidden, *state = block(hidden, lengths)
            carried += [each.flatten(1) for each in state]
        rows = lengths[:, None] + torch.arange(self.kept, device=tokens.device)
        carried.append(recent.gather(1, rows[..., None].expand(-1, -1, self.inputs)).flatten(1))
        return self.head(hidden) * mask, torch.cat(carried, dim=1)

    def step(self, token: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """One more token [B, TOKEN], carried [B, R] -> the outputs after it [B, OUTPUTS] and the
        new carried state; equal to forward over all tokens up to rounding."""
        token = token.clamp(-INPUT_LIMIT, INPUT_LIMIT)
        sizes = [a * b for a, b in self.shapes] * len(self.blocks)
        *parts, kept = carried.split([*sizes, self.kept * self.inputs], dim=1)
        recent = torch.cat([kept, token], dim=1)
        hidden = self.enter(token, recent.unflatten(1, (self.kept + 1, self.inputs)))
        after = []
        for index, block in enumerate(self.blocks):
            state = [
                part.unflatten(1, shape)
                for part, shape in zip(parts[2 * index : 2 * index + 2], self.shapes, strict=True)
            ]
            hidden, *state = cast(CausalBlock, block).step(hidden, *state)
            after += [each.flatten(1) for each in state]
        return self.head(hidden), torch.cat([*after, recent[:, self.inputs :]], dim=1)

    def enter(self, tokens: Tensor, recent: Tensor) -> Tensor:
        """What the first block reads, [..., d_model]: the tokens [..., TOKEN], embedded, and with
        look-back the mean of what the newest ones [..., back, TOKEN], oldest first, are from right
        to left; at the newest one alone, nothing would be known of the others."""
        hidden = self.embed(tokens)
        if not self.back:
            return hidden
        rows = self.embed(recent).flatten(0, -3)
        lengths = torch.full((rows.shape[0],), self.back, device=rows.device)
        return hidden + self.right_to_left(rows, lengths).mean(1).view_as(hidden)


def observed_tokens(boxes: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tokens of tracks that were not seen in every frame.

    boxes [B, T, 4] cxcywh pixels, seen [B, T] bool, at least one in each row -> tokens
    [B, T, TOKEN] of the seen boxes, oldest first and padded at the end; lengths [B]; frames
    [B, T], which of the T boxes each token is of; scale [B, T], pixels per unit at each token.
    """
    lengths = seen.sum(1)
    frames = (~seen).to(torch.uint8).argsort(dim=1, stable=True)
    last = frames.gather(1, lengths[:, None] - 1)
    counted = token_mask(lengths, len(frames), frames.shape[1], frames.device)
    frames = torch.where(counted, frames, last)
    boxes = boxes.gather(1, frames[..., None].expand(-1, -1, 4))
    scale = _running_size(boxes) / UNITS
    spans = frames.diff(dim=1, prepend=frames[:, :1]).clamp(min=1).to(boxes.dtype)
    offsets = boxes.diff(dim=1, prepend=boxes[:, :1]) / (spans * scale)[..., None]
    return as_tokens(offsets, spans, torch.zeros_like(spans), boxes), lengths, frames, scale


def as_tokens(offsets: Tensor, spans: Tensor, unseen: Tensor, boxes: Tensor) -> Tensor:
    """offsets [..., 4] per frame in units, spans and unseen [...] frames, boxes [..., 4]."""
    shape = torch.log(boxes[..., 2] / boxes[..., 3])
    features = torch.stack([torch.log(spans), torch.log1p(unseen), shape], dim=-1)
    return torch.cat([offsets, features], dim=-1)


def _running_size(boxes: Tensor) -> Tensor:
    """boxes [B, T, 4] -> side of a square as large as the box, averaged up to each [B, T]."""
    sides = boxes[..., 2:].prod(-1).sqrt().unbind(1)
    sizes = [sides[0]]
    for side in sides[1:]:
        sizes.append(sizes[-1] + SIZE_WEIGHT * (side - sizes[-1]))
    return torch.stack(sizes, dim=1)


class Rollout(NamedTuple):
    """boxes [B, K, 4] ahead and log_scales [B, K, 4] of their errors, as CausalMotionPredictor's;
    of the tokens: what follows each, outputs [B, T, OUTPUTS], and lengths, frames and scale as in
    observed_tokens."""

    boxes: Tensor
    log_scales: Tensor
    outputs: Tensor
    lengths: Tensor
    frames: Tensor
    scale: Tensor


def roll_out_causal(
    model: CausalMotionPredictor, boxes: Tensor, seen: Tensor, steps: int
) -> Rollout:
    """boxes [B, T, 4] and seen [B, T], the newest box seen -> the next ``steps`` boxes of each
    track, each from the ones before it."""
    tokens, lengths, frames, scale = observed_tokens(boxes, seen)
    outputs, carried = model(tokens, lengths)
    rows = torch.arange(len(boxes), device=boxes.device)
    box, unit = boxes[:, -1], scale[rows, lengths - 1][:, None]
    newest = outputs[rows, lengths - 1]
    once = torch.ones_like(unit[:, 0])
    ahead: list[Tensor] = []
    spreads: list[Tensor] = []
    while True:
        moved = box + newest[:, :4] * unit
        moved = torch.cat([moved[:, :2], moved[:, 2:].clamp(min=1.0)], dim=1)
        ahead.append(moved)
        spreads.append(newest[:, 4:])
        if len(ahead) == steps:
            both = torch.stack(ahead, dim=1), torch.stack(spreads, dim=1)
            return Rollout(*both, outputs, lengths, frames, scale)
        token = as_tokens((moved - box) / unit, once, once * len(ahead), moved)
        newest, carried = model.step(token, carried)
        box = moved


def encoder_of(weights: Mapping[str, Tensor]) -> CausalMotionPredictor:
    """The encoder with the weights of a state dict."""
    outputs, d_model = weights["head.2.weight"].shape
    inputs = weights["embed.weight"].shape[1]
    layers = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    d_state = weights["blocks.0.mamba.A_log"].shape[1]
    encoder = CausalMotionPredictor(d_model, layers, d_state, inputs=inputs, outputs=outputs)
    encoder.load_state_dict(dict(weights))
    return encoder
