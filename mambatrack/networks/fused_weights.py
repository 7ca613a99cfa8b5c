"""The weights of networks in torch as the kernels for whole networks on a GPU take them, dense."""

from typing import cast

import torch
from torch import Tensor, nn

from mambatrack.kernels.gpu.causal import CausalWeights
from mambatrack.kernels.gpu.layers import EndWeights, MlpWeights
from mambatrack.networks.causal import CausalBlock, CausalMotionPredictor


def mlp_weights(mlp: nn.Sequential, norm: nn.LayerNorm) -> MlpWeights:
    """Of a block: what follows its scans."""
    wide, narrow = cast(nn.Linear, mlp[0]), cast(nn.Linear, mlp[2])
    return MlpWeights(
        wide=wide.weight.T.contiguous(),
        wide_bias=wide.bias,
        narrow=narrow.weight.T.contiguous(),
        narrow_bias=narrow.bias,
        norm=norm.weight,
        norm_bias=norm.bias,
    )


def end_weights(embed: nn.Linear, head: nn.Sequential) -> EndWeights:
    """Of a network around its blocks."""
    first, last = cast(nn.Linear, head[0]), cast(nn.Linear, head[2])
    return EndWeights(
        embed=embed.weight.T.contiguous(),
        embed_bias=embed.bias,
        head=first.weight.T.contiguous(),
        head_bias=first.bias,
        last=last.weight.T.contiguous(),
        last_bias=last.bias,
    )


@torch.no_grad()
def causal_weights(model: CausalMotionPredictor) -> CausalWeights:
    """Of a network without look-back."""
    blocks = [cast(CausalBlock, each) for each in model.blocks]
    mambas = [each.mamba for each in blocks]
    ranks = [each.select.weight.split([each.dt_rank, 2 * each.d_state]) for each in mambas]

    def stacked(*each: Tensor) -> Tensor:
        return torch.stack(each).contiguous()

    return CausalWeights(
        enter=stacked(*(torch.stack([m.in_x.weight.T, m.in_z.weight.T]) for m in mambas)),
        taps=stacked(*(m.conv for m in mambas)),
        taps_bias=stacked(*(m.conv_bias for m in mambas)),
        select=stacked(*(torch.cat([others, rank]).T for rank, others in ranks)),
        dt=stacked(*(m.dt.weight.T for m in mambas)),
        dt_bias=stacked(*(m.dt.bias for m in mambas)),
        A=stacked(*(m.decay() for m in mambas)),
        skip=stacked(*(m.D for m in mambas)),
        leave=stacked(*(m.out.weight.T for m in mambas)),
        mlp=MlpWeights(*map(stacked, *(mlp_weights(each.mlp, each.norm) for each in blocks))),
        ends=end_weights(model.embed, model.head),
    )
