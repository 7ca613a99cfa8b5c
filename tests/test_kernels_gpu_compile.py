"""The Triton kernels compiled for GPUs that are not there."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")


def test_what_is_interpreted_is_not_compiled(monkeypatch):
    from mambatrack.kernels.gpu import compile as compiling

    monkeypatch.setattr(compiling, "_forward", object())
    with pytest.raises(SystemExit, match="unset TRITON_INTERPRET"):
        compiling.main()


def test_compiles_for_gpus_that_are_not_there():
    """In a process of its own: what is interpreted here cannot be compiled here."""
    done = subprocess.run(
        [sys.executable, "-m", "mambatrack.kernels.gpu.compile", "--few"],
        env={k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()]
    rows = [row for row in rows if len(row) > 6 and row[1].startswith("_")]
    made = {(row[1], row[2]): row[3:7] for row in reversed(rows)}
    for architecture in ("80", "90", "100"):
        registers, spilled, shuffles, barriers = made["_forward", architecture]
        assert int(registers) < 256 and (spilled, shuffles, barriers) == ("0", "0", "0")
        assert int(made["_backward", architecture][0]) < 256
        assert made["_update", architecture][1] == "0"
        for name in ("_conv_forward", "_conv_gradients", "_conv_input"):
            assert (name, architecture) in made
    for name in ("_causal", "_enter", "_leave", "_pool"):
        registers, spilled, *_ = made[name, "90"]
        assert int(registers) < 256 and spilled == "0"
    sizes = {row[7]: row for row in rows if row[1] == "_forward" and row[2] == "90"}
    for asked in ("BLOCK_R=32", "BLOCK_N=64", "BLOCK_N=128"):
        own = [row for options, row in sizes.items() if asked in options.split()]
        assert own and all(row[4] == "0" for row in own), asked
