"""What is said of us elsewhere: the table `feedback`."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.columns import constant, idents, instants, numbers, words
from wellheard.simulate.company import LANGUAGES, Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.readings import write_readings
from wellheard.simulate.rhythm import moments
from wellheard.simulate.voices import kind_codes, phrases
from wellheard.simulate.writer import Writer

CHANNELS = ("app store", "review site", "social", "community")
TITLES = ("Not happy", "It is fine", "Love it")
RATE = 0.032  # a contact and month


def write_feedback(
    writer: Writer,
    company: Company,
    customers: Customers,
    month: int,
    block: int,
    who: Array,
) -> None:
    """Reviews with stars, and posts without; half of the writers are not known to us."""
    rng = company.rng("feedback", month, block)
    writer_of = np.repeat(who, rng.poisson(RATE, len(who)))
    at = moments(company, rng, month, customers.zone[writer_of], "leisure")
    kept = customers.here(writer_of, at)
    customer, at = writer_of[kept], at[kept]
    rows = len(at)
    mood = 0.5 * customers.mood[customer] + rng.normal(0.5, 1.2, rows)
    mood = mood + company.effect("nps", month, customers.exposure[customer])
    stars = np.digitize(mood, (-1.2, -0.5, 0.1, 1.0)) + 1
    channel = rng.choice(len(CHANNELS), rows, p=(0.3, 0.3, 0.25, 0.15))
    rated, tone = channel < 2, np.digitize(stars, (3, 4))
    language = customers.language[customer]
    body = phrases().pick(rng, kind_codes("comment:bad", "comment:plain", "comment:good")[tone], language)
    text = idents("F", writer.number("feedback", rows) + np.arange(rows))
    author = writer.contacts(customer, rng.random(rows) < 0.5)
    writer.append(
        "feedback",
        text,
        at,
        {
            "channel": words(CHANNELS, channel),
            "rating": numbers(stars, rated),
            "scale_min": numbers(np.ones(rows), rated),
            "scale_max": numbers(np.full(rows, 5), rated),
            "title": words(TITLES, tone, rated),
            "body": body,
            "product": constant("Larkfield", rows),
            "language": words(LANGUAGES, language),
            "written_at": instants(at),
            "customer_id": author,
        },
    )
    reader = company.rng("readings of feedback", month, block)
    write_readings(writer, company, reader, "feedback", text, author, language, at, tone)
