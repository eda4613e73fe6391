"""What levels of compression cost and give, on a list of posts.

`uv run --with zstandard --with brotli python benchmarks/levels.py`
"""

import json
import random
import time
import zlib
from collections.abc import Callable

import brotli
import zstandard

SECONDS = 0.15
TEXT = """
the quick brown fox jumps over a lazy dog while every service waits for a database or a cache or a
queue and answers requests with a stream of events
"""
WORDS = TEXT.split()


def posts(count: int) -> bytes:
    text = random.Random(1)  # noqa: S311 - the same text each time
    listed = [
        {
            "id": number,
            "title": " ".join(text.choices(WORDS, k=6)),
            "body": " ".join(text.choices(WORDS, k=60)),
            "created_at": f"2026-11-{number % 28 + 1:02}T12:00:00.{text.randrange(10**6):06}Z",
            "author": {"id": text.randrange(1000), "name": text.choice(WORDS)},
            "likes": text.randrange(10_000),
        }
        for number in range(count)
    ]
    return json.dumps(listed).encode()


def gzip(body: bytes, level: int) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, 31)
    return encoder.compress(body) + encoder.flush()


ENCODINGS: dict[str, tuple[Callable[[bytes, int], bytes], tuple[int, ...]]] = {
    "zstd": (lambda body, level: zstandard.ZstdCompressor(level=level).compress(body), (1, 3, 5)),
    "br": (lambda body, level: brotli.compress(body, quality=level), (0, 1, 3, 4, 5)),
    "gzip": (gzip, (1, 4, 6, 9)),
}


def report(body: bytes) -> None:
    print(f"{len(body)} bytes")
    for name, (encode, levels) in ENCODINGS.items():
        for level in levels:
            times, started = 0, time.perf_counter()
            while time.perf_counter() - started < SECONDS:
                encoded = encode(body, level)
                times += 1
            microseconds = (time.perf_counter() - started) / times * 1e6
            share = len(encoded) / len(body)
            print(f"  {name} {level}: {microseconds:.0f} µs, {share:.1%}")


if __name__ == "__main__":
    for count in (3, 20, 400):
        report(posts(count))
