"""The Mamba block in torch.

Source: Mamba (Gu and Dao, arXiv 2312.00752), section 3.4 and algorithm 2.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.errors import MambatrackError
from mambatrack.kernels import selective_scan, selective_state_update
from mambatrack.kernels.reference import Scan

MAMBA_SSM = (
    "in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight", "dt_proj.weight",
    "dt_proj.bias", "A_log", "D", "out_proj.weight",
)  # fmt: skip


class MambaBlock(nn.Module):
    """Selective state-space block, from left to right or, with ``reverse``, from right to left.

    Its weights, the symbols of the paper and the state dict of ``mamba_ssm.Mamba``. M = d_model,
    D = d_inner, K = d_conv, R = dt_rank, N = d_state:

    | weight | shape | in the paper | in mamba-ssm |
    |---|---|---|---|
    | in_x.weight | [D, M] | figure 3: projection to the convolution | in_proj.weight[:D] |
    | in_z.weight | [D, M] | figure 3: projection to the gate | in_proj.weight[D:] |
    | conv | [K, D] | figure 3: convolution, the newest token last | conv1d.weight[:, 0].T |
    | conv_bias | [D] | | conv1d.bias |
    | select.weight[:R] | [R, D] | s_Delta, its projection down to rank R | x_proj.weight[:R] |
    | select.weight[R : R + N] | [N, D] | s_B | x_proj.weight[R : R + N] |
    | select.weight[R + N :] | [N, D] | s_C | x_proj.weight[R + N :] |
    | dt.weight | [D, R] | s_Delta, its projection up again | dt_proj.weight |
    | dt.bias | [D] | the parameter in tau_Delta(parameter + s_Delta(x)) | dt_proj.bias |
    | A_log | [D, N] | log(-A) | A_log |
    | D | [D] | D, which the paper leaves out of its equations | D |
    | out.weight | [M, D] | figure 3: projection back | out_proj.weight |

    Delta is the step size (dt in the code), tau_Delta is softplus.

    scan: the operation, in whose place an exporter may put doubling_scan.selective_scan
    """

    scan: Scan

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        reverse: bool = False,
        dt_range: tuple[float, float] = (0.001, 0.1),
    ):
        super().__init__()
        d_inner = expand * d_model
        self.reverse, self.scan = reverse, selective_scan
        self.dt_rank = math.ceil(d_model / 16)
        self.d_state = d_state
        self.in_x = nn.Linear(d_model, d_inner, bias=False)
        self.in_z = nn.Linear(d_model, d_inner, bias=False)
        bound = d_conv**-0.5
        self.conv = nn.Parameter(torch.empty(d_conv, d_inner).uniform_(-bound, bound))
        self.conv_bias = nn.Parameter(torch.empty(d_inner).uniform_(-bound, bound))
        self.select = nn.Linear(d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt = nn.Linear(self.dt_rank, d_inner)
        self.A_log = nn.Parameter(torch.log(torch.arange(1.0, d_state + 1)).repeat(d_inner, 1))
        self.D = nn.Parameter(torch.ones(d_inner))
        self.out = nn.Linear(d_inner, d_model, bias=False)
        self._initialise_dt(*dt_range)

    def _initialise_dt(self, low: float, high: float) -> None:
        """Step sizes log-uniform in [low, high] at the start, as in Mamba's section 3.6."""
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt.weight, -bound, bound)
        span = math.log(high) - math.log(low)
        dt = torch.exp(torch.rand_like(self.dt.bias) * span + math.log(low))
        with torch.no_grad():
            self.dt.bias.copy_(torch.log(torch.expm1(dt)))

    @classmethod
    def from_mamba_ssm(cls, state: Mapping[str, Tensor], reverse: bool = False) -> "MambaBlock":
        """The block with the weights of a state dict of ``mamba_ssm.Mamba``, by the table above.

        MambatrackError where a weight is missing, unknown, or of a shape that does not fit; so it
        is for a block with biases in its projections or with another rank than d_model / 16.
        """
        if state.keys() != set(MAMBA_SSM):
            raise MambatrackError(
                f"the weights of a mamba_ssm.Mamba expected, {', '.join(MAMBA_SSM)}; "
                f"got {', '.join(state) or 'none'}"
            )
        try:
            inner, d_model = state["out_proj.weight"].shape[::-1]
            d_state, d_conv = state["A_log"].shape[-1], state["conv1d.weight"].shape[-1]
            block = cls(d_model, d_state, d_conv, inner // d_model, reverse)
            block.load_state_dict(_from_mamba_ssm(state))
        except (RuntimeError, ValueError, IndexError) as error:
            reason = " ".join(str(error).split())
            raise MambatrackError(f"the weights do not fit together: {reason}") from error
        return block

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """tokens [B, L, d_model], zero after each row's ``lengths`` [B] -> [B, L, d_model]."""
        return self.out(self._scan(self.in_x(tokens), tokens, lengths, False))

    def encode(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What forward returns, and what ``step`` needs after the last of the ``lengths`` tokens:
        the last inputs of the convolution [B, d_conv - 1, d_inner] and the state of the scan
        [B, d_inner, d_state]."""
        past = len(self.conv) - 1
        inputs = self.in_x(tokens)
        y, state = self._scan(inputs, tokens, lengths, True)
        newest = lengths[:, None] + torch.arange(past, device=tokens.device)
        newest = newest[..., None].expand(-1, -1, inputs.shape[2])
        return self.out(y), F.pad(inputs, (0, 0, past, 0)).gather(1, newest), state

    def step(self, token: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One more token [B, d_model] after those of ``encode`` or of an earlier step -> its output
        [B, d_model], and the new tail and state; the arguments stay as they are."""
        inputs = torch.cat([tail, self.in_x(token)[:, None]], dim=1)
        x = F.silu((inputs * self.conv).sum(1) + self.conv_bias)
        dt, B, C = self._selected(x)
        state = state.clone()
        y = selective_state_update(
            state, x, dt, self.decay(), B, C, self.D, self.in_z(token), self.dt.bias, True,
            dt_weight=self.dt.weight,
        )  # fmt: skip
        return self.out(y), inputs[:, 1:], state

    def decay(self) -> Tensor:
        """A of the scan [d_inner, d_state]."""
        return -torch.exp(self.A_log)

    def _selected(self, x: Tensor) -> tuple[Tensor, ...]:
        """dt [.., R], B and C [.., N] for x [.., d_inner]."""
        return self.select(x).split([self.dt_rank, self.d_state, self.d_state], dim=-1)

    def _scan(
        self, inputs: Tensor, tokens: Tensor, lengths: Tensor, final: bool
    ) -> Tensor | tuple[Tensor, Tensor]:
        x = F.silu(self._convolve(inputs))
        dt, B, C = self._selected(x)
        return self.scan(
            x, dt, self.decay(), B, C, self.D, self.in_z(tokens), self.dt.bias, True, lengths,
            return_final_state=final, reverse=self.reverse, dt_weight=self.dt.weight,
        )  # fmt: skip

    def _convolve(self, x: Tensor) -> Tensor:
        """Depthwise convolution over the tokens already read: x [B, L, D] -> [B, L, D]."""
        tokens, past = x.shape[1], len(self.conv) - 1
        x = F.pad(x, (0, 0, 0, past) if self.reverse else (0, 0, past, 0))
        y: Tensor = self.conv_bias
        # a few multiplications beat conv1d on a CPU, above all in the backward
        for k, taps in enumerate(self.conv.flip(0) if self.reverse else self.conv):
            y = torch.addcmul(y, x[:, k : k + tokens], taps)
        return y


def _from_mamba_ssm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    into_x, into_z = state["in_proj.weight"].tensor_split(2)
    return {
        "in_x.weight": into_x,
        "in_z.weight": into_z,
        "conv": state["conv1d.weight"].flatten(1).T,
        "conv_bias": state["conv1d.bias"],
        "select.weight": state["x_proj.weight"],
        "dt.weight": state["dt_proj.weight"],
        "dt.bias": state["dt_proj.bias"],
        "A_log": state["A_log"],
        "D": state["D"],
        "out.weight": state["out_proj.weight"],
    }
