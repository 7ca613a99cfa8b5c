"""How much the page of live tracking slows the tracker down while many watch, some never reading.

python demo/web_load.py [--clients 200] [--pairs 20] [--seconds 2] [--no-detector]
python demo/web_load.py --flood pings       or watch, or requests: one client alone, that floods

The same pictures go through detector and tracker as fast as they can, alternately without the page
and with it, so that whatever else the machine does meets both alike. First nobody watches the page,
then clients do over WebSocket, from another process; every second of them never reads. The speed
with the page is given as a share of that without, for each pair: median and quartiles. On Linux it
is given again without the time in which the system ran something else on the processor: what is
left is the tracker's own work and its waiting for the page's threads.

With --flood the page is there throughout, and the one client is stopped and set free in turn: it
sends pings, choices of the sources that it watches, or requests, as fast as it can, reads what
comes back, and connects again whenever it is cut.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import AsyncIterable, Callable, Iterator
from functools import partial
from pathlib import Path

import cv2

from mambatrack import (
    Frame,
    LiveUpdate,
    SourceStatus,
    Tracker,
    WebObserver,
    make_world,
    open_detector,
    serve,
)

SIZE = (960, 540)
AT_ONCE = 50  # messages of a flood
CLIP = 100  # pictures, played over and over


class Controls:
    paused = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--no-detector", action="store_true", help="the tracker alone")
    parser.add_argument("--flood", choices=FLOODS, help="by one client")
    parser.add_argument("--watch", type=int, help=argparse.SUPPRESS)  # port, in the other process
    options = parser.parse_args()
    if options.watch and options.flood:
        flood(options.watch, FLOODS[options.flood])
    if options.watch:
        asyncio.run(watch(options.watch, options.clients))
        return
    cv2.setNumThreads(1)
    page = serve(Controls(), ["clip"], port=0)
    try:
        work = Work(page, not options.no_detector)
        if options.flood:
            compare_flooded(work, page, options)
        else:
            compare_watched(work, page, options)
        print(*counters(page), sep="\n")
    finally:
        page.close()


class Work:
    """Endless tracking of a clip, some seconds at a time."""

    def __init__(self, page: WebObserver, detect: bool):
        world = make_world(people=12, frames=CLIP, size=SIZE)
        self.clip = [(world.render(index), world.detections(index)) for index in range(CLIP)]
        self.detect = open_detector("motion") if detect else None
        self.tracker = Tracker(image_size=SIZE)
        self.page = page

    def run(self, seconds: float, shown: bool) -> tuple[float, float]:
        """-> frames a second by the clock, and of the time that the system gave."""
        began, first, waited = time.perf_counter(), self.tracker.frame, queued_seconds()
        while (spent := time.perf_counter() - began) < seconds:
            self.step(shown)
        frames = self.tracker.frame - first
        return frames / spent, frames / (spent - queued_seconds() + waited)

    def step(self, shown: bool) -> None:
        number = self.tracker.frame
        image, found = self.clip[number % CLIP]
        tracks = self.tracker.update(self.detect(image, number) if self.detect else found)
        if shown:
            status = SourceStatus("clip", "open", SIZE, frames=number + 1)
            self.page.update(LiveUpdate(0, Frame(number, number / 30, image), tracks, status))


def compare_watched(work: Work, page: WebObserver, options: argparse.Namespace) -> None:
    plain, shown = (partial(work.run, options.seconds, shown=each) for each in (False, True))
    names = "without the page", "with it"
    compare("nobody watches", names, plain, shown, options.pairs)
    with watched(page, ["--clients", str(options.clients)]):
        name = f"{options.clients} clients, half of them never reading"
        compare(name, names, plain, shown, options.pairs)


def compare_flooded(work: Work, page: WebObserver, options: argparse.Namespace) -> None:
    def run(then: int) -> tuple[float, float]:
        process.send_signal(then)
        return work.run(options.seconds, shown=True)

    with watched(page, ["--flood", options.flood]) as process:
        names = "without the flood", "with it"
        still, flooded = partial(run, signal.SIGSTOP), partial(run, signal.SIGCONT)
        compare(f"one client floods with {options.flood}", names, still, flooded, options.pairs)


def compare(
    name: str,
    names: tuple[str, str],
    run_plain: Callable[[], tuple[float, float]],
    run_other: Callable[[], tuple[float, float]],
    pairs_of_runs: int,
) -> None:
    before, began = page_seconds(), time.perf_counter()
    speeds = [(run_plain(), run_other()) for _ in range(pairs_of_runs)]
    spent = time.perf_counter() - began
    print(f"{name}:")
    for kind, clock in enumerate(("by the clock", "of the time given")):
        pairs = [(plain[kind], shown[kind]) for plain, shown in speeds]
        changes = [100 * (shown / plain - 1) for plain, shown in pairs]
        low, middle, high = statistics.quantiles(changes, n=4)
        plain, shown = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"  {plain:.1f} frames a second {clock} {names[0]}, {shown:.1f} {names[1]}:")
        print(f"    change {middle:+.1f} % (quartiles {low:+.1f} % and {high:+.1f} %)")
    for thread, seconds in page_seconds().items():
        print(f"  {thread}: {100 * (seconds - before[thread]) / spent:.1f} % of a core", flush=True)


@contextlib.contextmanager
def watched(page: WebObserver, clients: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Clients in a process of their own, from when all are connected."""
    port = page.url.split(":")[2].strip("/")
    command = [sys.executable, __file__, "--watch", port, *clients]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()  # also where it is stopped


def queued_seconds() -> float:
    """How long this thread could have run while the system ran others (Linux; else 0)."""
    file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(file.read_text().split()[1]) / 1e9 if file.exists() else 0.0


def page_seconds() -> dict[str, float]:
    """Processor time of the page's threads (not on every system)."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return {}
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.name.startswith("page-") and thread.ident is not None
    }


def counters(page: WebObserver) -> list[str]:
    with urllib.request.urlopen(page.url + "metrics") as answer:
        lines = answer.read().decode().splitlines()
    return [f"  {line}" for line in lines if line.startswith("mambatrack_web_")]


async def watch(port: int, clients: int) -> None:
    """Connects; every second client reads what it gets, the others nothing."""
    from websockets.asyncio.client import connect

    if hasattr(os, "nice"):
        os.nice(19)  # other machines would do this work
    readers = [
        await connect(f"ws://127.0.0.1:{port}/ws", max_size=None, compression=None)
        for _ in range((clients + 1) // 2)
    ]
    reading = [asyncio.create_task(drain(reader)) for reader in readers]
    sleepers = [sleeper(port) for _ in range(clients // 2)]
    print("connected", flush=True)
    await asyncio.gather(*reading)
    for each in sleepers:
        each.close()


async def drain(reader: AsyncIterable[str | bytes]) -> None:
    async for _ in reader:
        pass


def sleeper(port: int) -> socket.socket:
    """A connection that asks for pictures and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.connect(("127.0.0.1", port))
    connection.sendall(opening(port))
    return connection


def opening(port: int) -> bytes:
    """What asks for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /ws HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def flood(port: int, message: bytes) -> None:
    """Sends the message for ever, as fast as it can; requests over HTTP, else over a WebSocket."""
    if hasattr(os, "nice"):
        os.nice(19)  # another machine would do this work
    print("connected", flush=True)
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port)) as connection,
        ):
            connection.sendall(b"" if message.startswith(b"GET") else opening(port))
            while True:
                connection.sendall(message * AT_ONCE)
                with contextlib.suppress(BlockingIOError):
                    while connection.recv(1 << 16, socket.MSG_DONTWAIT):
                        pass


def frame(kind: int, content: bytes) -> bytes:
    """A short frame of a WebSocket, masked with zeros."""
    return bytes([0x80 | kind, 0x80 | len(content), 0, 0, 0, 0]) + content


FLOODS = {
    "pings": frame(0x9, b"are you there"),
    "watch": frame(0x1, b'{"watch": [0]}'),
    "requests": b"GET /api/sources HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}


if __name__ == "__main__":
    main()
