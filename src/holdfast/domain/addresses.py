"""Where a probe may look, and where it must not.

A catalogue names addresses that the node then fetches from inside the company's
network. Link-local and cloud metadata addresses hand out credentials to whoever asks,
so they are refused twice: here as written, and by the source once the name is
resolved (`forbidden_address`), since a name can point anywhere.
"""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(.*)")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_PLAIN = re.compile(r"[\x21-\x7e]+")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@"
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]"
    r"[A-Za-z0-9-]*[A-Za-z0-9]"
)
_LOOKS_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r":[1-9][0-9]{0,4}")
_HIGHEST_PORT = 65535
_METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
    }
)
_FORBIDDEN = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # Link-local; AWS, Azure, GCP and most others ask here.
        "fe80::/10",  # Link-local of IPv6.
        "fd00:ec2::/32",  # AWS over IPv6.
        "100.100.100.200/32",  # Alibaba Cloud.
        "192.0.0.192/32",  # Oracle Cloud.
        "168.63.129.16/32",  # Azure's host agent.
        "0.0.0.0/8",  # "This host", by another name.
        "224.0.0.0/3",  # Multicast, reserved, broadcast.
        "::/128",
        "ff00::/8",
    )
)
_CARRIES_IPV4 = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64 ends in the IPv4 address it means.
    ipaddress.IPv6Network("::/96"),
)


def url_fault(url: str) -> str | None:
    """Return why a probe may not fetch this URL, or nothing if it may."""
    match = _URL.fullmatch(url)
    if match is None or _PLAIN.fullmatch(url) is None or "\\" in url:
        return "is no URL of plain characters"
    if match["scheme"].lower() not in ("http", "https"):
        return "is neither http nor https"
    if "@" in match["authority"]:
        return "holds a user name or password"
    return _authority_fault(match["authority"])


def forbidden_address(text: str) -> bool:
    """Tell whether a resolved IP address is one that no probe may connect to."""
    return _forbidden(ipaddress.ip_address(text))


def email_is_sound(email: str) -> bool:
    """Tell whether this has the shape of an e-mail address that a relay takes."""
    local = email.partition("@")[0]
    dots_apart = not local.startswith(".") and not local.endswith(".")
    return dots_apart and ".." not in local and _EMAIL.fullmatch(email) is not None


def _authority_fault(authority: str) -> str | None:
    host, bracket, rest = authority.lower().rpartition("]")
    if bracket:
        port = rest
        address = _address(host.removeprefix("["))
        sound = host.startswith("[") and isinstance(address, IPv6Address)
    else:
        host, colon, number = authority.lower().partition(":")
        port = colon + number
        address = _address(host)
        sound = address is not None or _is_name(host)
    if not sound:
        return "has no sound host"
    if port and not (_PORT.fullmatch(port) and int(port[1:]) <= _HIGHEST_PORT):
        return "has no sound port"
    if address is not None and _forbidden(address):
        return "leads to a link-local, metadata or reserved address"
    if host.rstrip(".") in _METADATA_NAMES:
        return "leads to a cloud's metadata"
    return None


def _is_name(host: str) -> bool:
    # A last label that looks like a number is read as an IPv4 address by some
    # resolvers ("2852039166", "0xa9fea9fe"), which hides where it leads.
    last = host.rstrip(".").rpartition(".")[2]
    return _NAME.fullmatch(host) is not None and not _LOOKS_NUMERIC.fullmatch(last)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _forbidden(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None and _forbidden(carried):
            return True
        address = IPv6Address(int(address))  # Without the zone of "fe80::1%eth0".
    return any(
        address.version == network.version and address in network
        for network in _FORBIDDEN
    )


def _carried(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _CARRIES_IPV4) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
