"""Cameras for tests: motion JPEG over HTTP on loopback, which can be killed and started again, and
one that is led by hand."""

import contextlib
import http.server
import os
import socket
import threading
import time

import cv2
import numpy as np

SOON_S = 20.0
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def until(condition, what="it"):
    """Waits, and fails where it takes for ever."""
    limit = time.monotonic() + SOON_S
    while not (value := condition()):
        assert time.monotonic() < limit, f"{what} never came true"
        time.sleep(0.005)
    return value


def jpeg(shade, size=(64, 48)):
    """A picture of one grey level, as a camera would send it."""
    image = np.full((size[1], size[0], 3), shade, np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


class MjpegServer:
    """``pictures(k)`` gives the bytes of frame k, whoever asks; None: the server hangs there.

    A context manager; kill() cuts every connection, start() is on the same port again.
    """

    def __init__(self, pictures=lambda k: jpeg(k % 200), fps=50.0):
        for name in PROXIES:
            os.environ.pop(name, None)
        self.pictures, self.fps, self.sent = pictures, fps, 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/stream.mjpg"
        self._server = None

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.serve(self)

            def log_message(self, *_):
                pass

        self._connections, self._going = [], threading.Event()
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def serve(self, handler):
        going = self._going
        self._connections.append(handler.connection)
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        while not going.is_set():
            picture = self.pictures(self.sent)
            if picture is None:
                going.wait(60)
                return
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            handler.wfile.write(head.encode() + picture + b"\r\n")
            self.sent += 1
            time.sleep(1 / self.fps)

    def kill(self):
        if self._server is None:
            return
        self._going.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


class ByHand:
    """A camera whose frames are released one by one, or fail."""

    live, length, fps, size, time_s = True, None, 25.0, (8, 6), 0.0

    def __init__(self):
        self.steps, self.opened, self.closed = [], 0, 0
        self._more = threading.Semaphore(0)

    def open(self, source, timeout_s):
        self.opened += 1
        return self

    def give(self, *steps):
        """Each a picture, None for a damaged one, or an exception to be raised."""
        for step in steps:
            self.steps.append(step)
            self._more.release()

    def advance(self):
        self._more.acquire()
        self._now = self.steps.pop(0)
        if isinstance(self._now, Exception):
            raise self._now
        return self._now is not StopIteration

    def image(self):
        return self._now

    def problem(self, frames):
        return f"ended after {frames}"

    def close(self):
        self.closed += 1
