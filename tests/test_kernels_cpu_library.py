"""Which C library is taken, and what is said where there is none."""

import pytest

from c_library import needs_library
from mambatrack.kernels.cpu import library as cpu


def test_a_missing_or_unknown_library_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setattr(cpu, "LIBRARY", tmp_path / "libmambatrack.so")
    assert not cpu.available() and "was not built" in cpu.why_not()
    with pytest.raises(RuntimeError, match="cannot be used: it was not built"):
        cpu.variant()
    cpu.LIBRARY.write_text("no library")
    assert not cpu.available() and cpu.why_not()


@needs_library
def test_a_library_built_from_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setattr(cpu, "INTERFACE", cpu.INTERFACE + 1)
    assert not cpu.available() and "built from other sources" in cpu.why_not()


@needs_library
def test_an_instruction_set_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setenv("MAMBATRACK_CPU", "neon")
    assert "MAMBATRACK_CPU=neon, but this processor runs" in cpu.why_not()
