"""A listener that takes nobody new, and still has whom it took.

A connection that waits to be accepted when its listener is closed is reset, although its client has
every reason to think that it was heard. There are some at any moment, where many ask.
"""

import ctypes
import struct
from socket import SOL_SOCKET, socket

# Linux's; Python has no name for it.
SO_ATTACH_FILTER = 26

# For the kernel's packet filter: load the flags of a TCP segment, drop those that begin a
# connection, keep all others. (Operation, jump if true, jump if false, operand.)
NO_NEWCOMERS = ((0x30, 0, 0, 13), (0x45, 1, 0, 0x02), (0x06, 0, 0, 0xFFFF_FFFF), (0x06, 0, 0, 0))


def drop_newcomers(listener: socket) -> None:
    """Let the kernel not hear who asks for a connection, in all processes that share the listener.

    The client's system asks again a second later, and is refused then. Raises an `OSError` where
    the system can't do that.
    """
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in NO_NEWCOMERS)
    kept = ctypes.create_string_buffer(program)
    where = struct.pack("HL", len(NO_NEWCOMERS), ctypes.addressof(kept))
    listener.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, where)


def accept_all(listener: socket) -> list[socket]:
    """Take whom the kernel has let in already."""
    listener.setblocking(False)
    accepted: list[socket] = []
    try:
        while True:
            accepted.append(listener.accept()[0])
    except BlockingIOError:
        return accepted
