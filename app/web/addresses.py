"""Whose address a caller's is: what one party is given at once counts as one."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address


def party(host: str) -> str:
    """The address, or of IPv6 the network of 64 bits that one party gets; what is no address stays as it is."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
