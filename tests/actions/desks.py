"""Help desks and chats that are not there: servers here that follow the published formats, and fail on demand.

A fault is what happens to the next call that writes: `timeout` does the work and never answers, `429` and `500` do
nothing, `lost` does the work and closes the line.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

STALL = 1.0  # seconds for which a call hangs; callers in tests wait for less


@dataclass
class World:
    """What the servers hold, and what they were asked."""

    faults: deque[str] = field(default_factory=deque)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    phones: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    keyed: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)  # below reviews, by their ids
    slack_error: str = ""
    retry_after: str = "0"  # what a 429 asks for
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._run("GET")

    def do_POST(self) -> None:
        self._run("POST")

    def do_PUT(self) -> None:
        self._run("PUT")

    def _run(self, method: str) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the caller died between head and body, and no server acts on that
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        world = self.world
        looks = method == "GET" or parts.path.endswith(("/search", "/token"))
        with world.lock:
            after = world.retry_after
            world.calls.append((method, parts.path))
            fault = "" if looks or not world.faults else world.faults.popleft()
            if fault in ("429", "500"):
                self._answer(int(fault), {"error": "try later"}, {"retry-after": after} if fault == "429" else {})
                return
            status, told = self._served(method, parts.path, parse_qs(parts.query), body)
        if fault == "timeout":
            time.sleep(STALL)
            self.close_connection = True
        elif fault == "lost":
            self.close_connection = True
            self.connection.close()
        else:
            self._answer(status, told)

    def _answer(self, status: int, told: Any, headers: dict[str, str] | None = None) -> None:
        sent = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _served(self, method: str, path: str, asked: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        head, _, rest = path.removeprefix("/").partition("/")
        told = json.loads(body) if body[:1] == b"{" and head != "hook" else {}
        return getattr(self, f"_{head}")(method, rest, asked, told, body)

    # --- Zendesk: /zendesk/api/v2/… ---

    def _zendesk(self, method: str, path: str, asked: Any, told: Any, _: bytes) -> tuple[int, Any]:
        if self.headers.get("authorization") != f"Basic {base64.b64encode(b'agent@x.example/token:zd-token').decode()}":
            return 401, {"error": "Couldn't authenticate you"}
        mine = [t for t in self.world.tickets if t["system"] == "zendesk"]
        if (method, path) == ("GET", "api/v2/tickets.json"):
            return 200, {"tickets": [t for t in mine if t["external_id"] in asked.get("external_id", ())]}
        if (method, path) == ("POST", "api/v2/tickets.json"):
            ticket = {"system": "zendesk", "id": 1000 + len(mine), **told["ticket"]}
            self.world.tickets.append(ticket)
            return 201, {"ticket": ticket}
        id = path.split("/")[3].removesuffix(".json")
        if path.endswith("/comments.json"):
            said = [r for r in self.world.replies if r["system"] == "zendesk" and r["id"] == id]
            return 200, {"comments": [{"public": True, "plain_body": _folded(r["text"])} for r in said]}
        self.world.replies.append({"system": "zendesk", "id": id, "text": told["ticket"]["comment"]["body"]})
        return 200, {"ticket": {"id": int(id)}}

    # --- Freshdesk: /freshdesk/api/v2/… ---

    def _freshdesk(self, method: str, path: str, asked: Any, told: Any, _: bytes) -> tuple[int, Any]:
        if self.headers.get("authorization") != f"Basic {base64.b64encode(b'fd-key:X').decode()}":
            return 401, {"code": "invalid_credentials", "message": "You have to be logged in"}
        mine = [t for t in self.world.tickets if t["system"] == "freshdesk"]
        if path == "api/v2/tickets" and method == "GET":
            page = int(asked["page"][0])
            return 200, mine[(page - 1) * 100 : page * 100]
        if path == "api/v2/tickets":
            for needed in ("email", "description", "subject", "priority", "status", "source"):
                assert told.get(needed), needed
            ticket = {"system": "freshdesk", "id": 1 + len(mine), **told}
            self.world.tickets.append(ticket)
            return 201, ticket
        id = path.split("/")[3]
        if method == "GET":
            said = [r for r in self.world.replies if r["system"] == "freshdesk" and r["id"] == id]
            return 200, [{"incoming": False, "body_text": _folded(r["text"].replace("<br>", "\n"))} for r in said]
        self.world.replies.append({"system": "freshdesk", "id": id, "text": told["body"]})
        return 201, {"id": 5}

    # --- Intercom: /intercom/… ---

    def _intercom(self, method: str, path: str, _asked: Any, told: Any, _: bytes) -> tuple[int, Any]:
        if self.headers.get("authorization") != "Bearer ic-token" or self.headers.get("intercom-version") != "2.15":
            return 401, {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}
        mine = [t for t in self.world.tickets if t["system"] == "intercom"]
        if path == "tickets/search":
            return 200, {"type": "ticket.list", "tickets": mine, "pages": {"next": None}}
        if path == "tickets":
            assert set(told) <= {"ticket_type_id", "contacts", "ticket_attributes"}
            assert told["contacts"][0]["email"]
            ticket = {"type": "ticket", "system": "intercom", "id": str(600 + len(mine)), **told}
            self.world.tickets.append(ticket)
            return 200, ticket
        id = path.split("/")[1]
        if method == "GET":
            said = [r for r in self.world.replies if r["system"] == "intercom" and r["id"] == id]
            parts = [{"part_type": "comment", "body": _folded(r["text"])} for r in said]
            return 200, {"conversation_parts": {"conversation_parts": parts}}
        assert told["message_type"] == "comment"
        self.world.replies.append({"system": "intercom", "id": id, "text": told["body"]})
        return 200, {"type": "conversation", "id": id}

    # --- Slack: /slack/METHOD ---

    def _slack(self, _method: str, path: str, asked: Any, told: Any, _: bytes) -> tuple[int, Any]:
        if self.headers.get("authorization") != "Bearer xoxb-token":
            return 200, {"ok": False, "error": "invalid_auth"}
        if path == "conversations.history":
            assert asked["include_all_metadata"] == ["true"]
            there = [p for p in self.world.posts if p["channel"] == asked["channel"][0]]
            return 200, {"ok": True, "messages": list(reversed(there)), "has_more": False}
        if self.world.slack_error:
            return 200, {"ok": False, "error": self.world.slack_error}
        post = {**told, "ts": f"{time.time():.6f}"}
        self.world.posts.append(post)
        return 200, {"ok": True, "channel": told["channel"], "ts": post["ts"], "message": {"text": told["text"]}}

    # --- Google Play: /play/token, /play/androidpublisher/v3/… ---

    def _play(self, method: str, path: str, _asked: Any, told: Any, body: bytes) -> tuple[int, Any]:
        if path == "token":
            return self._play_token(parse_qs(body.decode()))
        if self.headers.get("authorization") != "Bearer play-token":
            return 401, {"error": {"code": 401, "message": "Request had invalid authentication credentials."}}
        found = re.fullmatch(r"androidpublisher/v3/applications/com\.example\.app/reviews/([^/:]+)(:reply)?", path)
        if found is None or bool(found[2]) != (method == "POST"):
            return 404, {"error": {"code": 404, "message": "Not Found"}}
        id = unquote(found[1])
        if method == "GET":
            written = [{"developerComment": self.world.answers[id]}] if id in self.world.answers else []
            return 200, {"reviewId": id, "comments": [{"userComment": {"text": "Bad.", "starRating": 1}}, *written]}
        if len(told["replyText"]) > 350:
            return 400, {"error": {"code": 400, "message": "The reply is too long."}}
        kept = {
            "text": _folded(re.sub("<[^>]*>", "", told["replyText"])),
            "lastModified": {"seconds": str(int(time.time()))},
        }
        self.world.answers[id] = kept
        self.world.replies.append({"system": "google_play", "id": id, "text": told["replyText"]})
        return 200, {"result": {"replyText": kept["text"], "lastEdited": kept["lastModified"]}}

    def _play_token(self, asked: dict[str, list[str]]) -> tuple[int, Any]:
        """A token for a statement that the service account signed (RFC 7523)."""
        signed, _, mark = asked["assertion"][0].rpartition(".")
        head, claims = (json.loads(_unpadded(part)) for part in signed.split("."))
        play_key().public_key().verify(_unpadded(mark), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        assert head == {"alg": "RS256", "typ": "JWT"}
        assert (claims["iss"], claims["aud"]) == ("cx@x.example", f"{self.world.url}/play/token")
        assert claims["scope"] == "https://www.googleapis.com/auth/androidpublisher"
        assert 0 < claims["exp"] - claims["iat"] <= 3600
        assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        return 200, {"access_token": "play-token", "token_type": "Bearer", "expires_in": 3599}

    # --- programs that send by SMS and WhatsApp: /sms, /whatsapp ---

    def _sms(self, _method: str, _path: str, _asked: Any, told: Any, body: bytes) -> tuple[int, Any]:
        assert told["type"] == "wellheard.letter"
        self.world.phones.append(({name.lower(): value for name, value in self.headers.items()}, body))
        return 202, {"id": f"m{len(self.world.phones)}"}

    _whatsapp = _sms

    # --- a workflow of Teams, and any program ---

    def _teams(self, _method: str, _path: str, _asked: Any, told: Any, _: bytes) -> tuple[int, Any]:
        self.world.cards.append(told)
        return 202, {}

    def _hook(self, _method: str, _path: str, _asked: Any, _told: Any, body: bytes) -> tuple[int, Any]:
        self.world.hooks.append(({name.lower(): value for name, value in self.headers.items()}, body))
        return 200, {}


def _folded(text: str) -> str:
    """A text as other systems keep it, with white space of their own."""
    return " ".join(text.split())


@cache
def play_key() -> rsa.RSAPrivateKey:
    """The key of the service account by which reviews are answered."""
    return rsa.generate_private_key(65537, 2048)


def play_account() -> str:
    """The account's key file."""
    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = play_key().private_bytes(*how).decode()
    return json.dumps({"type": "service_account", "client_email": "cx@x.example", "private_key": key})


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def desks() -> Iterator[World]:
    """The servers, on one port."""
    world = World()
    handler = type("Handler", (_Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"76543210fedcba9876543210").decode()


def settings_at(url: str) -> dict[str, tuple[str, dict[str, str]]]:
    """A connection of each channel that calls by HTTP, by its name: the channel, and its fields."""
    return {
        "zendesk": ("zendesk", {"address": f"{url}/zendesk", "email": "agent@x.example", "token": "zd-token"}),
        "freshdesk": ("freshdesk", {"address": f"{url}/freshdesk", "key": "fd-key", "requester": "cx@x.example"}),
        "intercom": (
            "intercom",
            {
                "address": f"{url}/intercom",
                "token": "ic-token",
                "ticket_type_id": "88",
                "requester": "cx@x.example",
                "admin_id": "7",
            },
        ),
        "slack": ("slack", {"address": f"{url}/slack", "token": "xoxb-token", "channel": "C01"}),
        "teams": ("teams", {"url": f"{url}/teams/workflow"}),
        "play": (
            "google_play",
            {
                "address": f"{url}/play",
                "token_address": f"{url}/play/token",
                "package": "com.example.app",
                "account": play_account(),
            },
        ),
        "sms": ("sms", {"url": f"{url}/sms", "secret": SECRET}),
        "whatsapp": ("whatsapp", {"url": f"{url}/whatsapp", "secret": SECRET}),
        "hook": ("webhook", {"url": f"{url}/hook/in", "secret": SECRET}),
    }
