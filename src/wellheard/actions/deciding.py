"""Whether a rule acts on what happened: one function for the present, for replayed history, and for a dry run.

It looks at nothing but what it is handed, so that a dry run and what then happens cannot differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wellheard.actions.happening import Happening
from wellheard.actions.rule import Rule
from wellheard.store.firings import ACTED, CAPPED, COOLING, HELD_OUT, LOOPED, Firing

DEEPEST = 3  # actions of ours that may stand behind what happened
SAME_CONVERSATION = timedelta(hours=24)
LOOK_BACK = timedelta(days=2)  # that is needed of the past beside the cool-down


@dataclass
class Past:
    """What a rule did before. `ours` are a channel and the id of a ticket of ours there, `depths` by invitation."""

    acted: list[Firing] = field(default_factory=list)
    ours: frozenset[tuple[str, str]] = frozenset()
    depths: Mapping[str, int] = field(default_factory=dict)

    def since(self, moment: datetime) -> Iterable[Firing]:
        """The firings since then on which the rule acted."""
        return (firing for firing in self.acted if firing.happened_at > moment)


def decide(rule: Rule, happening: Happening, past: Past, now: datetime) -> Firing:
    """What the rule does, and why not where it does nothing; where it acts, `past` knows it from then on."""
    depth = past.depths.get(happening.invitation_id or "", -1) + 1
    decision, reason = _decision(rule, happening, past, depth)
    firing = Firing(
        rule_id=rule.id,
        subject=happening.subject,
        happened_at=happening.at,
        decided_at=now,
        decision=decision,
        reason=reason,
        person=happening.person,
        customer_id=happening.customer_id,
        account_id=happening.account_id,
        conversation_id=happening.conversation_id,
        depth=depth,
    )
    if decision == ACTED:
        past.acted.append(firing)
    return firing


def _decision(rule: Rule, happening: Happening, past: Past, depth: int) -> tuple[str, str]:
    at, conversation = happening.at, happening.conversation_id
    if happening.machine:
        return LOOPED, "a program caused it"
    if depth >= DEEPEST:
        return LOOPED, f"{depth} actions of ours stand behind it"
    if any(id == conversation and channel in (happening.source or "").lower() for channel, id in past.ours):
        return LOOPED, "it is about a ticket that we opened"
    if conversation is not None and any(
        f.conversation_id == conversation and f.happened_at > at - SAME_CONVERSATION for f in past.acted
    ):
        return LOOPED, "the rule acted on this conversation within a day"
    if (
        rule.cool_down
        and happening.person
        and any(f.person == happening.person for f in past.since(at - rule.cool_down))
    ):
        return COOLING, f"the rule acted on the same within {rule.file.cool_down_days:g} days"
    for most, span, words in (
        (rule.file.most_an_hour, timedelta(hours=1), "hour"),
        (rule.file.most_a_day, timedelta(days=1), "day"),
    ):
        if sum(1 for _ in past.since(at - span)) >= most:
            return CAPPED, f"the rule acted {most} times within an {words}" if words == "hour" else (
                f"the rule acted {most} times within a day"
            )
    if held_out(rule, happening):
        return HELD_OUT, "drawn for the comparison"
    return ACTED, ""


def held_out(rule: Rule, happening: Happening) -> bool:
    """Whether somebody was drawn to be left alone, so that it can be told what acting brings: for ever the same."""
    share = rule.file.holdout_percent / 100
    if share <= 0 or not happening.person:
        return False
    drawn = hashlib.sha256(f"{rule.id}\x1f{happening.person}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64 < share
