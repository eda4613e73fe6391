"""The encodings: zstd, Brotli and gzip.

Levels are where more effort no longer pays: of a list of 9 kB, zstd 3 takes 68 µs and leaves 26 %,
Brotli 1 takes 35 µs for 29 %, gzip 4 takes 69 µs for 26 % (gzip 9: 149 µs for 25 %).
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import brotli
import zstandard

ZSTD_LEVEL = 3
BROTLI_QUALITY = 1
GZIP_LEVEL = 4
# From here on, encoding takes milliseconds, in which others would wait.
LARGE_BYTES = 200_000
# zlib's way to say: with the header of a gzip file, and the largest window.
GZIP_WINDOW = 31


class Stream(Protocol):
    """A body that comes in pieces."""

    def feed(self, piece: bytes) -> bytes:
        """Encode a piece, so that its receiver can decode all of it."""

    def end(self) -> bytes:
        """Give what closes the body."""


class ZstdStream:
    """A frame of zstd, a block for each piece."""

    def __init__(self) -> None:
        self._encoder = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def feed(self, piece: bytes) -> bytes:
        """Encode a piece."""
        return self._encoder.compress(piece) + self._encoder.flush(
            zstandard.COMPRESSOBJ_FLUSH_BLOCK
        )

    def end(self) -> bytes:
        """Close the frame."""
        return self._encoder.flush()


class BrotliStream:
    """A stream of Brotli, flushed after each piece."""

    def __init__(self) -> None:
        self._encoder = brotli.Compressor(quality=BROTLI_QUALITY)

    def feed(self, piece: bytes) -> bytes:
        """Encode a piece."""
        return self._encoder.process(piece) + self._encoder.flush()

    def end(self) -> bytes:
        """Close the stream."""
        return self._encoder.finish()


class GzipStream:
    """A gzip file, flushed after each piece."""

    def __init__(self) -> None:
        self._encoder = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)

    def feed(self, piece: bytes) -> bytes:
        """Encode a piece."""
        return self._encoder.compress(piece) + self._encoder.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """Close the file."""
        return self._encoder.flush()


def zstd(body: bytes) -> bytes:
    """Encode a body at once."""
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)


def br(body: bytes) -> bytes:
    """Encode a body at once."""
    return brotli.compress(body, quality=BROTLI_QUALITY)


def gzip(body: bytes) -> bytes:
    """Encode a body at once."""
    encoder = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    return encoder.compress(body) + encoder.flush()


@dataclass(frozen=True)
class Encoding:
    """A way to encode, by the name that goes over the wire."""

    name: bytes
    encode: Callable[[bytes], bytes]
    stream: Callable[[], Stream]


# The best first.
ENCODINGS: Mapping[bytes, Encoding] = {
    encoding.name: encoding
    for encoding in (
        Encoding(b"zstd", zstd, ZstdStream),
        Encoding(b"br", br, BrotliStream),
        Encoding(b"gzip", gzip, GzipStream),
    )
}
