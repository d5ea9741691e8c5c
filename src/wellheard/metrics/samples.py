"""Rows of worked examples, said as briefly as the field says them. Dates are days of 2025 and 2026, money is euros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rows = dict[str, list[dict[str, Any]]]

MARCH = ("2026-03-01", "2026-04-01")


def scored(kind: str, counts: Mapping[int | None, int], **more: Any) -> Rows:
    """Survey answers of a kind: how many times each score was given."""
    row = {"kind": kind, "answered_at": "2026-03-05", **more}
    return {"survey_responses": [{**row, "score": score} for score, n in counts.items() for _ in range(n)]}


def lives(*groups: tuple[int, str, str | None]) -> Rows:
    """Customers with one subscription each: how many, from when, until when."""
    spans = [(start, end) for n, start, end in groups for _ in range(n)]
    return plans(*((str(number), 10.0, start, end) for number, (start, end) in enumerate(spans)))


def plans(*periods: tuple[str, float, str, str | None]) -> Rows:
    """Subscription periods: whose, MRR, from when, until when."""
    return {
        "subscriptions": [
            {
                "source_id": str(number),
                "customer_id": who,
                "mrr": mrr,
                "currency": "EUR",
                "started_at": start,
                "ended_at": end,
            }
            for number, (who, mrr, start, end) in enumerate(periods)
        ]
    }


# A grows from 100 to 150, B shrinks from 100 to 60, C is lost, D is new.
THREE_CUSTOMERS = plans(
    ("A", 100, "2025-01-01", "2025-09-01"),
    ("A", 150, "2025-09-01", None),
    ("B", 100, "2025-01-01", "2025-09-01"),
    ("B", 60, "2025-09-01", None),
    ("C", 100, "2025-01-01", "2025-09-01"),
    ("D", 500, "2025-08-01", None),
)

# Of 100 customers 10 leave; of 20 new ones 5 leave again within the month.
CAME_AND_LEFT = lives(
    (90, "2026-01-01", None),
    (10, "2026-01-01", "2026-03-10"),
    (15, "2026-03-05", None),
    (5, "2026-03-05", "2026-03-20"),
)


def orders(*bought: tuple[str | None, str, float, float]) -> Rows:
    """Orders: whose, when, revenue, refunded."""
    return {
        "orders": [
            {
                "source_id": str(number),
                "customer_id": who,
                "ordered_at": day,
                "revenue": revenue,
                "refunded": refunded,
                "currency": "EUR",
            }
            for number, (who, day, revenue, refunded) in enumerate(bought)
        ]
    }


def conversations(*rows: Mapping[str, Any]) -> Rows:
    """Conversations that customers opened at midnight of one day, with what is said of each."""
    opened = {"opened_at": "2026-03-05T00:00:00Z", "opened_by": "customer"}
    return {"conversations": [{"source_id": str(number), **opened, **row} for number, row in enumerate(rows)]}


def read(
    sentiments: Mapping[str, int], labels: Mapping[int, str | None] | None = None, key: str = "", **more: Any
) -> Rows:
    """Texts as a model read them: how many of each sentiment, with a valence of half that tone.

    `labels` say what a person read, each from a text's number on until the next; `key` keeps groups of texts apart.
    """
    found = [sentiment for sentiment, n in sentiments.items() for _ in range(n)]
    valence = {"positive": 0.5, "negative": -0.5}
    day = "2026-03-05"
    rows: list[dict[str, Any]] = [
        {
            "source_id": f"{key}model{number}",
            "text_id": f"{key}{number}",
            "text_table": "feedback",
            "written_at": day,
            "model": "first",
            "sentiment": sentiment,
            "valence": valence.get(sentiment, 0.0),
            **more,
        }
        for number, sentiment in enumerate(found)
    ]
    steps, label = dict(labels or {}), None
    for number in range(len(found)):
        label = steps.get(number, label)
        if label is not None:
            text = {"source_id": f"{key}person{number}", "text_id": f"{key}{number}", "text_table": "feedback"}
            rows.append({**text, "written_at": day, "model": "human", "sentiment": label})
    return {"text_scores": rows}


def felt(**ratings: tuple[float, ...]) -> Rows:
    """How people rated emotions on 1 to 5: of each emotion one rating a person, in the same order."""
    scale = {"kind": "emotion", "scale_min": 1, "scale_max": 5, "answered_at": "2026-03-05"}
    return {
        "survey_responses": [
            {**scale, "source_id": f"{word}{person}", "customer_id": f"c{person}", "choice": word, "score": score}
            for word, scores in ratings.items()
            for person, score in enumerate(scores)
        ]
    }


def healths(*scores: tuple[str, float, str], left: Mapping[str, str] | None = None, model: str = "formula") -> Rows:
    """Health scores: whose, how much, as of which day; `left` says who went when."""
    return {
        "customer_scores": [
            {
                "source_id": str(number),
                "customer_id": who,
                "kind": "health",
                "value": value,
                "as_of": day,
                "coverage": 80,
                "model": model,
            }
            for number, (who, value, day) in enumerate(scores)
        ],
        "customers": [
            {"source_id": who, "created_at": "2025-01-01", "ended_at": day} for who, day in (left or {}).items()
        ],
    }


def invitations(answered: int, seen: int, delivered: int, bounced: int, young: int = 0) -> Rows:
    """Invitations of one day by how far they got, with their answers, and `young` ones delivered 30 days later."""
    steps = ["answered"] * answered + ["seen"] * seen + ["delivered"] * delivered + ["bounced"] * bounced
    sent = [
        {
            "source_id": f"i{number}",
            "survey_id": "after-support",
            "sent_at": "2026-03-01",
            "delivered_at": None if step == "bounced" else "2026-03-01",
            "seen_at": "2026-03-02" if step in ("answered", "seen") else None,
            "bounced": str(step == "bounced").lower(),
        }
        for number, step in enumerate(steps)
    ]
    late = {"survey_id": "after-support", "sent_at": "2026-03-31", "delivered_at": "2026-03-31"}
    sent += [{**late, "source_id": f"late{number}"} for number in range(young)]
    answer = {"kind": "csat", "survey_id": "after-support", "answered_at": "2026-03-20", "score": 5}
    return {
        "survey_invitations": sent,
        "survey_responses": [{**answer, "source_id": str(i), "invitation_id": f"i{i}"} for i in range(answered)],
    }


def chosen(intents: Mapping[str, tuple[int, int]]) -> Rows:
    """Answers to why somebody came: for every choice how many named it, and how many of them could do it."""
    return {
        "survey_responses": [
            {"kind": "intent", "answered_at": "2026-03-05", "choice": word, "task_success": number < done}
            for word, (n, done) in intents.items()
            for number in range(n)
        ]
    }
