"""What a model makes of people's texts, and of the customers themselves: `text_scores` and `customer_scores`.

The tone of every text is known here, so the model's errors are drawn, and a person's labels are the truth.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wellheard.simulate.columns import constant, flags, idents, instants, numbers, words
from wellheard.simulate.company import HOME_CURRENCY, LANGUAGES, SEGMENTS, Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.writer import Writer

MODEL, LEARNED, PERSON = "simulated", "learned-simulated", "human"
SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = ("frustration", "", "gratitude")
TOPICS = ("delivery", "price", "staff", "the app", "waiting", "quality", "returns")
ISSUES = (("complaint", "suggestion"), ("question", "request", "statement"), ("praise",))  # by tone
ON_A_TOPIC = 0.85  # share of texts
STRENGTHS, STRONG = ("low", "medium", "high"), (0.40, 0.38, 0.22)
READ_RIGHT = 0.84  # share of texts whose tone the model sees; it takes the others to be neutral or the next tone up
LABELLED = 0.45  # share of texts that a person has read, too
FELT = 0.7  # share of texts with a tone that show an emotion
DELAY = 90  # seconds until a text is read
LEARNED_FROM = 0.5  # of the history, when the learned health score begins
MOOD_ON_HEALTH, HEALTH_NOISE = 0.8, 0.5
GOLDEN = 0.6180339887498949  # its multiples fill 0 to 1 evenly, so that any share of the contacts can be picked
VALUE_OF_COST, VALUE_SPREAD = 6.0, 0.5  # a lifetime value beside what winning the account cost


def write_readings(
    writer: Writer, company: Company, rng: np.random.Generator, table: str, text: pa.Array, customer: pa.Array,
    language: Array, at: Array, tone: Array,
) -> None:  # fmt: skip
    """What the model reads in each text of `table`, and what a person reads in some drawn at random.

    `tone` is the truth: 0 for a bad, 1 for a plain, 2 for a good one.
    """
    right = rng.random(len(tone)) < READ_RIGHT
    seen = np.where(right, tone, np.where(tone == 1, 2, 1))
    _append(writer, company, rng, MODEL, table, text, customer, language, at, seen)
    some = np.flatnonzero(rng.random(len(tone)) < LABELLED)
    taken = pa.array(some)
    _append(
        writer, company, rng, PERSON, table, text.take(taken), customer.take(taken), language[some], at[some],
        tone[some],
    )  # fmt: skip


def _append(
    writer: Writer, company: Company, rng: np.random.Generator, model: str, table: str, text: pa.Array,
    customer: pa.Array, language: Array, at: Array, tone: Array,
) -> None:  # fmt: skip
    rows = len(tone)
    scored = np.minimum(at + DELAY, company.last - 1)
    felt = (tone != 1) & (rng.random(rows) < FELT)
    valence = np.round((tone - 1) * rng.uniform(0.25, 0.95, rows) + (tone == 1) * rng.uniform(-0.04, 0.04, rows), 3)
    place = np.arange(rows) * GOLDEN % 1
    topic, placed = (place * 1_000).astype(np.int64) % len(TOPICS), place < ON_A_TOPIC
    kinds = [kind for group in ISSUES for kind in group]
    first, many = np.array([0, 2, 5])[tone], np.array([2, 3, 1])[tone]
    writer.append(
        "text_scores",
        idents("X", writer.number("text_scores", rows) + np.arange(rows), width=8),
        scored,
        {
            "text_id": text,
            "text_table": constant(table, rows),
            "written_at": instants(at),
            "customer_id": customer,
            "model": constant(model, rows),
            "scored_at": instants(scored),
            "language": words(LANGUAGES, language),
            "sentiment": words(SENTIMENTS, tone),
            "valence": numbers(valence),
            "emotions": words(EMOTIONS, tone, felt),
            "positive_emotion": flags(felt & (tone == 2)),
            "negative_emotion": flags(felt & (tone == 0)),
            "strength": words(STRENGTHS, rng.choice(3, rows, p=STRONG), felt),
            "topic_id": words([f"t{n}" for n in range(len(TOPICS))], topic, placed),
            "topic_name": words(TOPICS, topic, placed),
            "issue": words(kinds, first + (place * 10_000).astype(np.int64) % many),
        },
    )


def write_health(writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array) -> None:
    """The health of those who are there in the last second of a month, by a formula and later by a learned model."""
    rng = company.rng("health", month, block)
    at = np.full(len(who), company.start(month + 1) - 1)
    here = who[customers.here(who, at)]
    here = here[here * GOLDEN % 1 < company.volume.readings]
    odds = 0.6 + MOOD_ON_HEALTH * customers.mood[here] + company.effect("nps", month, customers.exposure[here])
    learned = month >= round(company.months * LEARNED_FROM)
    for model in (MODEL, LEARNED) if learned else (MODEL,):
        value = 100 / (1 + np.exp(-(odds + HEALTH_NOISE * rng.normal(0, 1, len(here)))))
        rows = len(here)
        writer.append(
            "customer_scores",
            idents("H", writer.number("customer_scores", rows) + np.arange(rows), width=9),
            at[:rows],
            {
                "customer_id": writer.contacts(here),
                "account_id": writer.accounts(customers.account[here]),
                "as_of": instants(at[:rows]),
                "kind": constant("health", rows),
                "value": numbers(np.round(value, 1)),
                "low": numbers(np.round(np.maximum(value - 9, 0), 1)),
                "high": numbers(np.round(np.minimum(value + 9, 100), 1)),
                "coverage": numbers(np.round(rng.uniform(55, 100, rows))),
                "currency": pa.nulls(rows, pa.string()),
                "model": constant(model, rows),
            },
        )


def write_values(writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array) -> None:
    """The lifetime value of those who pay, the main contacts, in the last second of a month."""
    rng = company.rng("lifetime value", month, block)
    at = company.start(month + 1) - 1
    payer = who[customers.main[customers.account[who]] == who]
    here = payer[customers.here(payer, np.full(len(payer), at))]
    rows = len(here)
    usual = np.array([segment.acquisition for segment in SEGMENTS])[customers.segment[here]] * VALUE_OF_COST
    value = usual * np.exp(VALUE_SPREAD * rng.normal(0, 1, rows))
    writer.append(
        "customer_scores",
        idents("H", writer.number("customer_scores", rows) + np.arange(rows), width=9),
        np.full(rows, at),
        {
            "customer_id": writer.contacts(here),
            "account_id": writer.accounts(customers.account[here]),
            "as_of": instants(np.full(rows, at)),
            "kind": constant("lifetime_value", rows),
            "value": numbers(np.round(value, 2)),
            "low": numbers(np.round(value * 0.7, 2)),
            "high": numbers(np.round(value * 1.4, 2)),
            "coverage": numbers(np.full(rows, 100)),
            "currency": constant(HOME_CURRENCY, rows),
            "model": constant(MODEL, rows),
        },
    )
