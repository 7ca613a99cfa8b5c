"""Processes that have loaded torch and the command line already: each is split off from one that
has (multiprocessing's forkserver), which takes milliseconds where a new Python takes seconds."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from subprocess import CompletedProcess
from unittest.mock import patch

PRELOADED = ["tiny_trainings", "mambatrack.cli.program"]


def _with_outputs(folder, work, arguments):
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(file, number)
    work(*arguments)


def run_split(folder, work, *arguments, timeout=120):
    """Runs ``work(*arguments)`` in a process of its own, which ends with what it raises or with a
    signal; what it says goes to files in ``folder``. ``work`` is a function of a module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):  # for what is preloaded
        forkserver.ensure_running()
    process = context.Process(target=_with_outputs, args=(folder, work, arguments))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
    process.join()
    said = ((folder / name).read_text() for name in ("out", "err"))
    return CompletedProcess([work, *arguments], process.exitcode, *said)
