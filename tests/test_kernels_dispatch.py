"""The choice of an implementation: what it imports, and that a compiler can follow it."""

import inspect
import shutil
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from mambatrack import kernels
from mambatrack.kernels import reference, torch_scan
from mambatrack.kernels.cpu import functions as in_c
from mambatrack.kernels.cpu import library
from scan_cases import TIMED, inputs
from test_kernels_functions import conv_inputs

LEARNT = [
    *((operation, "torch") for operation in kernels.OPERATIONS),
    ("selective_scan", "reference"),
    ("selective_scan", "auto"),
]
needs_c = pytest.mark.skipif(not library.available(), reason=library.why_not())
IN_C = [
    pytest.param(each, "cpu", marks=needs_c)
    for each in kernels.OPERATIONS if each != "bi_conv_silu"
]  # fmt: skip
QUICK = {  # what prepares inductor for many kernels takes longer than this one
    "fx_graph_cache": False, "compile_threads": 1, "cpp.vec_isa_ok": False,
    "cpp_cache_precompile_headers": False,
}  # fmt: skip


def case_of(operation, tokens=2):
    """Arguments of the operation, float32."""
    lengths = {"lengths": torch.tensor([tokens, 1, 0])}
    if operation == "bi_conv_silu":
        return conv_inputs(True, torch.float32, tokens) | lengths
    stack = (2,) if operation == "bi_selective_scan" else ()
    case = inputs(tokens=tokens, stack=stack, dtype=torch.float32)
    if operation != "selective_state_update":
        return case | lengths
    case = {name: each[:, 0] if name in TIMED else each for name, each in case.items()}
    return {"state": case.pop("initial_state"), **case}


def run(operation, backend, case):
    """All that the operation gives back, and the state that it has changed."""
    if operation == "selective_state_update":
        pool = case["state"].clone()
        return kernels.selective_state_update(**case | {"state": pool}, backend=backend), pool
    options = {} if operation == "bi_conv_silu" else {"return_final_state": True}
    found = getattr(kernels, operation)(**case, **options, backend=backend)
    return (found,) if isinstance(found, Tensor) else found


def compiled(operation, backend, compiler, **options):
    torch._dynamo.reset()
    return torch.compile(
        lambda case: run(operation, backend, case), fullgraph=True, backend=compiler, **options
    )


@pytest.mark.parametrize(("operation", "backend"), [*IN_C, ("selective_scan", "auto")])
def test_a_compiler_follows_the_call_without_gradients(operation, backend):
    case = case_of(operation)
    with torch.no_grad():
        for got, want in zip(
            compiled(operation, backend, "aot_eager")(case), run(operation, backend, case),
            strict=True,
        ):  # fmt: skip
            torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("operation", "backend"), LEARNT)
def test_a_compiler_follows_the_call_and_its_gradients(operation, backend):
    found = []
    for call in (compiled(operation, backend, "aot_eager"), lambda c: run(operation, backend, c)):
        case = case_of(operation)
        asked = {name: each.requires_grad_() for name, each in case.items() if name != "lengths"}
        results = call(case)
        loss = sum(each.square().sum() for each in results)
        found.append([*results, *torch.autograd.grad(loss, list(asked.values()))])
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_a_compiled_scan_takes_any_number_of_rows():
    case = case_of("selective_scan")
    call = compiled("selective_scan", "auto", "aot_eager", dynamic=True)
    rows = (*TIMED, "initial_state", "lengths")
    for count in (3, 2):
        some = {name: each[:count] if name in rows else each for name, each in case.items()}
        for got, want in zip(call(some), run("selective_scan", "auto", some), strict=True):
            torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="inductor needs a C++ compiler"
)
def test_inductor_gives_the_same_numbers():
    from torch._inductor import config

    case = inputs(batch=2, tokens=2, dtype=torch.float32)
    with torch.no_grad(), config.patch(QUICK):
        got = compiled("bi_selective_scan", "auto", "inductor")(case)
        for each, want in zip(got, run("bi_selective_scan", "auto", case), strict=True):
            torch.testing.assert_close(each, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operation", kernels.OPERATIONS)
def test_every_implementation_takes_the_arguments_of_the_public_function(operation):
    public = list(inspect.signature(getattr(kernels, operation)).parameters.values())
    assert [each.name for each in public[-2:]] == ["backend", "check"]
    for module in (reference, torch_scan, *([] if operation == "bi_conv_silu" else [in_c])):
        own = inspect.signature(getattr(module, operation)).parameters.values()
        assert list(own) == public[:-2], module.__name__


def test_only_the_implementation_that_is_taken_is_imported():
    code = (
        "import sys\n"
        "import mambatrack.kernels.cpu.network, mambatrack.kernels.numpy_scan\n"
        "assert 'torch' not in sys.modules\n"
        "import torch\n"
        "before = set(sys.modules)\n"
        "from mambatrack.kernels import selective_scan\n"
        "one = torch.ones(1, 1, 1)\n"
        "selective_scan(one, one, -one[0], one, one, backend='torch')\n"
        "new = set(sys.modules) - before\n"
        "heavy = {'triton', 'torch._dynamo', 'mambatrack.kernels.cpu.functions'}\n"
        "assert not new & heavy, new & heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_backend_is_named_or_refused(monkeypatch):
    case = inputs(dtype=torch.float32, stack=())
    with pytest.raises(ValueError, match="unknown backend 'cuda'; known are auto, reference"):
        kernels.selective_scan(**case, backend="cuda")
    with pytest.raises(ValueError, match="backend 'triton' cannot do this .*float64"):
        kernels.selective_scan(**inputs(stack=()), backend="triton")
    trained = case["x"].clone().requires_grad_()
    with pytest.raises(ValueError, match="'cpu' cannot do this selective_scan: it has no backward"):
        kernels.selective_scan(**case | {"x": trained}, backend="cpu")
    assert kernels.choose_backend("auto", trained) == "torch"
    assert kernels.choose_backend("auto", case["x"].double()) == "torch"
    monkeypatch.setenv("MAMBATRACK_BACKEND", "reference")
    assert kernels.choose_backend("auto", trained) == "reference"
    assert kernels.choose_backend("torch", trained) == "torch"
    monkeypatch.setenv("MAMBATRACK_BACKEND", "fast")
    with pytest.raises(ValueError, match="unknown backend 'fast' in MAMBATRACK_BACKEND"):
        kernels.selective_scan(**case)


def test_the_slower_path_says_so_once(monkeypatch):
    monkeypatch.setattr(library, "why_not", lambda: "there was no compiler")
    kernels.dispatch._notice.cache_clear()
    x = torch.zeros(1, 1, 1)
    with pytest.warns(UserWarning, match="in torch, which is slower: .*there was no compiler"):
        assert kernels.choose_backend("auto", x) == "torch"
    kernels.dispatch._notice.cache_clear()


def test_every_operation_is_explained(monkeypatch):
    rows = kernels.explain_backends()
    assert {row[0].split(",")[0] for row in rows} == set(kernels.OPERATIONS)
    chosen = {row[0]: row[2] for row in rows if row[1] == "cpu"}
    assert chosen["selective_scan, training"] == "torch"
    assert chosen["selective_scan, inference"] == ("cpu" if library.available() else "torch")
    monkeypatch.setenv("MAMBATRACK_BACKEND", "cpu")
    explained = {row[0]: row[2:] for row in kernels.explain_backends() if row[1] == "cpu"}
    assert explained["selective_scan, training"] == (
        "none", "MAMBATRACK_BACKEND=cpu, but it has no backward",
    )  # fmt: skip


def test_fake_tensors_and_compilers_take_plain_operations():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        case = {name: torch.empty(each.shape) for name, each in inputs(stack=()).items()}
        lengths = torch.empty(3, dtype=torch.int64)
        assert kernels.selective_scan(**case, lengths=lengths).shape == (3, 7, 5)
