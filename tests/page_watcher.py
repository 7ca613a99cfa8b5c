"""A watcher of a live page and a client of its addresses."""

import contextlib
import json
import struct

import cv2
import numpy as np

from live_session import page_of, wait_for


@contextlib.contextmanager
def asked_page():
    """-> (session, page, client): a page of two sources that has heard of all their frames."""
    import httpx

    with page_of() as (session, page):
        client = httpx.Client(base_url=page.url, timeout=20)
        wait_for(lambda: client.get("/api/sources").json()["sources"][1]["frames"] == 3)
        yield session, page, client


def socket_of(page):
    from websockets.sync.client import connect

    return connect(page.url.replace("http", "ws") + "ws", max_size=None)


def picture_in(message):
    (length,) = struct.unpack(">I", message[:4])
    head = json.loads(message[4 : 4 + length])
    return head, cv2.imdecode(np.frombuffer(message[4 + length :], "u1"), 1)


def next_picture(watcher):
    while isinstance(message := watcher.recv(timeout=20), str):
        pass
    return picture_in(message)
