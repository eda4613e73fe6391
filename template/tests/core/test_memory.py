import time

import psutil
import pytest

from app.core.cache.entry import Entry
from app.core.cache.memory import Memory


def lasting(value: bytes) -> Entry:
    return Entry.lasting(value, 60, 0)


def test_it_stays_within_its_bytes() -> None:
    memory = Memory(100_000)
    for number in range(1000):
        memory.set(f"key{number}", lasting(b"x" * 100), ("tag", f"tag{number}"), 60)
        memory.get("key0")

    assert memory.stats()["bytes"] <= 100_000
    assert memory.get("key999") is not None
    assert memory.get("key0") is not None, "what is used stays"
    assert memory.get("key500") is None

    memory.set("huge", lasting(b"x" * 200_000), (), 60)
    assert memory.get("huge") is None
    assert memory.get("key999") is not None


def test_it_ends_as_empty_as_it_began() -> None:
    memory = Memory(1_000_000)
    empty = vars(Memory(1_000_000))
    for number in range(100):
        memory.set(f"key{number}", lasting(b"x"), ("tag", f"tag{number % 3}"), 60)
        memory.set(f"key{number}", lasting(b"y"), ("other",), 60)
    memory.forget(["key0", "nothing"])
    assert memory.stats()["entries"] == 99

    memory.forget(["other"])

    assert vars(memory) == empty


def test_a_copy_ends_before_its_entry_does() -> None:
    memory = Memory(1_000_000)
    memory.set("key", lasting(b"x"), (), 0.01)
    time.sleep(0.02)

    assert memory.get("key") is None
    assert memory.stats() == {"entries": 0, "bytes": 0, "max_bytes": 1_000_000}


def test_an_entry_is_written_as_bytes() -> None:
    for value in (b"", b"text \x00", None):
        entry = Entry.lasting(value, 60, 5)
        assert Entry.unpack(entry.pack()) == entry


@pytest.mark.slow
def test_a_million_keys_stay_within_their_bytes() -> None:
    bound = 16 * 1024**2
    memory = Memory(bound)
    process = psutil.Process()
    before = process.memory_info().rss
    for number in range(1_000_000):
        memory.set(f"post:{number}", lasting(b"%d" % number * 40), (f"tag{number}",), 60)

    # What the allocator keeps for itself is no entry.
    assert process.memory_info().rss - before < 2 * bound
    assert bound // 2 < memory.stats()["bytes"] <= bound
