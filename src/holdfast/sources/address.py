"""Which addresses are never looked at, whatever name led there.

Cloud machines hand out their credentials at link-local and a few other well-known
addresses, to whoever asks from inside. A probe's URL comes from a file and its name
from DNS, so the address that is really dialled is judged, not the name.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_METADATA: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(block)
    for block in (
        "100.100.100.200/32",  # Alibaba Cloud.
        "168.63.129.16/32",  # Azure.
        "192.0.0.192/32",  # Oracle Cloud, older.
        "fd00:ec2::/32",  # AWS over IPv6.
        "fd20:ce::/32",  # Google Cloud over IPv6.
    )
)
_NAT64 = ip_network("64:ff9b::/96")


def refusal(text: str, *, allow_loopback: bool) -> str | None:
    """Return why the address must not be dialled, or ``None`` if it may be."""
    try:
        address = _unwrapped(ip_address(text.partition("%")[0]))
    except ValueError:
        return "not an IP address"
    if any(address in block for block in _METADATA):
        return "a metadata address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_loopback:
        return None if allow_loopback else "a loopback address"
    if address.is_unspecified or address in ip_network("0.0.0.0/8"):
        return "an unspecified address"
    if address.is_multicast or address == IPv4Address("255.255.255.255"):
        return "a multicast or broadcast address"
    return None


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one only carries."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
