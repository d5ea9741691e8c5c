"""Calls to other systems: what may be reached, what leaves with a redirect, and the bounds of an exchange.

Names are answered by a table instead of the network. Connections go to a listener on this machine where the address
leads here, and are noted; an address elsewhere is noted and never called.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx
import pytest
import structlog
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from wellheard.base.addresses import is_public, plain_host
from wellheard.base.egress import (
    Answer,
    Egress,
    EgressFailed,
    EgressRefused,
    EgressTimeout,
    EgressTooLarge,
    _redirected,
    redact,
    redact_event,
)
from wellheard.base.errors import Refused

PUBLIC = "93.184.216.34"
NAMES: dict[str, list[str]] = {
    "shop.example": [PUBLIC],
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "ten.example": ["10.1.2.3"],
    "home.example": ["192.168.1.1"],
    "twelve.example": ["172.16.0.1"],
    "link.example": ["169.254.1.1"],
    "link6.example": ["fe80::1%eth0"],
    "unique.example": ["fd12:3456::1"],
    "zero.example": ["0.0.0.0"],
    "zero6.example": ["::"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::1"],
    "carrier.example": ["100.64.0.1"],
    "group.example": ["224.0.0.1"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed6.example": [PUBLIC, "::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "app.localhost": ["127.0.0.1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "intranet": ["10.0.0.5"],
    "kubernetes.default.svc": ["10.96.0.1"],
}


def answer(host: str, port: int) -> list[str]:
    if host in NAMES:
        return NAMES[host]
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


class Dialler(httpcore.NetworkBackend):
    """Notes every connection; makes it only where it ends on this machine."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.dialled.append(host)
        address = ip_address(host)
        if address.is_loopback or address.is_unspecified or "127.0.0.1" in host:
            return httpcore.SyncBackend().connect_tcp(host, port, timeout, local_address, socket_options)
        raise httpcore.ConnectError("nobody is there")


class Listener:
    """Listens on this machine, on both protocols, and tells whether anybody came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._socket.setblocking(False)
        self._socket6: socket.socket | None = None
        if socket.has_ipv6:
            try:
                self._socket6 = socket.create_server(("::1", self.port), family=socket.AF_INET6)
                self._socket6.setblocking(False)
            except OSError:
                self._socket6 = None

    def visits(self) -> int:
        count = 0
        for each in (self._socket, self._socket6):
            while each is not None:
                try:
                    each.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count

    def close(self) -> None:
        self._socket.close()
        if self._socket6 is not None:
            self._socket6.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with closing(Listener()) as found:
        yield found


@pytest.fixture
def dialler() -> Dialler:
    return Dialler()


@pytest.fixture
def egress(dialler: Dialler) -> Iterator[Egress]:
    with Egress(resolver=answer, backend=dialler, timeout=5) as found:
        yield found


@pytest.fixture
def inside(httpserver: HTTPServer) -> Iterator[Egress]:
    """May call the test server, by the names a.test and b.test."""
    here_names = {"a.test": ["127.0.0.1"], "b.test": ["127.0.0.1"]}

    def here(host: str, port: int) -> list[str]:
        return here_names.get(host) or answer(host, port)

    with Egress(resolver=here, backend=Dialler(), timeout=5, allow_internal=frozenset({"a.test", "B.test."})) as found:
        yield found


# `{p}` is the listener's port. Every one of them must be refused before anybody is called.
TARGETS = """
http://127.0.0.1:{p}/
http://127.0.0.1:{p}/latest/meta-data/
https://127.0.0.1:{p}/
HTTP://127.0.0.1:{p}/
http://127.0.0.2:{p}/
http://127.255.255.254:{p}/
http://localhost:{p}/
http://LOCALHOST:{p}/
http://localhost.:{p}/
http://localhost.localdomain:{p}/
http://app.localhost:{p}/
http://127.0.0.1.:{p}/
http://127.1:{p}/
http://127.0.1:{p}/
http://127.0.0.1.nip.io:{p}/
http://2130706433:{p}/
http://2130706433.:{p}/
http://017700000001:{p}/
http://0177.0.0.1:{p}/
http://0177.0.0.01:{p}/
http://127.0.0.01:{p}/
http://127.000.000.001:{p}/
http://0x7f000001:{p}/
http://0x7f.0.0.1:{p}/
http://0x7f.1:{p}/
http://0X7F.0X0.0X0.0X1:{p}/
http://0x7f.0.0.0x1:{p}/
http://4294967295:{p}/
http://256.256.256.256:{p}/
http://0:{p}/
http://0.0.0.0:{p}/
http://0.1.2.3:{p}/
http://[::1]:{p}/
http://[0:0:0:0:0:0:0:1]:{p}/
http://[0000:0000:0000:0000:0000:0000:0000:0001]:{p}/
http://[::]:{p}/
http://[::ffff:127.0.0.1]:{p}/
http://[::ffff:7f00:1]:{p}/
http://[0:0:0:0:0:ffff:127.0.0.1]:{p}/
http://[::127.0.0.1]:{p}/
http://[::ffff:10.0.0.1]:{p}/
http://[::ffff:169.254.169.254]:{p}/
http://[64:ff9b::127.0.0.1]:{p}/
http://[64:ff9b::7f00:1]:{p}/
http://[64:ff9b::a9fe:a9fe]:{p}/
http://[64:ff9b::10.0.0.1]:{p}/
http://[64:ff9b:1::7f00:1]:{p}/
http://[2002:7f00:1::]:{p}/
http://[2001:0:7f00:1::]:{p}/
http://[2001:db8::1]:{p}/
http://[fe80::1]:{p}/
http://[fe80::1%25eth0]:{p}/
http://[fc00::1]:{p}/
http://[fd00:ec2::254]:{p}/latest/meta-data/
http://[ff02::1]:{p}/
http://[100::1]:{p}/
http://[fec0::1]:{p}/
http://10.0.0.1:{p}/
http://10.255.255.255:{p}/
http://172.16.0.1:{p}/
http://172.31.255.255:{p}/
http://192.168.0.1:{p}/
http://192.168.255.255:{p}/
http://169.254.169.254/latest/meta-data/iam/security-credentials/
http://169.254.170.2:{p}/v2/credentials
http://100.100.100.200:{p}/latest/meta-data/
http://100.64.0.1:{p}/
http://192.0.0.192:{p}/opc/v1/instance/
http://168.63.129.16:{p}/machine
http://192.0.2.1:{p}/
http://192.88.99.1:{p}/
http://198.18.0.1:{p}/
http://198.51.100.1:{p}/
http://203.0.113.1:{p}/
http://224.0.0.1:{p}/
http://239.255.255.250:{p}/
http://240.0.0.1:{p}/
http://255.255.255.255:{p}/
http://metadata.google.internal:{p}/computeMetadata/v1/
http://kubernetes.default.svc:{p}/
http://intranet:{p}/
http://loopback.example:{p}/
http://LoopBack.Example.:{p}/
http://loopback6.example:{p}/
http://ten.example:{p}/
http://home.example:{p}/
http://twelve.example:{p}/
http://link.example:{p}/
http://link6.example:{p}/
http://unique.example:{p}/
http://zero.example:{p}/
http://zero6.example:{p}/
http://mapped.example:{p}/
http://nat64.example:{p}/
http://sixtofour.example:{p}/
http://carrier.example:{p}/
http://group.example:{p}/
http://mixed.example:{p}/
http://mixed6.example:{p}/
http://user@127.0.0.1:{p}/
http://user:password@shop.example:{p}/
http://shop.example@127.0.0.1:{p}/
http://shop.example%40127.0.0.1:{p}/
http://@shop.example:{p}/
http://shop.example:80@127.0.0.1:{p}/
http://shop.example\\@127.0.0.1:{p}/
http:\\\\127.0.0.1:{p}/
http://127.0.0.%31:{p}/
http://%31%32%37.0.0.1:{p}/
http://127。0。0。1:{p}/
http://１２７.0.0.1:{p}/
http://①②⑦.⓪.⓪.①:{p}/
http://ⓛocalhost:{p}/
http://[::1:{p}/
http://[127.0.0.1]:{p}/
http://:{p}/
http:///path
http:127.0.0.1:{p}
//127.0.0.1:{p}/
127.0.0.1:{p}
localhost
file:///etc/passwd
ftp://127.0.0.1:{p}/
gopher://127.0.0.1:{p}/_GET
dict://127.0.0.1:{p}/info
ws://127.0.0.1:{p}/
unix:///var/run/docker.sock
http+unix://%2Fvar%2Frun%2Fdocker.sock/info
javascript:alert(1)
data:text/plain,hello
jar:http://127.0.0.1:{p}!/
http://shop..example:{p}/
http://-shop.example:{p}/
http://shop.example:99999/
"""
SPACED = ["http://127.0.0.1 :{p}/", " http://127.0.0.1:{p}/", "http://shop.example\n.127.0.0.1:{p}/", "http://127.0.0.1\t:{p}/",
          "http://shop.example:{p}/\r\nHost: 127.0.0.1", "http://shop.example:{p}/\x00", ""]  # fmt: skip


def test_S1_the_table_is_long_enough() -> None:
    assert len({*TARGETS.split(), *SPACED}) >= 80


@pytest.mark.parametrize("target", [*TARGETS.split(), *SPACED])
def test_S1_nobody_is_called(target: str, egress: Egress, dialler: Dialler, listener: Listener) -> None:
    with pytest.raises(EgressRefused) as caught:
        egress.get(target.replace("{p}", str(listener.port)), headers={"Authorization": "Bearer abc"})
    assert caught.value.hint
    assert isinstance(caught.value, Refused)
    assert dialler.dialled == []
    assert listener.visits() == 0


def test_S1_the_listener_would_have_noticed(dialler: Dialler, listener: Listener) -> None:
    for number, name in enumerate(("loopback.example", "127.0.0.1", "[::1]" if listener._socket6 else "localhost")):
        allowed = frozenset({name})
        with (
            Egress(resolver=answer, backend=dialler, timeout=0.2, allow_internal=allowed) as egress,
            pytest.raises(EgressTimeout),  # it accepts and never answers
        ):
            egress.get(f"http://{name}:{listener.port}/")
        assert listener.visits() == 1
        assert len(dialler.dialled) == number + 1


REDIRECTS = """
http://127.0.0.1:{p}/
http://localhost:{p}/
http://2130706433:{p}/
http://0x7f.1:{p}/
http://[::1]:{p}/
http://[::ffff:127.0.0.1]:{p}/
http://loopback.example:{p}/
http://mixed.example:{p}/
http://169.254.169.254/latest/meta-data/
//127.0.0.1:{p}/
//loopback.example:{p}/
http://user:password@b.test:{p}/
http://127.0.0.1:{p}\\@b.test/
\\\\127.0.0.1:{p}/
file:///etc/passwd
gopher://127.0.0.1:{p}/
http://[::1
http://①②⑦.0.0.1:{p}/
"""


class Redirecting(Dialler):
    """Answers the first call with a redirect, byte for byte, and makes the later ones."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__()
        self._head = f"HTTP/1.1 {status} Moved\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode()

    def connect_tcp(self, host: str, *rest: Any, **options: Any) -> httpcore.NetworkStream:
        if not self.dialled:
            self.dialled.append(host)
            return httpcore.MockStream([self._head])
        return super().connect_tcp(host, *rest, **options)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", REDIRECTS.split())
def test_S1_no_redirect_leads_inside(location: str, status: int, listener: Listener) -> None:
    backend = Redirecting(status, location.replace("{p}", str(listener.port)))
    with Egress(resolver=answer, backend=backend, timeout=5) as egress, pytest.raises(EgressRefused):
        egress.get("http://shop.example/start")
    assert backend.dialled == [PUBLIC]
    assert listener.visits() == 0


def test_S1_a_redirect_from_https_does_not_leave_it() -> None:
    request = httpx.Request("GET", "https://shop.example/")
    with pytest.raises(EgressRefused, match="from https to http"):
        _redirected(request, 302, "http://shop.example/", frozenset())
    assert str(_redirected(request, 302, "/next", frozenset()).url) == "https://shop.example/next"


def test_S1_an_answer_that_changes_between_check_and_connection_changes_nothing(
    dialler: Dialler, listener: Listener
) -> None:
    answers, asked = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]), []

    def fickle(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with Egress(resolver=fickle, backend=dialler, timeout=5) as egress:
        with pytest.raises(EgressFailed, match="could not be called"):
            egress.get(f"http://shop.example:{listener.port}/")
        assert (asked, dialler.dialled) == (["shop.example"], [PUBLIC])
        with pytest.raises(EgressRefused, match="internal network"):
            egress.get(f"http://shop.example:{listener.port}/")
    assert (len(asked), dialler.dialled) == (2, [PUBLIC])
    assert listener.visits() == 0


def test_S1_the_environment_sends_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch, dialler: Dialler, listener: Listener
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    with Egress(resolver=answer, backend=dialler, timeout=5) as egress:
        for scheme in ("http", "https"):
            with pytest.raises(EgressFailed):
                egress.get(f"{scheme}://shop.example/")
    assert dialler.dialled == [PUBLIC, PUBLIC]
    assert listener.visits() == 0


def test_S1_an_allowed_host_opens_no_other(dialler: Dialler, listener: Listener) -> None:
    with Egress(resolver=answer, backend=dialler, timeout=0.2, allow_internal=frozenset({"intranet"})) as egress:
        with pytest.raises(EgressFailed):
            egress.get(f"http://intranet:{listener.port}/")
        with pytest.raises(EgressRefused):
            egress.get(f"http://10.0.0.5:{listener.port}/")
        with pytest.raises(EgressRefused):
            egress.get(f"http://x.intranet.home.example@intranet:{listener.port}/")
    assert dialler.dialled == ["10.0.0.5"]


@pytest.mark.parametrize(
    "address",
    """93.184.216.34 1.1.1.1 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 169.253.1.1 223.255.255.1
    2606:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8""".split(),  # noqa: SIM905
)
def test_the_neighbours_of_internal_networks_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_host_has_one_spelling() -> None:
    assert plain_host("Shop.Example.") == "shop.example"
    assert plain_host("[2001:DB8::0:1]") == "2001:db8::1"
    assert plain_host("93.184.216.34") == PUBLIC
    assert plain_host("xn--bcher-kva.example") == "xn--bcher-kva.example"
    assert plain_host("a" * 64 + ".example") is None
    assert plain_host("") is None


def test_the_shape_of_an_address_can_be_checked_without_a_call(egress: Egress, dialler: Dialler) -> None:
    egress.check("https://hooks.example/abc")
    egress.check("https://bücher.example/")
    for wrong in ("http://10.0.0.1/", "ftp://shop.example/", "https://me:pw@shop.example/"):
        with pytest.raises(EgressRefused):
            egress.check(wrong)
    assert dialler.dialled == []


def test_a_dead_address_leaves_the_next(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("here")
    dialler, allowed = Dialler(), frozenset({"a.test"})

    def two(host: str, port: int) -> list[str]:
        return [PUBLIC, "127.0.0.1"]

    with Egress(resolver=two, backend=dialler, allow_internal=allowed) as egress:
        assert egress.get(f"http://a.test:{httpserver.port}/").text == "here"
    assert dialler.dialled == [PUBLIC, "127.0.0.1"]


def test_a_certificate_is_asked_for_by_name_although_the_address_was_dialled() -> None:
    asked: list[tuple[str | None, bool, ssl.VerifyMode]] = []

    class Handshake(httpcore.MockStream):
        def start_tls(
            self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
        ) -> httpcore.NetworkStream:
            asked.append((server_hostname, ssl_context.check_hostname, ssl_context.verify_mode))
            raise httpcore.ConnectError("enough")

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
            return Handshake([])

    with Egress(resolver=answer, backend=Backend(), timeout=5) as egress, pytest.raises(EgressFailed):
        egress.get("https://shop.example/")
    assert asked == [("shop.example", True, ssl.CERT_REQUIRED)]


def test_an_unknown_name_fails_and_says_so(egress: Egress) -> None:
    with pytest.raises(EgressFailed, match=r"https://nowhere\.example could not be called: the name is unknown"):
        egress.get("https://nowhere.example/secret-path?token=abc")


def test_calls_carry_headers_and_bodies(inside: Egress, httpserver: HTTPServer) -> None:
    def echo(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        shown = {"method": request.method, "body": request.get_data(as_text=True), "headers": headers}
        return Response(json.dumps({**shown, "query": request.query_string.decode()}))

    httpserver.expect_request("/echo").respond_with_handler(echo)
    url = f"http://a.test:{httpserver.port}/echo?q=ü"
    found = inside.post(url, json={"a": 1}, headers={"X-Api-Key": "k", "HOST": "evil.example"}).check().json()
    assert (found["method"], found["body"], found["query"]) == ("POST", '{"a":1}', "q=%C3%BC")
    assert found["headers"]["x-api-key"] == "k"
    assert found["headers"]["host"] == f"a.test:{httpserver.port}"
    assert found["headers"]["content-type"] == "application/json"
    assert inside.request("put", url, content=b"raw").json()["body"] == "raw"
    assert inside.get(url).json()["method"] == "GET"


def test_cookies_are_not_kept(inside: Egress, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/set").respond_with_data("", headers={"Set-Cookie": "session=1"})
    inside.get(f"http://a.test:{httpserver.port}/set")
    inside.get(f"http://a.test:{httpserver.port}/set")
    assert [request.headers.get("Cookie") for request, _ in httpserver.log] == [None, None]


def ended(httpserver: HTTPServer) -> Request:
    request, _ = httpserver.log[-1]
    assert request.path == "/end"
    return request


SECRETS = {"Authorization": "Bearer abc", "Cookie": "a=b", "X-Api-Key": "k", "X-Hub-Signature-256": "s"}


@pytest.mark.parametrize(("host", "kept"), [("a.test", True), ("b.test", False)])
def test_secrets_stay_with_their_origin(host: str, kept: bool, inside: Egress, httpserver: HTTPServer) -> None:
    place = f"http://{host}:{httpserver.port}/end"
    httpserver.expect_request("/start").respond_with_data("", status=302, headers={"Location": place})
    httpserver.expect_request("/end").respond_with_data("done")
    found = inside.get(f"http://a.test:{httpserver.port}/start", headers={**SECRETS, "Accept": "x/y"})
    assert (found.url, found.text) == (place, "done")
    headers = ended(httpserver).headers
    assert headers["Accept"] == "x/y"
    assert headers["Host"] == f"{host}:{httpserver.port}"
    for name in SECRETS:
        assert (name in headers) == kept


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "PUT", "GET", ""),
        (307, "POST", "POST", "text"),
        (308, "PUT", "PUT", "text"),
        (302, "PUT", "PUT", "text"),
    ],
)
def test_methods_after_a_redirect(
    status: int, method: str, after: str, body: str, inside: Egress, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/start").respond_with_data("", status=status, headers={"Location": "end"})
    httpserver.expect_request("/end").respond_with_data("done")
    inside.request(method, f"http://a.test:{httpserver.port}/start", content="text")
    request = ended(httpserver)
    assert (request.method, request.get_data(as_text=True)) == (after, body)


def test_a_body_is_not_carried_to_another_host(inside: Egress, httpserver: HTTPServer) -> None:
    place = f"http://b.test:{httpserver.port}/end"
    httpserver.expect_request("/start").respond_with_data("", status=307, headers={"Location": place})
    with pytest.raises(EgressRefused, match="another host"):
        inside.post(f"http://a.test:{httpserver.port}/start", json={"client_secret": "s"})
    assert len(httpserver.log) == 1


def test_redirects_end(inside: Egress, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/round").respond_with_data("", status=302, headers={"Location": "/round"})
    with pytest.raises(EgressRefused, match="more than 5 times"):
        inside.get(f"http://a.test:{httpserver.port}/round")
    assert len(httpserver.log) == 6


def test_a_status_alone_is_no_redirect(inside: Egress, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("choose", status=302)
    assert inside.get(f"http://a.test:{httpserver.port}/").status == 302


def test_large_answers_are_cut_off(inside: Egress, httpserver: HTTPServer) -> None:
    def endless(request: Request) -> Response:
        return Response(b"x" * 10_000 for _ in range(10_000))

    httpserver.expect_request("/endless").respond_with_handler(endless)
    httpserver.expect_request("/fits").respond_with_data("x" * 1000)
    with pytest.raises(EgressTooLarge, match="larger than 1000 bytes"):
        inside.get(f"http://a.test:{httpserver.port}/endless", max_bytes=1000)
    assert len(inside.get(f"http://a.test:{httpserver.port}/fits", max_bytes=1000).content) == 1000


def test_packed_answers_are_unpacked_within_the_same_bound(inside: Egress, httpserver: HTTPServer) -> None:
    def packed(path: str, body: bytes, packing: str = "gzip") -> str:
        httpserver.expect_request(path).respond_with_data(body, headers={"Content-Encoding": packing})
        return f"http://a.test:{httpserver.port}{path}"

    bomb = gzip.compress(bytes(50_000_000))
    assert inside.get(packed("/good", gzip.compress(b"hello" * 1000))).content == b"hello" * 1000
    with pytest.raises(EgressTooLarge):
        inside.get(packed("/bomb", bomb), max_bytes=1_000_000)
    with pytest.raises(EgressFailed, match="breaks off"):
        inside.get(packed("/torn", gzip.compress(bytes(range(256)) * 50)[:-30]))
    with pytest.raises(EgressFailed):
        inside.get(packed("/wrong", b"this is not gzip"))
    for packing in ("gzip, gzip", "br", "deflate"):
        with pytest.raises(EgressFailed, match="packed"):
            inside.get(packed(f"/{len(packing)}", zlib.compress(b"x"), packing))


def test_an_exchange_that_drips_is_ended(inside: Egress, httpserver: HTTPServer) -> None:
    def drip(request: Request) -> Response:
        def pieces() -> Iterator[bytes]:
            for _ in range(40):
                time.sleep(0.1)
                yield b"."

        return Response(pieces())

    httpserver.expect_request("/drip").respond_with_handler(drip)
    with pytest.raises(EgressTimeout, match=r"within 0\.3 seconds"):
        inside.get(f"http://a.test:{httpserver.port}/drip", timeout=0.3)


def test_headers_and_names_that_drip_are_ended_too() -> None:
    class Dripping(httpcore.NetworkStream):
        def __init__(self) -> None:
            self.begun = False

        def read(self, *_: Any, **__: Any) -> bytes:
            time.sleep(0.02)
            piece = b"x" if self.begun else b"HTTP/1.1 200 OK\r\nX: "
            self.begun = True
            return piece

        def write(self, *_: Any, **__: Any) -> None: ...

        def close(self) -> None: ...

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
            return Dripping()

    with Egress(resolver=answer, backend=Backend(), timeout=0.2) as egress, pytest.raises(EgressTimeout):
        egress.get("http://shop.example/")

    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return [PUBLIC]

    with Egress(resolver=slow, backend=Backend(), timeout=0.1) as egress, pytest.raises(EgressTimeout):
        egress.get("http://shop.example/")


def test_an_answer_can_be_held_to_its_promise() -> None:
    good = Answer(200, {}, b'{"a": 1}', "https://api.example/x?token=abc")
    assert (good.check().json(), good.text, good.ok) == ({"a": 1}, '{"a": 1}', True)
    with pytest.raises(EgressFailed, match="not JSON"):
        Answer(200, {}, b"<html>", "https://api.example/x?token=abc").json()
    with pytest.raises(EgressFailed) as caught:
        Answer(401, {}, b'{"access_token": "abcdef"}', "https://api.example/hook/SECRET").check()
    assert str(caught.value).startswith("https://api.example answered 401")
    assert "abcdef" not in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert "token" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer S3CRET.value-1",
        "authorization: Basic UzNDUkVUOng=",
        "proxy-authorization: S3CRET and more of S3CRET",
        "{'Authorization': 'Bearer S3CRET'}",
        '{"password": "S3CRET with spaces", "user": "u"}',
        "sent bearer S3CRET_TOKEN to it",
        "https://x.example/?api_key=S3CRET&page=2",
        "https://x.example/?page=2&access_token=S3CRET",
        "https://x.example/cb?code=S3CRET&state=S3CRET",
        "https://user:S3CRET@x.example/",
        "postgresql://app:S3CRET@db/name",
        "client_secret=S3CRET",
        "X-Api-Key: S3CRET",
        "X-Hub-Signature-256: sha256=S3CRET",
        "Set-Cookie: session=S3CRET; Path=/",
        "Cookie: a=S3CRET; b=S3CRET",
        "refreshToken = 'S3CRET'",
        "key is sk_live_S3CRETS3CRETS3CRET",
        "xoxb-S3CRET-S3CRET-S3CRET",
        "jwt eyJhbGciOiJIS3CRET.eyJzdWIiOiIxS3CRET.S3CRET",
        "https://hooks.slack.com/services/T0000000/B0000000/S3CRETS3CRET",
        "https://api.telegram.org/bot123456:S3CRETS3CRETS3CRET/send",
        "-----BEGIN RSA PRIVATE KEY-----\nS3CRET\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_taken_out_of_texts(text: str) -> None:
    found = redact(text)
    assert "S3CRET" not in found
    assert "UzNDUkVUOng" not in found
    assert "***" in found
    assert redact(found) == found


def test_what_is_no_secret_stays() -> None:
    for text in ("called https://shop.example/orders?page=2&limit=100 in 0.3 s", "18 of 20 rows, key column is id"):
        assert redact(text) == text


def test_logs_hold_no_secrets(inside: Egress, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook/S3CRET").respond_with_data("ok")
    with structlog.testing.capture_logs() as logs:
        inside.post(f"http://a.test:{httpserver.port}/hook/S3CRET?t=S3CRET", headers={"Authorization": "S3CRET"})
        with pytest.raises(EgressFailed):
            inside.get("http://nowhere.example/S3CRET")
    assert [entry["event"] for entry in logs] == ["called", "call failed"]
    assert logs[0]["status"] == 200
    assert logs[0]["host"] == "a.test"
    assert "S3CRET" not in str(logs)


def test_the_log_processor_hides_secrets_at_any_depth() -> None:
    event = {"event": "x password=S3CRET", "api_key": "S3CRET", "data": {"Token": "S3CRET", "rows": [1, "pwd: S3CRET"]}}
    found = redact_event(None, "info", {**event, "raw": b"secret=S3CRET", "count": 3})
    assert "S3CRET" not in str(found)
    assert found["count"] == 3
    assert found["data"]["rows"][0] == 1
