"""Texts that the commands read, mutated at random: each is worked on, or refused in a few lines.

python tests/fuzz_commands.py --runs 2000 --first 0
"""

import argparse
import contextlib
import gc
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from command_inputs import LINES, PLAIN, Line, write_inputs
from mambatrack.cli.program import main

LONGEST_S, LONGEST_WAIT_S = 10, 250  # of the processor, and by the clock
MOST_LINES, LONGEST_LINE = 12, 1500  # of what is said where nothing was done
PIPED = {  # lines that read a file from standard input
    "boxes as JSON Lines": Line(("track", "-", *PLAIN, "--mot", "{out}/x.txt", "--emit", "none"),
                                ("boxes.jsonl",)),
    "boxes as MOT text": Line(("track", "-", *PLAIN, "--jsonl", "{out}/x.jsonl", "--format", "mot",
                               "--emit", "none"), ("det.txt",)),
}  # fmt: skip
BOXES = '{"format": "mambatrack-boxes", "version": 1, "classes": ["person"]}\n' + "".join(
    f'{{"frame": {k}, "time_s": {k / 10}, "boxes": [[{k}, 9, {k + 20}, 60, 0.9, 0]]}}\n'
    for k in range(12)
)
ALL = {name: each for name, each in {**LINES, **PIPED}.items() if each.texts}
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
TOKEN = re.compile(rb"[^\s,;:=\[\]{}\"]+")
EXTREMES = [
    b"0", b"-1", b"1", b"0.5", b"-0", b"1e308", b"-1e308", b"1e400", b"nan", b"inf", b"-inf",
    b"NaN", b"Infinity", b"99999999", b"2147483648", b"9223372036854775807",
    b"18446744073709551616", b"1e-320", b"9" * 400, b"0x10", b"1_000", b"1e", b"--1", b"true",
    b"null", b"1e7", b"16777217",
]  # fmt: skip
STRANGE = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"[", b"{", b'"', b"]" * 9,
    b"[" * 1000, b"#", b"%", b"\t", b"=1+1", b"../../x", b"/", b"null", b"\\ud800",
    b"\xed\xa0\x80", b"a" * 5000, b"person", b"[Sequence]", b"tracker:", b"- x", b"&a [*a]",
    b"!!python/object:os.system x",
]  # fmt: skip


class TooLong(BaseException):
    """A run took more than LONGEST_S, or waited for something."""


def of_bytes(content, rng):
    changed = bytearray(content)
    for place in rng.integers(len(changed) + 1, size=rng.integers(1, 6)):
        what = rng.integers(3)
        changed[place : place + (what > 0)] = b"" if what == 1 else bytes([rng.integers(256)])
    return bytes(changed)


def replaced(content, pattern, texts, rng):
    """Some of what the pattern finds, with other texts in place."""
    found = list(pattern.finditer(content))
    for each in sorted(pick(found, rng, rng.integers(1, 4)), key=lambda m: -m.start()):
        text = texts[rng.integers(len(texts))]
        content = content[: each.start()] + text + content[each.end() :]
    return content


def pick(items, rng, count):
    return [items[k] for k in set(rng.integers(len(items), size=count).tolist())] if items else []


def of_numbers(content, rng):
    return replaced(content, NUMBER, EXTREMES, rng)


def of_tokens(content, rng):
    own = [each[0] for each in TOKEN.finditer(content)][:500] or [b""]
    return replaced(content, TOKEN, STRANGE if rng.random() < 0.5 else own, rng)


def of_cut(content, rng):
    first, last = sorted(rng.integers(len(content) + 1, size=2).tolist())
    return (content[:last], content[first:], content[:first] + content[last:])[rng.integers(3)]


def of_lines(content, rng):
    lines = content.splitlines(keepends=True) or [b""]
    place, what = int(rng.integers(len(lines))), rng.integers(5)
    if what == 0:
        lines.insert(int(rng.integers(len(lines) + 1)), lines[place])
    elif what == 1:
        del lines[place]
    elif what == 2:
        lines.reverse()
    elif what == 3:
        lines[place] = lines[place] * int(rng.integers(2, 500))
    else:
        lines[place] = lines[place].replace(b",", b" ").replace(b":", b"")
    return b"".join(lines)


def of_insertion(content, rng):
    place = int(rng.integers(len(content) + 1))
    text = STRANGE[rng.integers(len(STRANGE))] * int(rng.integers(1, 4))
    return content[:place] + text + content[place:]


CHANGES = (of_bytes, of_numbers, of_numbers, of_tokens, of_cut, of_lines, of_insertion)


class Inputs:
    """A folder with the inputs of all commands, which is the current one while it is entered; what
    a run has changed is put back by restore()."""

    def __enter__(self):
        self.before, self.folder = os.getcwd(), Path(tempfile.mkdtemp(prefix="fuzz-"))
        os.chdir(self.folder)
        self.offline = patch.dict(os.environ, MAMBATRACK_OFFLINE="1")  # no detector is fetched
        self.offline.start()
        with quiet():
            write_inputs(self.folder)
        (self.folder / "boxes.jsonl").write_text(BOXES)
        names = {text for each in ALL.values() for text in each.texts}
        self.texts = {name: (self.folder / name).read_bytes() for name in sorted(names)}
        return self

    def __exit__(self, *_):
        self.offline.stop()
        os.chdir(self.before)
        shutil.rmtree(self.folder)

    def restore(self):
        for name, content in self.texts.items():
            path = self.folder / name
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)


@contextlib.contextmanager
def quiet(text=b""):
    """What is said is kept; ``text`` is on standard input."""
    said, before = io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text))
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            yield said
    finally:
        sys.stdin = before


@contextlib.contextmanager
def limited():
    """Raises TooLong in the main thread when the time is over."""

    def stop(*_):
        raise TooLong

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, LONGEST_S),
              (signal.SIGALRM, signal.ITIMER_REAL, LONGEST_WAIT_S))  # fmt: skip
    before = [signal.signal(number, stop) for number, _, _ in timers]
    try:
        for _, timer, seconds in timers:
            signal.setitimer(timer, seconds)
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def fault_of(inputs, seed):
    """-> (what was done, what came out, what is wrong with it or "")."""
    rng = np.random.default_rng(seed)
    name = list(ALL)[rng.integers(len(ALL))]
    done = []
    for file in pick(ALL[name].texts, rng, 1 + (rng.random() < 0.2)):
        content = inputs.texts[file]
        for _ in range(1 + (rng.random() < 0.3)):
            change = CHANGES[rng.integers(len(CHANGES))]
            content = change(content, rng)
            done.append(f"{file} {change.__name__}")
        (inputs.folder / file).write_bytes(content)
    out = Path(tempfile.mkdtemp(prefix="fuzz-out-"))
    try:
        outcome, fault = run(name, out, inputs)
    finally:
        inputs.restore()
        shutil.rmtree(out)
    return f"{name}: {', '.join(done)}", outcome, fault


def run(name, out, inputs):
    words = [word.replace("{out}", str(out)) for word in ALL[name].words]
    stdin = (inputs.folder / ALL[name].texts[0]).read_bytes() if name in PIPED else b""
    threads = threading.active_count()
    with warnings.catch_warnings(), quiet(stdin) as said:
        warnings.simplefilter("always")
        try:
            with limited():
                code = main(words)
        except SystemExit as ended:
            code = ended.code
        except TooLong:
            return "too long", f"took more than {LONGEST_S} s"
        except BaseException:
            return "crash", traceback.format_exc()
    return str(code), judged(code, said.getvalue(), out, threads)


def judged(code, said, out, threads):
    """What is wrong, "" where nothing is."""
    lines = said.splitlines()
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if "Traceback" in said or "encountered in" in said or "Errno" in said:
        return said[-2000:]
    if code and not any(": error:" in each or each.startswith("error:") for each in lines):
        return f"code {code} without a word: {said[-500:]}"
    if code and (len(lines) > MOST_LINES or max(map(len, lines)) > LONGEST_LINE):
        return f"{len(lines)} lines, the longest of {max(map(len, lines))}: {said[:500]}"
    gc.collect()
    left = [each for each in open_files() if each.startswith(str(out))]
    if left or list(out.rglob("*.part")):
        return f"left open or unfinished: {left or list(out.rglob('*.part'))}"
    if threading.active_count() > threads + 8:
        return f"{threading.active_count() - threads} threads are left"
    return ""


def open_files():
    folder = Path("/proc/self/fd")
    for each in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            yield os.readlink(each)


def fuzz(runs, first=0):
    """-> (how often each outcome came, the faults by seed)."""
    outcomes, faults = Counter(), {}
    with Inputs() as inputs:
        gc.collect()
        gc.freeze()  # each run is searched for garbage, but not what was there before
        for seed in range(first, first + runs):
            what, outcome, fault = fault_of(inputs, seed)
            outcomes[outcome] += 1
            if fault:
                faults[seed] = f"{what}\n{fault}"
                print(f"seed {seed}, {faults[seed]}", flush=True)
    return outcomes, faults


def command_line():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    given = parser.parse_args()
    outcomes, faults = fuzz(given.runs, given.first)
    print(", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    print(f"{len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(command_line())
