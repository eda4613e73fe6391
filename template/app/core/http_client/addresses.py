"""Where a URL that comes from anybody may lead: not into the network that the service is in.

It is the address that counts, once a connection to it is about to be made. A name can resolve to
anything, to something else at every time, and any answer can redirect.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp import AddrInfoType

# Gateways make IPv4 of these (RFC 6052).
NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefusedError(PermissionError):
    """The address is not for everybody."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not a public address")


def public_socket(address: AddrInfoType) -> socket.socket:
    """Make the socket for a connection to an address, if that is a public one."""
    family, kind, protocol, _, target = address
    if not is_public(str(target[0])):
        raise AddressRefusedError
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Tell an address that anybody reaches from one that depends on where the service runs."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if found.sixtofour:
            # Nobody needs it any more (RFC 7526), and Pythons disagree about it.
            return False
        inner = carried(found)
        if inner is not None and not is_public(str(inner)):
            return False
        if found.ipv4_mapped:
            return True
    return found.is_global and not found.is_multicast


def carried(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that is packed into one of IPv6."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo:
        return address.teredo[1]
    return address.ipv4_mapped
