"""How many calls are taken a minute: from one network, on one survey, with one invitation.

A bucket a key: it holds a minute's worth of calls, and fills steadily. Addresses are known in memory alone, while their
bucket is not full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from wellheard.base.errors import WellheardError

MOST_KEYS = 50_000  # buckets kept, above which the full ones are forgotten
PREFIX_6 = 64  # a household or host has a whole such network, so its addresses are one

Network = IPv4Network | IPv6Network


class TooMany(WellheardError):
    """More calls came than are taken; `wait` is the seconds until the next would be."""

    code = "too_many"
    http_status = 429

    def __init__(self, what: str, wait: float) -> None:
        self.wait = wait
        super().__init__(f"too many calls {what}", hint="wait a little, then send it again with the same key")


class Limit:
    """Takes `rate` calls a minute for each key, at once or spread."""

    def __init__(self, what: str, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.what = what
        self.rate = rate
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # by key: calls left, and when that was so

    def take(self, key: str) -> None:
        """Counts a call. Raises TooMany."""
        now = self._clock()
        left, since = self._left.get(key, (float(self.rate), now))
        now = max(now, since)  # a clock that goes back and forth again fills nothing
        left = min(self.rate, left + (now - since) * self.rate / 60)
        if left < 1:
            self._left[key] = left, now
            raise TooMany(self.what, (1 - left) * 60 / self.rate)
        self._left[key] = left - 1, now
        if len(self._left) > MOST_KEYS:
            self._forget(now)

    def _forget(self, now: float) -> None:
        full = [k for k, (left, since) in self._left.items() if left + (now - since) * self.rate / 60 >= self.rate]
        for key in full or list(self._left)[: MOST_KEYS // 2]:
            del self._left[key]


def networks_of(given: Iterable[str]) -> tuple[Network, ...]:
    """The networks of the proxies that are believed."""
    return tuple(ip_network(text) for text in given)


def caller(peer: str | None, forwarded: str | None, trusted: tuple[Network, ...]) -> str:
    """The network that a call is counted for: an IPv4 address, or the /64 of an IPv6 one.

    X-Forwarded-For is believed as far as trusted proxies wrote it: from the right, up to the first that is none.
    """
    if not (trusted and forwarded):
        return _network(peer or "unknown")
    nearest = _address(peer or "")
    if nearest is not None:
        for text in reversed(forwarded[-2_000:].split(",")):
            if not any(nearest in network for network in trusted):
                break
            further = _address(text.strip())
            if further is None:
                break
            nearest = further
    return _network(str(nearest or "unknown"))


@lru_cache(maxsize=4096)
def _network(text: str) -> str:
    nearest = _address(text)
    if isinstance(nearest, IPv6Address):
        return str(IPv6Network((int(nearest), PREFIX_6), strict=False).network_address) + f"/{PREFIX_6}"
    return str(nearest or text)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
