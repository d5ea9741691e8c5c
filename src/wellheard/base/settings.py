"""Settings: `WELLHEARD_*` in the environment, else `wellheard.toml` in the home, else the default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from wellheard.base.errors import BrokenHome, WellheardError
from wellheard.base.periods import zone_of
from wellheard.base.rate_card import HINT as RATES_HINT
from wellheard.base.rate_card import Rate, read_rates

FILE = "wellheard.toml"


class Settings(BaseSettings):
    """Everything that can be set for a deployment; each has a default, a type and a sentence."""

    model_config = SettingsConfigDict(env_prefix="WELLHEARD_", extra="forbid", frozen=True)

    workspace_name: str = Field("My company", description="The name shown on top of every page.", max_length=80)
    time_zone: str = Field("UTC", description="The zone in which days, weeks and months begin, as an IANA name.")
    week_start: int = Field(0, ge=0, le=6, description="The day a week starts on: 0 is Monday, 6 is Sunday.")
    currency: str = Field(
        "", pattern=r"^([A-Z]{3})?$", description="The currency money is reported in; empty takes the data's own."
    )
    unit: Literal["customer", "account"] = Field(
        "customer", description="Who counts as one in every rate: the customer, or the company in a B2B workspace."
    )
    memory_limit: str = Field(
        "1GB",
        pattern=r"^\d+(\.\d+)?\s?(MB|GB)$",
        description="What the query engine may hold before it spills to disk.",
    )
    threads: int = Field(0, ge=0, le=256, description="Threads of the query engine; 0 takes one a core.")
    host: str = Field("127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(8710, ge=0, le=65535, description="The port that `serve` listens on; 0 takes a free one.")
    store: SecretStr = Field(
        SecretStr(""),
        description="Where tokens, surveys and fresh answers are kept: postgresql://…; empty: a file in the home.",
    )
    public_host: str = Field("127.0.0.1", description="The address on which `serve` takes answers from the public.")
    public_port: int = Field(
        8711, ge=0, le=65535, description="The port on which `serve` takes answers from the public."
    )
    public_address: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
        description="What links to surveys begin with, such as https://ask.example.com.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Networks of the proxies in front, whose X-Forwarded-For is believed, such as 10.0.0.0/8."
    )
    survey_secret: SecretStr = Field(
        SecretStr(""), description="The secret, 16 characters or more, with which a site signs who answers a survey."
    )
    secret_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys by which passwords and tokens are sealed, the newest first; empty: secret.key in the home.",
    )
    internal_hosts: tuple[str, ...] = Field(
        (), description="Hosts that may be called though their addresses are internal, such as mail.local."
    )
    mail_host: str = Field("", description="The mail server that sends invitations, such as smtp.example.com.")
    mail_port: int = Field(587, ge=1, le=65535, description="The mail server's port.")
    mail_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the line to the mail server is kept private."
    )
    mail_user: str = Field("", description="The user's name at the mail server; empty where nobody logs in.")
    mail_password: SecretStr = Field(SecretStr(""), description="The user's password at the mail server.")
    mail_from: str = Field("", description="Whom invitations are from, such as Larkfield <surveys@example.com>.")
    mail_bounces: str = Field(
        "", description="The address that gets what cannot be delivered; empty: that of mail_from."
    )
    sms_webhook: SecretStr = Field(SecretStr(""), description="The address that is called to send an SMS.")
    whatsapp_webhook: SecretStr = Field(SecretStr(""), description="The address that is called to send by WhatsApp.")
    chat_webhook: SecretStr = Field(SecretStr(""), description="The address that is called to write in a chat.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="The secret that signs calls to these addresses, and bounces that come in."
    )
    tester_email: str = Field("", description="Who gets the mails of surveys in test mode.")
    tester_phone: str = Field("", description="Who gets the messages of surveys in test mode, such as +4930123456.")
    asks_per_person: dict[int, int] = Field(
        default={7: 1, 30: 2, 90: 4, 365: 8},
        description="How many times one person may be asked in so many days, over all surveys, reminders included.",
    )
    asks_per_company: dict[int, int] = Field(
        default={7: 10, 30: 25, 90: 50, 365: 150},
        description="How many times the people of one company may be asked in so many days.",
    )
    address: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
        description="What links to our pages begin with in messages, such as https://cx.example.com.",
    )
    admin_emails: tuple[str, ...] = Field(
        (), description="Who is written to where a connection is disabled because nothing is taken there."
    )
    answers_per_survey: int = Field(6000, ge=1, description="Calls a minute that one survey's addresses take.")
    answers_per_network: int = Field(120, ge=1, description="Calls a minute taken from one address, or one IPv6 /64.")
    answers_per_invitation: int = Field(30, ge=1, description="Calls a minute taken with one invitation.")
    max_upload_mb: int = Field(512, ge=1, description="The largest file that the import page takes, in megabytes.")
    cart_minutes: int = Field(
        30, ge=0, description="Minutes after its last event from which an unbought cart counts as abandoned."
    )
    inactive_days: int = Field(90, ge=1, description="Days without an order after which a shop's customer is inactive.")
    margin_percent: float = Field(
        0, ge=0, le=100, description="The margin of revenue whose goods cost is not recorded, in percent; 0: not known."
    )
    rate_card: tuple[Rate, ...] = Field(
        (), description="What an hour of work on conversations costs from which day on; rate_card.toml says it as well."
    )
    repeat_days: int = Field(90, ge=1, description="Days within which a second order counts as a repeat purchase.")
    score_hour: int = Field(
        3, ge=-1, le=23, description="The hour of the night at which `serve` scores every customer; -1: never."
    )
    first_response_target_minutes: int = Field(
        60, ge=1, description="A first response within this many minutes meets the target of `within_target`."
    )
    read_texts: bool = Field(True, description="Whether `serve` reads customers' texts as they come in.")
    text_model: str = Field(
        "", description="The folder of another model for texts; empty: the one shipped; vader: the lexicon alone."
    )
    text_fast_from: int = Field(
        20_000, ge=0, description="Above so many unread texts the lexicon reads them first, the model later; 0: never."
    )
    text_language: str = Field(
        "en", pattern=r"^[a-z]{2}$", description="The language of short texts of which no language is declared."
    )
    text_service: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="The address of a chat-completions service that reads texts first; empty: no text leaves.",
    )
    text_service_model: str = Field("", description="The model's name at that service.")
    text_service_key: SecretStr = Field(SecretStr(""), description="The key for that service.")
    reply_service: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="The address of a chat-completions service that drafts replies on demand; empty: none does.",
    )
    reply_service_model: str = Field("", description="The model's name there, by which drafts are marked.")
    reply_service_key: SecretStr = Field(SecretStr(""), description="The key for the service that drafts replies.")
    segments: dict[str, str] = Field(
        default_factory=dict, description="Saved filters by name; `wellheard segments` keeps them in segments.toml."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @field_validator("asks_per_person", "asks_per_company")
    @classmethod
    def _clocks(cls, value: dict[int, int]) -> dict[int, int]:
        if any(not 1 <= days <= 3660 or most < 0 for days, most in value.items()):
            raise ValueError("each entry is a number of days from 1 on, and how many times")
        return value

    @field_validator("survey_secret", "webhook_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("it has fewer than 16 characters and could be found by trying")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zone_of(value, "time_zone")
        except WellheardError as error:
            raise ValueError(error.message) from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library names the arguments
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=cls.model_config.get("toml_file"))
        return init_settings, env_settings, toml


def settings_of(home: Path) -> Settings:
    """The settings of the deployment in `home`; raises BrokenHome naming each setting that is wrong."""
    config = SettingsConfigDict(**{**Settings.model_config, "toml_file": home / FILE})
    bound = type("Settings", (Settings,), {"model_config": config})
    rates = read_rates(home)
    try:
        made = bound() if rates is None else bound(rate_card=rates)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        hint = f"mend {home / FILE} or the WELLHEARD_* variables"
        hint = RATES_HINT if wrong.startswith("rate_card") and rates is not None else hint
        raise BrokenHome(f"settings are wrong: {wrong}", hint=hint) from None
    except (ValueError, OSError) as error:
        raise BrokenHome(f"{FILE} cannot be read: {error}", hint=f"mend {home / FILE}") from None
    return made  # type: ignore[no-any-return]


def home_of(given: Path | None) -> Path:
    """The folder of a deployment: the one given, else WELLHEARD_HOME, else `wellheard-home` in the current folder."""
    return (given or Path(os.environ.get("WELLHEARD_HOME") or "wellheard-home")).expanduser().absolute()


@dataclass(frozen=True)
class Line:
    """One setting as `wellheard doctor` shows it."""

    name: str
    value: str
    default: str
    words: str
    origin: str


def explain(settings: Settings) -> list[Line]:
    """Each setting with its value, default, sentence and whether it was set."""
    lines = []
    for name, field in Settings.model_fields.items():
        value, default = getattr(settings, name), field.get_default(call_default_factory=True)
        set_outside = f"WELLHEARD_{name}".upper() in os.environ
        origin = "environment" if set_outside else "file" if value != default else "default"
        lines.append(Line(name, str(value), str(default), field.description or "", origin))
    return lines
