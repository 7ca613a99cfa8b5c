"""The gap filler in torch, for training; gaps/scanner.py runs it without."""

from typing import cast

import torch
from torch import Tensor, nn

from mambatrack.gaps.filling import INPUTS
from mambatrack.kernels.reference import token_mask
from mambatrack.networks.causal import DT_RANGE
from mambatrack.networks.mamba import MambaBlock

LEAST = -4.0  # log-scale: nothing is surer than a thousandth of the box


class GapFillingBlock(nn.Module):
    """X' = X + Mamba_f(LN(X)) + Mamba_b(LN(X)). Differs from MambaTrack's BiMambaBlock, which hands
    nothing past the scans, because that one takes many times as long to learn this."""

    def __init__(self, d_model: int, d_state: int):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.left_to_right = MambaBlock(d_model, d_state, dt_range=DT_RANGE)
        self.right_to_left = MambaBlock(d_model, d_state, reverse=True, dt_range=DT_RANGE)

    def forward(self, hidden: Tensor, lengths: Tensor, valid: Tensor) -> Tensor:
        """hidden [B, L, d_model], of which the first ``lengths`` [B] are ``valid`` [B, L, 1]."""
        x = self.norm(hidden) * valid
        return hidden + self.left_to_right(x, lengths) + self.right_to_left(x, lengths)


class GapFillingNetwork(nn.Module):
    """Tokens of both sides of a gap and of the missing frames between them (filling.describe) ->
    where the object was in each frame, as the location and log-scale of a Laplace distribution."""

    def __init__(self, d_model: int = 32, layers: int = 2, d_state: int = 8):
        super().__init__()
        self.embed = nn.Linear(INPUTS, d_model)
        self.blocks = nn.ModuleList(GapFillingBlock(d_model, d_state) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.Linear(d_model, 8))
        last = cast(nn.Linear, self.head[2])
        nn.init.zeros_(last.weight)  # it starts as the straight line
        nn.init.zeros_(last.bias)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """tokens [B, L, INPUTS], zero after ``lengths`` [B] -> [B, L, 8]: location, log-scale."""
        valid = token_mask(lengths, tokens.shape[0], tokens.shape[1], tokens.device)[..., None]
        hidden = self.embed(tokens)
        for block in self.blocks:
            hidden = block(hidden, lengths, valid)
        return cast(Tensor, self.head(self.norm(hidden)))


def laplace_loss(said: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean negative log-likelihood. said [N, 8], target [N, 4], weight [N]."""
    location, log_scale = said.split(4, dim=1)
    log_scale = log_scale.clamp(min=LEAST)
    loss = (location - target).abs() * torch.exp(-log_scale) + log_scale
    return (loss.mean(1) * weight).sum() / weight.sum()
