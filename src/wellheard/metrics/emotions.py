"""Which emotions are pleasant and which are not, by the word that a questionnaire's item asks for."""

from __future__ import annotations

import ibis.expr.types as ir

# The items of the Net Emotional Value and everyday words for the same feelings.
PLEASANT = (
    "happy", "happiness", "pleased", "joy", "joyful", "delighted", "satisfied", "trusting", "trust", "valued",
    "appreciated", "focused", "safe", "secure", "indulgent", "stimulated", "exploratory", "interested", "energetic",
    "confident", "grateful", "gratitude", "relieved", "calm", "surprised", "cared for",
)  # fmt: skip
UNPLEASANT = (
    "irritated", "hurried", "neglected", "unhappy", "unsatisfied", "dissatisfied", "stressed", "disappointed",
    "disappointment", "frustrated", "frustration", "angry", "anger", "annoyed", "confused", "anxious", "worried", "sad",
    "bored", "ignored", "helpless",
)  # fmt: skip


def item_of(t: ir.Table) -> ir.StringValue:
    """The word of an item: what its row names as the choice, else the last word of its question's key."""
    return t.choice.coalesce(t.question_id.re_extract(r"([A-Za-z ]+)$", 1)).strip().lower()


def is_pleasant(t: ir.Table) -> ir.BooleanValue:
    """True for an item on a pleasant emotion, false for one on an unpleasant one, null for any other word."""
    word = item_of(t)
    return word.isin(PLEASANT).nullif(False).coalesce(~word.isin(UNPLEASANT).nullif(False))
