"""Which addresses of the network are public, and which spellings of a host we take.

The networks below are those of the IANA registries of special-purpose addresses (RFC 6890 and its successors) that lead
elsewhere than to one public machine, and the few that clouds have made special beside them.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_INTERNAL_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers, and metadata of one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host of a virtual machine in Azure, though numbered as if public
        "169.254.0.0/16",  # link-local, and metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and metadata of one cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_INTERNAL_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them, which carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(address: Address) -> bool:
    """Whether an address is one machine of the public network. IPv4 inside IPv6 is judged as the IPv4 it reaches."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _INTERNAL_4)
    if address.scope_id:
        return False
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_6 and address.is_global and not any(address in network for network in _INTERNAL_6)


def literal(host: str) -> Address | None:
    """The address that a host spells out, or None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def plain_host(host: str) -> str | None:
    """The one spelling of a host by which we compare and connect: lower case, without a dot at the end.

    None for what is neither a name nor the usual spelling of an address. Numbers such as 2130706433, 0x7f.1 or
    0177.0.0.1 are addresses to some programs and names to others, so we take none of them.
    """
    host = host.lower().removesuffix(".")
    address = literal(host)
    if isinstance(address, IPv6Address):
        return str(address)
    if address is not None:
        return host if not host.startswith("[") else None
    if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    return host
