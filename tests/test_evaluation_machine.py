"""The machine in words that may be published."""

import os
import platform
from pathlib import Path

from mambatrack.evaluation.machine import machine


def test_it_names_what_counts_and_not_the_machine(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "host-of-somebody")
    said = machine()
    assert f"{os.cpu_count()} cores" in said and platform.python_version() in said
    assert "host-of-somebody" not in said and "\n" not in said


def test_a_system_without_proc_is_described_as_well(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    monkeypatch.setattr(platform, "processor", lambda: "Chip 9")
    monkeypatch.setattr(platform, "system", lambda: "Haiku")
    assert machine().startswith("Chip 9, ") and ", Haiku, Python " in machine()
