"""The Triton kernels: on a GPU where there is one, else in Triton's interpreter (conftest.py)."""

import os
from inspect import signature

import pytest
import torch

from c_library import filled_with_nan
from mambatrack import kernels
from mambatrack.kernels import reference
from scan_cases import TIMED, assert_close, errors, inputs, outputs, rms_ratios
from test_kernels_functions import assert_same_bits, conv_inputs

pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = pytest.mark.skipif(
    DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1",
    reason="neither a GPU nor TRITON_INTERPRET=1",
)

CHECKS = "test_schema", "test_faketensor"  # of torch.library.opcheck, those that are quick
LEARNT = *CHECKS, "test_autograd_registration"  # compiled in test_compiled_and_fake


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """New memory holds NaN, so that a cell that no kernel writes fails."""
    monkeypatch.setattr(torch, "empty", filled_with_nan(torch.empty))


def on_device(dtype=torch.float32, **sizes):
    return {name: each.to(DEVICE, dtype) for name, each in inputs(**sizes).items()}


def lengths(*each):
    return torch.tensor(each, device=DEVICE)


@pytest.mark.parametrize("tokens", [1, 2, 5, 12])
def test_equals_the_reference(tokens):
    case = on_device(batch=2, tokens=tokens, channels=5, rank=3 if tokens == 5 else None)
    assert_close(errors(case, "triton", lengths=None if tokens == 2 else lengths(tokens, 0)))


def test_several_blocks_of_channels_and_every_length():
    case = on_device(batch=4, tokens=3, channels=33, states=3)
    assert_close(errors(case, "triton", lengths=lengths(3, 2, 1, 0)))


@pytest.mark.parametrize("reverse", [False, True])
def test_one_direction(reverse):
    case = on_device(batch=1, tokens=5, stack=())
    assert_close(errors(case, "triton", reverse=reverse, lengths=lengths(4)))


@pytest.mark.parametrize("absent", ["D", "z", "dt_bias", "initial_state"])
def test_absent_options(absent):
    case = on_device(batch=1, tokens=2)
    case["dt"] = case["dt"].abs()
    del case[absent]
    assert_close(errors(case, "triton", dt_softplus=absent != "dt_bias"))


@pytest.mark.parametrize("shift", [-12.0, 30.0])
def test_steps_near_nothing_and_large(shift):
    case = on_device(batch=1, tokens=5)
    case["dt_bias"] += shift
    del case["initial_state"]
    assert_close(errors(case, "triton"))


def test_strided_inputs_give_the_same_bits():
    case = on_device(batch=2, tokens=2)
    spread = {name: torch.stack([each, each + 1], -1)[..., 0] for name, each in case.items()}
    wide = torch.cat([case["B"], case["C"]], -1)
    spread["B"], spread["C"] = wide.split(case["B"].shape[-1], dim=-1)
    assert_same_bits(outputs(spread, "triton", True), outputs(case, "triton", True))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision(kind):
    case = on_device(kind, batch=1, tokens=5)
    cut = DEVICE == "cpu" and kind == torch.bfloat16  # the interpreter does not round to bfloat16
    for name, ratio in rms_ratios(case, "triton").items():
        assert ratio <= (1e-2 if cut else 5e-3), name


def test_padding_is_exact_whatever_it_holds():
    case = on_device(batch=2, tokens=5)
    clean = outputs(case, "triton", True, lengths=lengths(3, 0))
    for name in TIMED:
        case[name][:, 0, 3:] = float("nan")
        case[name][:, 1] = float("inf")
    assert_same_bits(outputs(case, "triton", True, lengths=lengths(3, 0)), clean)
    alone = {k: v[:, :1, :3] if k in TIMED else v for k, v in case.items()}
    alone["initial_state"] = case["initial_state"][:, :1]
    assert torch.equal(outputs(alone, "triton", False)["y"], clean["y"][:, :1, :3])
    assert torch.equal(clean["final"][:, 1], case["initial_state"][:, 1].cpu())


def test_split_and_carry_is_exact():
    case = on_device(batch=1, tokens=5, stack=())
    start = case.pop("initial_state")
    options = {"return_final_state": True, "dt_softplus": True, "backend": "triton"}
    whole, last = kernels.selective_scan(**case, initial_state=start, **options)
    state, found = start, []
    for span in (slice(0, 2), slice(2, None)):
        part = {k: v[:, span] if k in TIMED else v for k, v in case.items()}
        y, state = kernels.selective_scan(**part, initial_state=state, **options)
        found.append(y)
    assert torch.equal(torch.cat(found, 1), whole) and torch.equal(state, last)


def test_gradient_of_the_state_alone():
    case, found = on_device(batch=1, tokens=2, stack=()), []
    for backend, kind in (("reference", torch.float64), ("triton", torch.float32)):
        given = {name: each.to(kind).requires_grad_() for name, each in case.items()}
        _, state = kernels.selective_scan(**given, return_final_state=True, backend=backend)
        used = [given[name] for name in ("x", "dt", "A", "B", "dt_bias", "initial_state")]
        found.append(torch.autograd.grad(state.square().sum(), used))
    for want, got in zip(*found, strict=True):
        assert (got - want).abs().max() <= 5e-6 * want.abs().max()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("tokens", [1, 17])  # one more than a block of the kernel
def test_convolution(shared, tokens):
    case = conv_inputs(shared, tokens=tokens)
    for known in (None, torch.tensor([tokens, tokens // 2, 0])):
        found = {}
        for backend, kind, device in (
            ("reference", torch.float64, "cpu"), ("triton", torch.float32, DEVICE),
        ):  # fmt: skip
            given = [each.to(device, kind).requires_grad_() for each in case.values()]
            rows = None if known is None else known.to(device)
            y = kernels.bi_conv_silu(*given, rows, backend=backend)
            found[backend] = [y, *torch.autograd.grad(y.square().sum(), given)]
        for got, want in zip(found["triton"], found["reference"], strict=True):
            assert (got.cpu() - want).abs().max() <= 2e-6 * max(1.0, want.abs().max())


def test_state_update_in_place():
    case = {k: v[:, 0] if k in TIMED else v for k, v in on_device(rank=2, stack=()).items()}
    del case["initial_state"]
    pool = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    again, slots = pool.clone(), torch.tensor([4, 0, 2], device=DEVICE)
    options = {"dt_softplus": True, "slots": slots}
    got = kernels.selective_state_update(pool, **case, **options, backend="triton")
    want = kernels.selective_state_update(again, **case, **options, backend="reference")
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(pool, again)


def test_state_update_has_the_gradients_of_the_reference():
    found = []
    for backend, kind in (("reference", torch.float64), ("triton", torch.float32)):
        case = on_device(kind, batch=2, rank=2, stack=())
        case = {k: (v[:, 0] if k in TIMED else v).requires_grad_() for k, v in case.items()}
        pool = case["initial_state"].clone()
        token = {k: v for k, v in case.items() if k != "initial_state"}
        y = kernels.selective_state_update(pool, **token, dt_softplus=True, backend=backend)
        loss = y.square().sum() + pool.square().sum()
        found.append(torch.autograd.grad(loss, list(case.values())))
    for want, got in zip(*found, strict=True):
        assert (got - want).abs().max() <= 5e-6 * want.abs().max()


def test_takes_the_arguments_of_the_reference():
    from mambatrack.kernels.gpu import convolution, operations, update

    for module, names in (
        (operations, ("selective_scan", "bi_selective_scan")),
        (convolution, ("bi_conv_silu",)),
        (update, ("selective_state_update",)),
    ):
        for name in names:
            own, theirs = (signature(getattr(each, name)) for each in (module, reference))
            assert own.parameters == theirs.parameters, name


def test_state_update_leaves_slots_outside_the_pool_alone():
    from mambatrack.kernels.gpu.update import selective_state_update

    case = {k: v[:, 0] if k in TIMED else v for k, v in on_device(stack=()).items()}
    pool = case.pop("initial_state")
    before = pool.clone()
    y = selective_state_update(pool, **case, slots=torch.tensor([-1, 99, 1], device=DEVICE))
    assert (y[:2] == 0).all() and torch.equal(pool[[0, 2]], before[[0, 2]])


def test_rows_too_long_for_32_bits_are_copied_or_refused(monkeypatch):
    from mambatrack.kernels.gpu import launching

    far = torch.zeros(9, 2, 3, device=DEVICE).transpose(0, 1)[None]  # [1, 2, 9, 3], tokens 6 apart
    monkeypatch.setattr(launching, "FARTHEST", 27)
    assert launching.rows(far, far)[1] == [54, 27, 3]
    monkeypatch.setattr(launching, "FARTHEST", 26)
    with pytest.raises(ValueError, match="at most 26 numbers of a row, got 9 times 3; take"):
        launching.rows(far, far)
    with pytest.raises(ValueError, match="at most 65535 blocks of tokens or channels, got 65536"):
        launching.launch(None, (1, 65536, 2), far)


def test_what_keeps_the_kernels_from_a_gpu_is_told(monkeypatch):
    from mambatrack.kernels.gpu import launching

    def broken():
        raise RuntimeError("Failed to find C compiler.\nmore")

    class Driver:
        active = type("Active", (), {"get_current_target": staticmethod(broken)})

    monkeypatch.setattr(launching.triton, "JITFunction", object)  # as if nothing was interpreted
    monkeypatch.setattr(launching.triton.runtime, "driver", Driver)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert launching.why_not.__wrapped__(torch.device("cuda")) == "torch sees no GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for number, said in (
        (6, "7.0 or more expected, this GPU has 6.1"),
        (9, ": Failed to find C c"),
    ):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, n=number: (n, 1))
        assert said in launching.why_not.__wrapped__(torch.device("cuda", 0))
    for device, said in (("cpu", "before triton"), ("meta", "does not run on meta")):
        assert said in launching.why_not.__wrapped__(torch.device(device))


def test_registered_with_torch(monkeypatch):
    monkeypatch.undo()
    from mambatrack.kernels.gpu import convolution, operations, update

    case = {k: v.requires_grad_() for k, v in on_device(batch=1, tokens=2, rank=2).items()}
    names = ["x", "dt", "A", "B", "C", "D", "z", "dt_bias", "dt_weight"]
    tensors = [case[name] for name in names]
    conv = [each.to(DEVICE, torch.float32).requires_grad_() for each in conv_inputs(True).values()]
    token = {k: v[0, :, 0] if k in TIMED else v[0] for k, v in case.items()}
    states = [token[name].detach() for name in ("initial_state", *names)]
    every = *LEARNT, "test_aot_dispatch_dynamic"
    for operation, given, checks in (
        (operations.scan, (*tensors, lengths(1), None, True, False, True), LEARNT),
        (convolution.conv, (*conv, None), every),
        (update.state_update, (*states, None, True), every),
    ):
        found = torch.library.opcheck(operation, given, test_utils=checks)
        assert set(found.values()) == {"SUCCESS"}


def test_operations_of_whole_networks_are_registered(monkeypatch):
    monkeypatch.undo()
    from mambatrack.kernels.gpu import causal, window
    from mambatrack.networks.causal import CausalMotionPredictor
    from mambatrack.networks.fused_weights import causal_weights, end_weights, mlp_weights
    from mambatrack.networks.window import MotionPredictor

    with torch.no_grad():
        one, both = CausalMotionPredictor(8, 1, 2).to(DEVICE), MotionPredictor(8, 1, 2).to(DEVICE)
        block, carried = both.blocks[0], torch.zeros(6, one.carried_size, device=DEVICE)
        ends = [each.detach() for each in end_weights(both.embed, both.head)]
        after = [each.detach() for each in mlp_weights(block.mlp, block.norm)]
        weights = [each.detach() for each in causal_weights(one).flat()]
    slots = torch.tensor([[0.0] * 8 + [3], [0.0] * 8 + [4]], device=DEVICE)
    x = {size: torch.ones(2, 3, size, device=DEVICE) for size in (4, 8, 16)}
    for operation, given in (
        (causal.step, (weights, slots, carried, 8.0, 1e-5)),
        (window.enter_all, (ends, x[4], lengths(3, 0), 8.0)),
        (window.leave_both, ([x[8][:, :1].expand(2, 16, 8).contiguous(), *after],
                             x[16].expand(2, 2, 3, 16), lengths(3, 0), 1e-5)),
        (window.pool_all, (ends, x[8], lengths(3, 0))),
    ):  # fmt: skip
        found = torch.library.opcheck(operation, given, test_utils=CHECKS)
        assert set(found.values()) == {"SUCCESS"}


def test_compiled_and_fake():
    from torch._subclasses.fake_tensor import FakeTensorMode

    from mambatrack.kernels.gpu import operations

    case = on_device(batch=1, tokens=2)

    def chosen(**given):
        return kernels.bi_selective_scan(**given, backend="triton")

    found = []
    for each in (torch.compile(chosen, backend="aot_eager", fullgraph=True), chosen):
        given = {name: value.clone().requires_grad_() for name, value in case.items()}
        y = each(**given, dt_softplus=True)
        found.append([y, *torch.autograd.grad(y.sum(), list(given.values()))])
    for got, want in zip(*found, strict=True):
        assert torch.equal(got, want)
    with FakeTensorMode() as mode:
        fake = {name: mode.from_tensor(each).requires_grad_() for name, each in case.items()}
        y, state = operations.bi_selective_scan(**fake, return_final_state=True)
        y.sum().backward()
    assert y.shape == (2, 1, 2, 5) and state.shape == (2, 1, 5, 4)
    assert fake["A"].grad.shape == case["A"].shape
