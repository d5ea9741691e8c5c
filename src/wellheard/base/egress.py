"""The only HTTP client: every call to another system leaves through here.

A URL may come from a person who must not see our network from inside: a webhook, a logo, a connector's host, an
identity provider. So a name is resolved once for a connection, every address of the answer must be public, and the
connection is made to an address that was checked, not to the name again. Redirects are walked by us and checked the
same way. Time and size of a whole exchange are bounded, proxies and credentials of the environment are not used, and
neither errors nor logs show more of a URL than its host, since a path can be a secret too.
"""

from __future__ import annotations

import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any, Self

import httpcore
import httpx
import structlog

from wellheard.base.addresses import Address, is_public, literal, plain_host
from wellheard.base.answer import Answer, EgressFailed, EgressRefused, EgressTimeout, EgressTooLarge, origin
from wellheard.base.errors import WellheardError
from wellheard.base.redaction import names_secret, redact, redact_event

__all__ = [
    "Answer",
    "Egress",
    "EgressFailed",
    "EgressRefused",
    "EgressTimeout",
    "EgressTooLarge",
    "redact",
    "redact_event",
]

Resolver = Callable[[str, int], Sequence[str]]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS = 10.0  # for one address, so that a dead one leaves time for the next
_DEADLINE: ContextVar[float] = ContextVar("deadline")
_log = structlog.get_logger("wellheard.egress")


class Egress:
    """Calls other systems. Safe to share between threads; close it, or use it in a `with`.

    `allow_internal` names hosts that may have internal addresses, as an operator sets them, never a user. `timeout`
    is for the whole exchange with its redirects, in seconds, and `max_bytes` for the unpacked body. `resolver` turns
    a host and port into addresses, and `backend` makes connections; both are there for tests.
    """

    def __init__(
        self,
        *,
        allow_internal: frozenset[str] = frozenset(),
        timeout: float = 30.0,
        max_bytes: int = 20_000_000,
        max_redirects: int = 5,
        verify: SSLContext | None = None,
        resolver: Resolver | None = None,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._allowed = frozenset(plain_host(host) or host for host in allow_internal)
        self._timeout, self._max_bytes, self._max_redirects = timeout, max_bytes, max_redirects
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify or httpx.create_ssl_context(trust_env=False),
            max_connections=20,
            max_keepalive_connections=10,
            keepalive_expiry=15.0,
            network_backend=_Guard(self._allowed, resolver or _resolve, backend or httpcore.SyncBackend()),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def get(self, url: str, **options: Any) -> Answer:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Answer:
        return self.request("POST", url, **options)

    def check(self, url: str) -> None:
        """Raises EgressRefused for a URL that no call could use, without asking the network; for forms."""
        _checked(url, self._allowed)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | str | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Answer:
        """The answer to a call, after redirects, whatever its status.

        Raises EgressRefused when the target is not allowed, EgressTimeout, EgressTooLarge, or EgressFailed.
        """
        since = time.monotonic()
        seconds = self._timeout if timeout is None else timeout
        mark = _DEADLINE.set(since + seconds)
        target = _checked(url, self._allowed)
        try:
            answer = self._walk(_built(method, target, headers, json, content), max_bytes or self._max_bytes)
        except WellheardError as error:
            _log.warning("call failed", method=method, host=target.host, error=error.code)
            raise
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            _log.warning("call failed", method=method, host=target.host, error=EgressTimeout.code)
            raise _too_slow(target, seconds) from error
        except _BROKEN as error:
            _log.warning("call failed", method=method, host=target.host, error=EgressFailed.code)
            raise _broken(target, error) from error
        finally:
            _DEADLINE.reset(mark)
        taken = round(time.monotonic() - since, 3)
        _log.info(
            "called",
            method=method,
            host=target.host,
            status=answer.status,
            bytes=len(answer.content),
            seconds=taken,
        )
        return answer

    def _walk(self, request: httpx.Request, max_bytes: int) -> Answer:
        for _ in range(self._max_redirects + 1):
            answer = self._send(request, max_bytes)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            request = _redirected(request, answer.status, location, self._allowed)
        raise EgressRefused(
            f"{origin(str(request.url))} redirects more than {self._max_redirects} times",
            hint="Use the address at which the redirects end.",
        )

    def _send(self, request: httpx.Request, max_bytes: int) -> Answer:
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.read(),
                extensions={"timeout": {"pool": max(0.0, _left(None, httpcore.PoolTimeout))}},
            )
        )
        try:
            headers = httpx.Headers(response.headers)
            body = _body(response.iter_stream(), headers.get("content-encoding", ""), max_bytes, url)
            return Answer(response.status, dict(headers.items()), body, str(url))
        finally:
            response.close()


class _Guard(httpcore.NetworkBackend):
    """Connects to addresses that it has checked itself, and to nothing else."""

    def __init__(self, allowed: frozenset[str], resolver: Resolver, inner: httpcore.NetworkBackend) -> None:
        self._allowed, self._resolver, self._inner = allowed, resolver, inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._addresses(host, port):
            try:
                limit = min(_left(timeout, httpcore.ConnectTimeout), _CONNECT_SECONDS)
                return _Timed(self._inner.connect_tcp(str(address), port, limit, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the name has no address")

    def _addresses(self, host: str, port: int) -> list[Address]:
        """Every address of a host, all of them public unless the host may be internal."""
        plain = plain_host(host)
        if plain is None:
            raise _odd_host()
        spelled = literal(plain)
        answers = [spelled] if spelled else [ip_address(text) for text in self._asked(plain, port)]
        if plain not in self._allowed and not all(is_public(address) for address in answers):
            _log.warning("call refused", host=plain, addresses=[str(address) for address in answers])
            raise _internal(plain)
        return answers

    def _asked(self, host: str, port: int) -> Sequence[str]:
        """The resolver's answer, waited for no longer than the exchange may take."""
        found: list[Sequence[str]] = []
        failed: list[OSError | UnicodeError] = []

        def ask() -> None:
            try:
                found.append(self._resolver(host, port))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(_left(None, httpcore.ConnectTimeout))
        if failed:
            raise httpcore.ConnectError("the name is unknown") from failed[0]
        if not found:
            raise httpcore.ConnectTimeout("the name was not resolved in time")
        return found[0]


class _Timed(httpcore.NetworkStream):
    """A connection on which no step outlasts the exchange, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


_BROKEN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    OSError,
    zlib.error,
)


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _left(timeout: float | None, error: type[Exception]) -> float:
    """Seconds that the exchange may still take, at most `timeout`."""
    left = _DEADLINE.get() - time.monotonic()
    if left <= 0:
        raise error("the exchange took too long")
    return left if timeout is None else min(left, timeout)


def _checked(url: str, allowed: frozenset[str]) -> httpx.URL:
    """The URL, when its shape alone does not rule it out."""
    _clean(url)
    try:
        target = httpx.URL(url)
        host = target.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise EgressRefused("the address cannot be read", hint="Write it as https://example.com/path.") from error
    if target.scheme not in {"http", "https"}:
        raise EgressRefused(
            f"addresses of the kind {target.scheme or 'none'!r} are not called", hint="Give an http or https address."
        )
    if "@" in re.split(r"[/?#]", url.partition("//")[2])[0]:
        raise EgressRefused("the address holds a user or a password", hint="Give them in their own fields.")
    plain = plain_host(host)
    if plain is None or not 0 < (target.port or 80) < 65_536:
        raise _odd_host()
    spelled = literal(plain)
    if spelled is not None and plain not in allowed and not is_public(spelled):
        raise _internal(plain)
    return target.copy_with(host=plain)


def _clean(url: str) -> None:
    """Refuses what programs read differently: spaces, control characters and backslashes."""
    if any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in url):
        raise EgressRefused("the address holds a space, a control character or a backslash", hint="Write it without.")


def _odd_host() -> EgressRefused:
    return EgressRefused(
        "the address names no proper host or port", hint="Give a name, or four decimal numbers with dots."
    )


def _internal(host: str) -> EgressRefused:
    return EgressRefused(
        f"{host} leads into an internal network",
        hint="Give a public address; an operator can allow this host in the setting for internal hosts.",
    )


def _built(
    method: str, url: httpx.URL, headers: Mapping[str, str] | None, json: Any, content: bytes | str | None
) -> httpx.Request:
    given = {name: value for name, value in (headers or {}).items() if name.lower() != "host"}
    sent = {"user-agent": "wellheard", "accept": "*/*"} | {name.lower(): value for name, value in given.items()}
    sent["accept-encoding"] = "gzip"  # the one packing that we unpack with a bound
    return httpx.Request(method.upper(), url, headers=sent, json=json, content=content)


def _redirected(request: httpx.Request, status: int, location: str, allowed: frozenset[str]) -> httpx.Request:
    """The next call of a redirect, by the rules of RFC 9110, section 15.4, and without secrets for another origin."""
    _clean(location)
    try:
        joined = str(request.url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise EgressRefused(f"{origin(str(request.url))} redirects to an address that cannot be read") from error
    url = _checked(joined, allowed)
    if request.url.scheme == "https" and url.scheme == "http":
        raise EgressRefused(f"{origin(str(request.url))} redirects from https to http", hint="Give an https address.")
    method, content = request.method, request.read()
    dropped = {"host", "content-length", "transfer-encoding"}
    if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
        method, content = "GET", b""
        dropped |= {"content-type"}
    kept = {name: value for name, value in request.headers.items() if name not in dropped}
    if origin(str(url)) != origin(str(request.url)):
        if content:
            raise EgressRefused(
                f"{origin(str(request.url))} redirects what we sent to another host, {url.host}",
                hint="Give the address of that host if you trust it.",
            )
        kept = {name: value for name, value in kept.items() if not names_secret(name)}
    return httpx.Request(method, url, headers=kept, content=content or None)


def _body(chunks: Iterable[bytes], packing: str, limit: int, url: httpx.URL) -> bytes:
    """The unpacked body. A packed one is opened piece by piece, so that a small answer cannot fill the memory."""
    packing = packing.strip().lower()
    if packing not in {"", "identity", "gzip", "x-gzip"}:
        raise EgressFailed(f"{origin(str(url))} packed its answer as {packing!r}", hint="Ask it for gzip or for none.")
    opener = None if packing in {"", "identity"} else zlib.decompressobj(wbits=31)
    body = bytearray()
    for chunk in chunks:
        body += chunk if opener is None else opener.decompress(chunk, limit - len(body) + 1)
        if len(body) > limit:
            raise EgressTooLarge(
                f"the answer of {origin(str(url))} is larger than {limit} bytes",
                hint="Ask for less at a time, or allow more.",
            )
        if opener is not None and opener.eof:
            break  # what follows the end is not kept
        _left(None, httpcore.ReadTimeout)
    if opener is not None and body and not opener.eof:
        raise EgressFailed(f"the answer of {origin(str(url))} breaks off", hint="Try again later.")
    return bytes(body)


def _too_slow(url: httpx.URL, seconds: float) -> EgressTimeout:
    return EgressTimeout(f"{origin(str(url))} did not answer within {seconds:g} seconds", hint="Try again later.")


def _broken(url: httpx.URL, error: Exception) -> EgressFailed:
    what = redact(str(error)) or type(error).__name__
    hint = "Look at the address, and whether the other system is up."
    return EgressFailed(f"{origin(str(url))} could not be called: {what}", hint=hint)
