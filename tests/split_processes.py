"""Processes that have loaded torch and the command line already: each is split off from one that
has (multiprocessing's forkserver), which takes milliseconds where a new Python takes seconds."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from subprocess import CompletedProcess
from unittest.mock import patch

PRELOADED = ["tiny_trainings", "mambatrack.cli.program", "torch._dynamo"]  # the last by optimisers


def run_command(*words):
    """The program; for the functions below."""
    from mambatrack.cli import main

    sys.exit(main([str(word) for word in words]))


def _with_outputs(place, folder, work, arguments):
    os.setsid()
    os.chdir(place)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(file, number)
    work(*arguments)


def start_split(folder, work, *arguments):
    """Starts ``work(*arguments)`` in a process and a session of its own, in the current folder; it
    ends with what it raises or with a signal, and what it says goes to files in ``folder``.
    ``work`` is a function of a module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):  # for what is preloaded
        forkserver.ensure_running()
    process = context.Process(target=_with_outputs, args=(os.getcwd(), folder, work, arguments))
    process.start()
    return process


def end_split(folder, process, timeout=120):
    """Waits for the process -> its code, and what it said into ``folder``."""
    process.join(timeout)
    if process.is_alive():
        process.kill()
    process.join()
    said = ((folder / name).read_text() for name in ("out", "err"))
    return CompletedProcess([process.name], process.exitcode, *said)


def run_split(folder, work, *arguments):
    """Both of them."""
    return end_split(folder, start_split(folder, work, *arguments))
