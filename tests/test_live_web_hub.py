"""Newest-only fan-out to the watchers."""

import asyncio

import pytest

from mambatrack.live.web import hub as module
from mambatrack.live.web.hub import Hub


def received(hub, watcher):
    """All that waits for this watcher, until the end."""

    async def drain():
        found = []
        while watcher._slots:
            found.append(await watcher.next())
        return found

    return asyncio.run(drain())


def test_the_newest_of_each_kind_and_source_replaces_the_one_before():
    hub = Hub(2)
    watcher = hub.join(pictures=True)
    for number in range(3):
        hub.publish("frame", f"a{number}", True, 0)
        hub.publish("frame", f"b{number}", True, 1)
        hub.publish("tick", f"t{number}", True)
    assert received(hub, watcher) == ["a2", "b2", "t2"]


def test_watchers_get_what_they_asked_for():
    hub = Hub(3)
    everything, one, events = hub.join(True), hub.join(True), hub.join(False)
    hub.choose(one, frozenset([1]))
    for source in range(3):
        hub.publish("frame", f"f{source}", True, source)
    hub.publish("tracks", "event", False, 2)
    hub.publish("tick", "all", True)
    assert received(hub, everything) == ["f0", "f1", "f2", "all"]
    assert received(hub, one) == ["f1", "all"]
    assert received(hub, events) == ["event"]


def test_demand_counts_who_watches_what():
    hub = Hub(2)
    assert hub.demand.clients == 0 and not any(hub.demand.watchers.values())
    both, second, events = hub.join(True), hub.join(True), hub.join(False)
    hub.choose(second, frozenset([1]))
    assert hub.demand.watchers == {0: 1, 1: 2}
    assert (hub.demand.events, hub.demand.clients) == (1, 3)
    before = hub.demand.changes
    hub.leave(events)
    hub.leave(both)
    assert hub.demand == ({0: 0, 1: 1}, 0, 1, before)  # nobody new waits for a picture
    hub.join(True)
    assert hub.demand.changes == before + 1


def test_it_is_full_at_its_limit_and_after_its_end(monkeypatch):
    monkeypatch.setattr(module, "MOST_WATCHERS", 2)
    hub = Hub(1)
    first = hub.join(True)
    assert not hub.full
    hub.join(False)
    assert hub.full
    hub.leave(first)
    assert not hub.full
    hub.close()
    assert hub.full


@pytest.mark.parametrize("wake", [lambda hub: hub.publish("tick", "t", True), Hub.close])
def test_a_waiting_watcher_wakes_up(wake):
    async def wait():
        hub = Hub(1)
        watcher = hub.join(True)
        task = asyncio.create_task(watcher.next())
        await asyncio.sleep(0)
        assert not task.done()
        wake(hub)
        return await asyncio.wait_for(task, 10)

    assert asyncio.run(wait()) == (None if wake is Hub.close else "t")


def test_nothing_is_told_after_the_end():
    hub = Hub(1)
    watcher = hub.join(True)
    hub.publish("tick", "t", True)
    hub.close()
    assert asyncio.run(watcher.next()) is None
