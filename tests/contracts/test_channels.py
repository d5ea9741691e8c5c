"""What every channel keeps: it is found by its file, says what it lacks, and sends each letter once or says why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook
from tests.sink import Sink, mail_sink, text_of
from werkzeug import Request, Response

from wellheard.base.egress import Egress
from wellheard.base.errors import Unknown
from wellheard.base.settings import Settings
from wellheard.surveys.channel import Channel, Letter, Means, NotSent, channel_called, channels
from wellheard.surveys.channels.email import KEY_HEADER
from wellheard.surveys.letter import letter_words, write_letter
from wellheard.surveys.shelf import templates
from wellheard.surveys.words import LANGUAGES

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CARRIED = [name for name, channel in channels().items() if channel.carried]
CALLED = [name for name in CARRIED if name != "email"]
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
LETTER = write_letter(
    templates()["recommendation"].model_copy(update={"key": "c" * 32}),
    key="0123456789abcdef0123456789abcdef",
    kind="invitation",
    to="ada@x.example",
    token=TOKEN,
    language="fr",
    address="https://ask.example",
    test=False,
)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with mail_sink() as made:
        yield made


@pytest.fixture
def means(sink: Sink, httpserver: HTTPServer) -> Iterator[Means]:
    sink.mails.clear()
    sink.recipients.clear()
    sink.says = {}
    told: dict[str, Any] = {f"{name}_webhook": httpserver.url_for(f"/{name}") for name in CALLED}
    settings = Settings(**sink.settings, **told, webhook_secret=SECRET, internal_hosts=("127.0.0.1", "localhost"))
    with Egress(allow_internal=frozenset(settings.internal_hosts), timeout=5) as egress:
        yield Means(settings, egress, lambda: datetime.now(UTC))


@pytest.mark.parametrize("name", channels())
def test_a_channel_says_what_it_is_and_what_it_lacks(name: str) -> None:
    channel = channel_called(name)
    assert channel.title
    assert channel.words.endswith(".")
    assert channel.carried == (channel.reaches != "anybody")
    assert bool(channel.lacks(Settings())) == channel.carried
    assert all(hasattr(Settings(), word) for word in channel.lacks(Settings()).split(" and ") if word)


def test_an_unknown_channel_is_refused_with_those_there_are() -> None:
    with pytest.raises(Unknown, match="there is no channel 'pigeon'"):
        channel_called("pigeon")


@pytest.mark.parametrize("name", CARRIED)
def test_one_that_is_set_up_lacks_nothing_and_sends(
    name: str, means: Means, sink: Sink, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(f"/{name}").respond_with_json({"id": "p-17"}, 202)
    channel: Channel = channel_called(name)
    assert channel.lacks(means.settings) == ""
    assert channel.send is not None
    reference = channel.send(LETTER, means)
    if name == "email":
        assert sink.recipients == ["ada@x.example"]
        assert reference == f"{LETTER.key}@larkfield.example"
        return
    assert reference == "p-17"
    ((request, _),) = httpserver.log
    sent = json.loads(request.get_data())["data"]
    assert sent["to"] == "ada@x.example"
    assert sent["link"] in sent["text"]
    assert (sent["channel"], sent["id"], sent["language"]) == (name, LETTER.key, "fr")


@pytest.mark.parametrize("name", CALLED)
def test_w4_calls_are_signed_so_that_the_reference_library_believes_them(
    name: str, means: Means, httpserver: HTTPServer
) -> None:
    seen: list[str] = []

    def take(request: Request) -> Response:
        Webhook(SECRET).verify(request.get_data(), dict(request.headers))  # raises where the signature is wrong
        seen.append(request.headers["webhook-id"])
        return Response(status=204)

    httpserver.expect_request(f"/{name}").respond_with_handler(take)
    send = channel_called(name).send
    assert send is not None
    send(LETTER, means)
    send(LETTER, means)
    httpserver.check_assertions()
    assert seen == [LETTER.key] * 2  # by which the receiver knows a repetition


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize(("status", "lasting"), [(500, False), (503, False), (429, False), (400, True), (410, True)])
def test_a_webhook_that_refuses_is_tried_again_or_not(
    name: str, status: int, lasting: bool, means: Means, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(f"/{name}").respond_with_data("no", status)
    send = channel_called(name).send
    assert send is not None
    with pytest.raises(NotSent) as caught:
        send(LETTER, means)
    assert (caught.value.lasting, caught.value.unsure) == (lasting, False)


@pytest.mark.parametrize("name", CALLED)
def test_s1_a_webhook_never_calls_into_our_own_network(name: str, means: Means, httpserver: HTTPServer) -> None:
    send = channel_called(name).send
    assert send is not None
    with Egress() as guarded, pytest.raises(NotSent, match="internal network") as caught:
        send(LETTER, replace(means, egress=guarded))
    assert caught.value.lasting
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("says", "lasting", "bounced"),
    [("550 no such user", True, True), ("451 come back later", False, False), ("552 mailbox full", False, False)],
)
def test_a_mail_server_that_refuses_is_told_apart(
    says: str, lasting: bool, bounced: bool, means: Means, sink: Sink
) -> None:
    sink.says = {"ada@x.example": says}
    send = channel_called("email").send
    assert send is not None
    with pytest.raises(NotSent) as caught:
        send(LETTER, means)
    assert (caught.value.lasting, caught.value.bounced, caught.value.unsure) == (lasting, bounced, False)
    assert sink.mails == []


@pytest.mark.parametrize("address", ["ada@x.example\r\nBcc: all@x.example", "ada", "", "a b@x.example, c@x.example"])
def test_what_is_no_address_is_not_written_to_and_adds_no_header(address: str, means: Means, sink: Sink) -> None:
    send = channel_called("email").send
    assert send is not None
    with pytest.raises(NotSent) as caught:
        send(replace(LETTER, to=address), means)
    assert caught.value.lasting
    assert sink.mails == []


def test_a_line_that_breaks_after_the_whole_mail_leaves_it_unsure(means: Means, broken_server: int) -> None:
    settings = means.settings.model_copy(update={"mail_port": broken_server})
    send = channel_called("email").send
    assert send is not None
    with pytest.raises(NotSent) as caught:
        send(LETTER, replace(means, settings=settings))
    assert (caught.value.unsure, caught.value.lasting) == (True, False)


@pytest.fixture
def broken_server() -> Iterator[int]:
    """The port of a mail server that takes a whole mail and hangs up without a word."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            line, _ = listening.accept()
            with line, line.makefile("rwb", buffering=0) as talk:
                talk.write(b"220 here\r\n")
                for words in (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
                    talk.readline()
                    talk.write(words)
                while talk.readline() != b".\r\n":
                    pass

        threading.Thread(target=speak, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_mail_can_be_left_by_one_click_and_told_by_its_key(means: Means, sink: Sink) -> None:
    send = channel_called("email").send
    assert send is not None
    send(LETTER, means)
    (mail,) = sink.mails
    assert mail["List-Unsubscribe"] == f"<https://ask.example/u/{TOKEN}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail[KEY_HEADER] == LETTER.key
    assert mail["Message-ID"] == f"<{LETTER.key}@larkfield.example>"
    assert mail["Content-Language"] == "fr"
    assert text_of(mail, "plain").splitlines() == LETTER.text.splitlines()
    assert "recommandiez" in text_of(mail, "html")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_own_words_and_the_link_in_each_part(language: str) -> None:
    survey = templates()["satisfaction"].model_copy(update={"key": "c" * 32})
    letter = _letter(survey, language)
    assert letter_words().missing(language) == ()
    for part in (letter.text, letter.html.replace("&amp;", "&")):
        assert all(f"a.satisfied={n}" in part or f"={n}" in part for n in range(1, 6))
        assert letter.leave in part
        assert "{" not in part.replace("{brand}", "!")
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in letter.html
    assert letter.link in letter.short
    subjects = {_letter(survey, other).subject for other in LANGUAGES}
    assert len(subjects) == len(LANGUAGES)


def test_an_unknown_language_falls_back_to_the_survey_s_first() -> None:
    survey = templates()["satisfaction"].model_copy(update={"key": "c" * 32, "languages": ("nl", "de")})
    assert _letter(survey, "sv").language == "nl"


def test_hostile_words_stay_words_in_a_letter(corpus: Callable[[], tuple[str, ...]]) -> None:
    for text in corpus():
        survey = templates()["satisfaction"]
        branding = survey.branding.model_copy(update={"name": text[:80]})
        letter = _letter(survey.model_copy(update={"key": "c" * 32, "branding": branding}), "en")
        assert "<script" not in letter.html.lower()
        assert "<img" not in letter.html.lower()
        assert " on" not in "".join(part for part in letter.html.split("<") if part.startswith("a "))
        assert "\n" not in letter.subject


@pytest.fixture
def corpus() -> Callable[[], tuple[str, ...]]:
    """Texts that try to become code or headers."""
    return lambda: (
        "<script>window.hit=1</script>", "\"><img src=x onerror='window.hit=1'>", "{{ 7*7 }}{link}{title}",
        "Lark\r\nBcc: all@x.example", "'>\"<b>", hashlib.sha256(b"x").hexdigest(),
    )  # fmt: skip


def _letter(survey: Any, language: str) -> Letter:
    return write_letter(
        survey, key="k" * 32, kind="invitation", to="a@x.example", token=TOKEN, language=language,
        address="https://ask.example", test=False,
    )  # fmt: skip
