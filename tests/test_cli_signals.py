"""What a signal does to each command: real processes, which close their files and end with 130."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mambatrack.cli.signals import SIGNALS, Interruption, resumable
from mambatrack.simulation.world import write_sequence
from split_processes import end_split, run_command, start_split

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs signals of POSIX")
ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PYTHON = [sys.executable, "-c"]
ASLEEP_S = 100


def until(condition, ended):
    """Waits for it, while the process lives."""
    deadline = time.monotonic() + 60
    while not condition():
        assert ended() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def stopped(tmp_path_factory):
    """Runs a command in a process of its own and sends it a signal once a file is there -> its code
    and what it said."""
    folder = tmp_path_factory.mktemp("said")

    def run(*words, number, once):
        process = start_split(folder, run_command, *words)
        until(once.exists, lambda: process.exitcode)
        os.kill(process.pid, number)
        return end_split(folder, process)

    return run


def started(*arguments, **how):
    command = [sys.executable, "-m", "mambatrack", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )


def raised(number):
    os.kill(os.getpid(), number)
    time.sleep(0.2)  # Python takes it between two of its steps


@pytest.mark.parametrize("number", ALL)
def test_the_first_signal_is_noted_and_the_second_comes_at_once(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with Interruption() as interruption:
        assert not interruption
        interruption.check()
        raised(number)
        assert interruption
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):
            raised(number)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_the_wait_for_an_item_ends_but_not_the_work_on_one():
    def items():
        yield 1
        yield 2
        raised(signal.SIGTERM)
        pytest.fail("the wait went on")

    with Interruption() as interruption:
        assert list(interruption.until(items())) == [1, 2]
    with Interruption() as interruption:
        done = []
        for item in interruption.until(iter([1, 2, 3])):
            if item == 2:
                raised(signal.SIGTERM)
            done.append(item)
    assert done == [1, 2]


def test_an_interrupt_that_python_could_only_print_comes_again(capsys):
    class Deaf:
        def __del__(self):
            raised(signal.SIGTERM)

    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), resumable("train"):
        deaf = Deaf()
        del deaf
        time.sleep(30)
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == "stopped; the same mambatrack train goes on from here\n"


def test_other_errors_of_destructors_are_printed_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: told.append(each.exc_type))

    class Broken:
        def __del__(self):
            raise OSError

    with Interruption() as interruption:
        broken = Broken()
        del broken
        time.sleep(0.2)
    assert told == [OSError] and not interruption


@pytest.mark.parametrize("number", ALL)
def test_a_program_that_still_opens_its_source_ends_too(number):
    code = """if True:
        import sys, time
        from mambatrack.cli import main, track
        def slow(*_):
            print("opening", flush=True)
            time.sleep(60)
        track.check_files = slow
        sys.exit(main(["track", "a.mp4", "--mot", "a.txt"]))
    """
    with subprocess.Popen([*PYTHON, code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"opening\n"
        run.send_signal(number)
        assert run.wait(30) == 130 and run.stderr.read() == b""


def test_a_program_that_outlives_its_terminal_is_left_alone():
    code = """if True:
        import os, signal
        from mambatrack.cli.signals import Interruption
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            print(bool(interruption))
    """
    done = subprocess.run(["nohup", *PYTHON, code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def repeat(sequence, frames, times):
    """The people of the sequence walk the same way again and again."""
    for file in (sequence / "det/det.txt", sequence / "gt/gt.txt"):
        rows = [line.split(",", 1) for line in file.read_text().splitlines()]
        later = ([int(frame) + frames * k, rest] for k in range(times) for frame, rest in rows)
        file.write_text("".join(f"{frame},{rest}\n" for frame, rest in later))
    facts = sequence / "seqinfo.ini"
    facts.write_text(facts.read_text().replace(f"={frames}\n", f"={frames * times}\n"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """clip.mp4 of 200 frames, data/ of two sequences with 40 and 1500 frames, short/ of two."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("data/a", "data/b", "short/a", "short/b"):
        frames = 40 if name == "data/a" else 60
        write_sequence(folder / name, seed=5, people=5, frames=frames, size=(160, 120))
    repeat(folder / "data/b", 60, 25)
    write_sequence(
        folder / "clip", seed=3, people=3, frames=200, size=(160, 120), video=folder / "clip.mp4"
    )
    return folder


def test_a_terminal_that_is_closed_ends_the_work_with_whole_files(world, tmp_path):
    import pty

    command = ["track", world / "clip.mp4", "--predictor", "still", "--mot", "a.txt"]
    command += ["--jsonl", "a.jsonl", "--output", "a.mp4"]
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "mambatrack", *map(str, command)])
    lines, deadline = tmp_path / "a.jsonl", time.monotonic() + 60
    os.set_blocking(terminal, False)
    while not lines.exists() or lines.read_text().count("\n") < 20:
        assert time.monotonic() < deadline
        try:
            os.read(terminal, 1 << 16)
        except BlockingIOError:
            time.sleep(0.01)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    frames = [json.loads(line)["frame"] for line in lines.read_text().splitlines()[1:]]
    assert frames == list(range(len(frames))) and 19 <= len(frames) < 200


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 2), (signal.SIGTERM, 2), (signal.SIGHUP, 1)]
)
def test_a_data_set_keeps_what_is_finished_and_goes_on(world, tmp_path, number, workers):
    """SIGINT and SIGHUP reach every process of a terminal, SIGTERM only the first."""
    words = ["track", "--dataset", world / "data", "--out", tmp_path, "--workers", workers]
    words += ["--predictor", "kalman"]
    with started(*words, start_new_session=True) as run:
        until((tmp_path / "a.txt").exists, run.poll)
        (os.kill if number == signal.SIGTERM else os.killpg)(run.pid, number)
        said = run.communicate(timeout=60)[1]
    assert run.returncode == 130 and "goes on from here" in said and "Traceback" not in said
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["a.jsonl", "a.txt", "run.json"]


def test_scoring_keeps_what_is_tracked_and_goes_on(world, tmp_path, stopped):
    words = ["eval", "--dataset", world / "data", "--out", tmp_path, "--predictor", "kalman"]
    done = stopped(*words, number=signal.SIGHUP, once=tmp_path / "a.txt")
    assert done.returncode == 130 and "the same mambatrack eval goes on from here" in done.stderr
    assert (tmp_path / "a.txt").exists() and not (tmp_path / "b.txt").exists()


def test_training_that_is_stopped_keeps_its_checkpoint(world, tmp_path, stopped):
    small = ["d_model=8", "layers=1", "d_state=2", "checkpoint_every=2", "steps=100000"]
    words = ["train", "--dataset", world / "short", "--out", tmp_path]
    words += [f"--training.{each}" for each in small]
    done = stopped(*words, number=signal.SIGHUP, once=tmp_path / "checkpoint.safetensors")
    assert done.returncode == 130 and "the same mambatrack train goes on" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_end_with_a_parent_that_is_killed():
    code = """if True:
        import os, sys, time
        sys.path.insert(0, {tests!r})
        from mambatrack.runs.engines import Engine, run_all
        from test_cli_signals import tell_and_sleep
        if __name__ == "__main__":
            list(run_all(tell_and_sleep, [1, 2], Engine(workers=2)))
    """
    code = code.format(tests=str(Path(__file__).parent))
    with subprocess.Popen([*PYTHON, code], stdout=subprocess.PIPE, text=True) as run:
        assert [run.stdout.readline() for _ in range(2)] == ["asleep\n"] * 2
        run.kill()
        ended = time.monotonic()
        assert run.stdout.read() == ""  # the pipe is closed when the last of them has ended
    assert time.monotonic() - ended < ASLEEP_S / 2


def tell_and_sleep(number: int) -> None:
    os.write(1, b"asleep\n")
    time.sleep(ASLEEP_S)
