"""Google Forms: the sheet that a form fills, with a time first and then its questions in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wellheard.sources.exports.answered import ANSWER, answered, cell, survey_of
from wellheard.sources.exports.export import KEY, Export, Laid, Made, Sample
from wellheard.sources.exports.people import person_of
from wellheard.sources.exports.questions import Candidate, Told, taken
from wellheard.sources.exports.sheet import Head, Row, Sheet

TIMES = (
    "Timestamp", "Zeitstempel", "Horodateur", "Marca temporal", "Carimbo de data/hora", "Informazioni cronologiche",
    "Tijdstempel", "Sygnatura czasowa", "Zaman damgası", "طابع زمني", "タイムスタンプ", "टाइमस्टैम्प",
)  # fmt: skip
ADDRESSES = (
    "Email Address", "Email address", "E-Mail-Adresse", "Adresse e-mail", "Dirección de correo electrónico",
    "Endereço de e-mail", "Indirizzo email", "E-mailadres", "Adres e-mail", "E-posta Adresi", "メールアドレス",
)  # fmt: skip
ASKS = "a form's sheet writes times by its own clock, and the file does not say which"
NOTE = "A form's sheet has no key: an answer that was changed later counts as a second one."


def _recognise(head: Head) -> bool:
    """By the localised name of its first column, and columns that are whole sentences."""
    return head.columns[:1] != () and head.columns[0] in TIMES and any(" " in column for column in head.columns[1:])


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    head = sheet.head
    time = head.columns[0]
    aside = (time, *ADDRESSES, "Score", "Username")
    asked = [Candidate(c, c, c, sheet.values(c), key=c) for c in head.columns if c not in aside and c not in head.blank]
    questions = taken(asked, told)
    survey = survey_of(head.name)

    def rows(row: Row) -> Iterator[Made]:
        person = person_of(row, (), ADDRESSES)
        if person:
            yield "customers", {"source_id": person, "email": cell(row, *ADDRESSES), "email_confirmed": "false"}
        shared = {
            "survey_id": survey,
            "submission_id": row[KEY],
            "customer_id": person,
            "answered_at": cell(row, time),
        }
        yield from answered(questions, row, shared)

    tables = {"survey_responses": ANSWER, "customers": ("source_id", "email", "email_confirmed")}
    return Laid(tables, rows, questions, asks_zone=ASKS, keyed=True, notes=(NOTE,))


SAMPLE = (
    "Zeitstempel,E-Mail-Adresse,Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?,Was gefiel Ihnen?\n"
).replace("es, dass", "es dass") + (
    '2026-03-05 10:00:00,a@example.com,10,"Preis, Ruhe"\n2026-03-05 10:00:01,,4,\n2026-03-05 10:00:01,,4,\n'
)

EXPORT = Export(
    title="Google Forms",
    recognise=_recognise,
    lay_out=_lay_out,
    samples=(
        Sample(
            "Besuch.csv",
            SAMPLE,
            {
                "survey_responses": (
                    {"kind": "nps", "score": "10.0", "survey_id": "Besuch"},
                    {"kind": "custom", "choice": "Preis, Ruhe"},
                    {"kind": "nps", "score": "4.0"},
                    {"kind": "nps", "score": "4.0"},
                ),
                "customers": ({"email": "a@example.com", "email_confirmed": "false"},),
            },
        ),
    ),
)
