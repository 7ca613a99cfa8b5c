import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import kernels
from mambatrack.kernels import reference, selective_scan
from mambatrack.kernels.cpu import library as cpu
from scan_cases import TIMED, assert_close, errors, inputs, outputs, rms_ratios, some_lengths

FORWARD = ["torch", pytest.param("cpu", marks=pytest.mark.skipif(not cpu.available(), reason="C"))]


@pytest.mark.parametrize("tokens", [1, 2, 5, 12, 30, 128])
def test_c_library_equals_the_reference(tokens):
    if not cpu.available():
        pytest.skip(cpu.why_not())
    case = inputs(3, tokens, 33, 16, rank=4, dtype=torch.float32)
    assert_close(errors(case, "cpu", gradients=False, lengths=some_lengths(3, tokens)))


@pytest.mark.parametrize("absent", ["D", "z", "dt_bias", "initial_state"])
@pytest.mark.parametrize("softplus", [False, True])
def test_absent_options(absent, softplus):
    case = inputs(dtype=torch.float32)
    case["dt"] = case["dt"].abs()
    del case[absent]
    assert_close(errors(case, "torch", dt_softplus=softplus))
    assert_close(errors(case, "torch", gradients=False, dt_softplus=softplus))


@pytest.mark.parametrize("backend", FORWARD)
@pytest.mark.parametrize("shift", [-12.0, 30.0])
def test_steps_near_nothing_and_large(backend, shift):
    case = inputs(tokens=12, dtype=torch.float32)
    case["dt_bias"] += shift
    del case["initial_state"]
    assert_close(errors(case, backend, gradients=backend == "torch"))


@pytest.mark.parametrize("backend", FORWARD)
def test_strided_inputs(backend):
    case = inputs(dtype=torch.float32)
    spread = {name: torch.stack([each, each + 1], -1)[..., 0] for name, each in case.items()}
    assert not spread["x"].is_contiguous()
    assert_close(errors(spread, backend, gradients=backend == "torch"))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision(kind):
    case = {name: each.to(kind) for name, each in inputs(tokens=30, channels=33).items()}
    y, final = kernels.bi_selective_scan(**case, dt_softplus=True, return_final_state=True)
    assert y.dtype == kind and final.dtype == torch.float32
    for name, ratio in rms_ratios(case, "torch").items():
        assert ratio <= 5e-3, name


def assert_same_bits(got, want):
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=0, atol=0, msg=name)


@settings(max_examples=20, deadline=None)
@given(split=st.integers(1, 6), seed=st.integers(0, 1000), reverse=st.booleans())
def test_split_and_carry_equals_whole(split, seed, reverse):
    case = inputs(seed=seed, stack=())
    options = {"dt_softplus": True, "return_final_state": True, "reverse": reverse}
    start = case.pop("initial_state")
    parts = [
        {k: v[:, span] if k in TIMED else v for k, v in case.items()}
        for span in (slice(0, split), slice(split, None))
    ]
    for backend in ("reference", "torch"):
        whole, last = selective_scan(**case, **options, initial_state=start, backend=backend)
        state, found = start, [None, None]
        for part in (1, 0) if reverse else (0, 1):
            found[part], state = selective_scan(
                **parts[part], **options, initial_state=state, backend=backend
            )
        torch.testing.assert_close(torch.cat(found, 1), whole)
        torch.testing.assert_close(state, last)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), backend=st.sampled_from(["reference", "torch"]))
def test_tied_directions_commute_with_time_and_rows(seed, backend):
    case = {name: each[:1].repeat(2, *[1] * (each.dim() - 1)) for name, each in inputs().items()}
    case |= {name: inputs(seed=seed, stack=())[name].repeat(2, 1, 1, 1) for name in TIMED}
    flipped = {k: v.flip(2) if k in TIMED else v for k, v in case.items()}
    y = kernels.bi_selective_scan(**case, backend=backend).sum(0)
    turned = kernels.bi_selective_scan(**flipped, backend=backend).sum(0)
    torch.testing.assert_close(turned.flip(1), y)
    order = torch.tensor([2, 0, 1])
    rows = (*TIMED, "initial_state")
    mixed = {k: v[:, order] if k in rows else v for k, v in case.items()}
    shuffled = kernels.bi_selective_scan(**mixed, backend=backend).sum(0)
    torch.testing.assert_close(shuffled, y[order])


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_padding_is_exact_whatever_it_holds(backend):
    case = inputs(dtype=torch.float32)
    lengths = torch.tensor([7, 3, 0])
    clean = outputs(case, backend, True, lengths=lengths)
    for name in TIMED:
        case[name][:, 1, 3:] = float("nan")
        case[name][:, 2] = float("inf")
    assert_same_bits(outputs(case, backend, True, lengths=lengths), clean)
    assert (clean["y"][:, 1, 3:] == 0).all() and (clean["dx"][:, 2] == 0).all()
    torch.testing.assert_close(clean["final"][:, 2], case["initial_state"][:, 2])
    short = {k: v[:, 1:2, :3] if k in TIMED else v for k, v in case.items()}
    short["initial_state"] = case["initial_state"][:, 1:2]
    alone = outputs(short, backend, False)
    # not to the bit: torch rounds the ends of a vector of numbers in another way than its middle
    torch.testing.assert_close(clean["y"][:, 1:2, :3], alone["y"])


def conv_inputs(shared, dtype=torch.float64, tokens=7):
    g = torch.Generator().manual_seed(3)
    x = torch.randn(*(() if shared else (2,)), 3, tokens, 5, generator=g, dtype=dtype)
    weight, bias = (torch.randn(2, *s, generator=g, dtype=dtype) for s in ((4, 5), (5,)))
    return {"x": x, "weight": weight, "bias": bias}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_convolution(shared, tokens):
    case = conv_inputs(shared, tokens=tokens)
    want = kernels.bi_conv_silu(**case, backend="reference")
    past, future = (case["x"],) * 2 if shared else case["x"]
    for direction, source in enumerate((past, future.flip(1))):
        padded = torch.nn.functional.pad(source.mT, (3, 0))
        taps = case["weight"][direction].T[:, None]
        y = torch.nn.functional.conv1d(padded, taps, case["bias"][direction], groups=5).mT
        y = torch.nn.functional.silu(y.flip(1) if direction else y)
        torch.testing.assert_close(want[direction], y)
    torch.testing.assert_close(kernels.bi_conv_silu(**case, backend="torch"), want)


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_convolution_of_rows_of_several_lengths(backend):
    case, lengths = conv_inputs(True), torch.tensor([7, 3, 0])
    whole = kernels.bi_conv_silu(**case, lengths=lengths, backend=backend)
    alone = kernels.bi_conv_silu(**case | {"x": case["x"][1:2, :3]}, backend=backend)
    torch.testing.assert_close(whole[:, 1:2, :3], alone)
    assert (whole[:, 1, 3:] == 0).all() and (whole[:, 2] == 0).all()
    values = [each.requires_grad_() for each in case.values()]
    assert torch.autograd.gradcheck(
        lambda *each: kernels.bi_conv_silu(*each, lengths, backend=backend), values
    )


@pytest.mark.parametrize("backend", ["reference", *FORWARD])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_one_token_at_a_time_equals_the_scan(backend, kind):
    if (backend, kind) == ("cpu", torch.float64):
        pytest.skip("the C library computes float32 only")
    case = inputs(rank=2, dtype=kind, stack=())
    pool = torch.full((5, 5, 4), 9.0, dtype=kind)
    slots = torch.tensor([4, 0, 2])
    pool[slots] = case.pop("initial_state")
    want, last = selective_scan(
        **case, initial_state=pool[slots], return_final_state=True, backend="reference"
    )
    for t in range(7):
        token = {k: v[:, t] if k in TIMED else v for k, v in case.items()}
        y = kernels.selective_state_update(pool, **token, slots=slots, backend=backend)
        torch.testing.assert_close(y, want[:, t])
    torch.testing.assert_close(pool[slots], last)
    assert (pool[[1, 3]] == 9).all()


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_gradients_flow_through_one_token_at_a_time(backend):
    case = {name: each.requires_grad_() for name, each in inputs(rank=2, stack=()).items()}
    options = {"dt_softplus": True, "backend": backend}
    whole = selective_scan(**case, **options)
    want = torch.autograd.grad(whole.square().sum(), list(case.values()))
    pool, outputs = case["initial_state"].clone(), []
    for t in range(7):
        token = {k: v[:, t] if k in TIMED else v for k, v in case.items() if k != "initial_state"}
        outputs.append(kernels.selective_state_update(pool, **token, **options))
    loss = torch.stack(outputs, dim=1).square().sum()
    for got, wanted in zip(torch.autograd.grad(loss, list(case.values())), want, strict=True):
        torch.testing.assert_close(got, wanted)


def test_state_update_without_slots_takes_the_rows_in_order():
    case = {k: v[:, 0] if k in TIMED else v for k, v in inputs(stack=()).items()}
    state = case.pop("initial_state")
    pool = state.clone()
    y = kernels.selective_state_update(pool, **case)
    again = kernels.selective_state_update(state, **case, slots=torch.arange(3))
    torch.testing.assert_close(y, again)
    torch.testing.assert_close(pool, state)


@pytest.mark.parametrize("backend", ["reference", *FORWARD])
@pytest.mark.parametrize("sizes", [(5, 4), (5, 1), (1, 4)])
@pytest.mark.parametrize("transposed", [False, True])
def test_arguments_are_left_alone_however_they_lie_in_memory(backend, sizes, transposed):
    case = inputs(channels=sizes[0], states=sizes[1], dtype=torch.float32, stack=())
    if transposed:
        case = {k: v.mT.contiguous().mT if v.dim() > 1 else v for k, v in case.items()}
    before = {name: each.clone() for name, each in case.items()}
    selective_scan(**case, dt_softplus=True, lengths=torch.tensor([7, 3, 0]), backend=backend)
    assert_same_bits(case, before)


def test_token_mask():
    mask = reference.token_mask(torch.tensor([2, 0]), 2, 3, torch.device("cpu"))
    assert mask.tolist() == [[True, True, False], [False] * 3]
