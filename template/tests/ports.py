"""Ports for the servers that tests start."""

import socket
import sys


def free_port() -> int:
    """Find a port that nobody listens on, and that nobody else is given while the tests run."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port: int = keeper.getsockname()[1]
        if sys.platform == "linux":
            # It stays bound. Servers set SO_REUSEADDR, too, and may listen beside who doesn't.
            keeper.detach()
    return port
