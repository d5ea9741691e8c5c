"""What happened in an incident, and what was done, as a text to keep."""

from __future__ import annotations

from typing import Protocol

from wellheard.actions.sending import Sender
from wellheard.store import cases
from wellheard.store.deliveries import deliveries


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def sender(self) -> Sender: ...


def after_report(loop: Loop, number: int) -> str:
    """The report in Markdown: extent, times, every step, what was sent and what came of it. Raises Unknown."""
    sender = loop.sender
    with sender.store.reading() as con:
        case = cases.case(con, sender.workspace, number)
        history = cases.entries(con, number)
        sent = deliveries(con, sender.workspace, sender.vault, case_number=number)
    customers = case.details.get("customers", [])
    lines = [f"# {case.title}", "", str(case.details.get("text", "")), ""]
    lines += [f"- {name}: {value}" for name, value in case.details.get("facts", [])]
    lines += [f"- customers concerned: {len(customers)}", f"- owner: {case.owner or 'nobody'}"]
    lines += [f"- opened: {case.opened_at:%Y-%m-%d %H:%M} UTC"]
    for name, moment in (("taken", case.acknowledged_at), ("escalated", case.escalated_at), ("closed", case.closed_at)):
        if moment is not None:
            after = (moment - case.opened_at).total_seconds() / 60
            lines.append(f"- {name}: {moment:%Y-%m-%d %H:%M} UTC, {after:.0f} minutes later")
    if case.outcome:
        lines.append(f"- outcome: {case.outcome}{f', {case.reason}' if case.reason else ''}")
    lines += ["", "## What was done", ""]
    lines += [f"- {e.entered_at:%Y-%m-%d %H:%M} {e.who} {e.kind}{f': {e.words}' if e.words else ''}" for e in history]
    lines += ["", "## What was sent", ""]
    lines += [f"- {d.kind} through {d.connection}: {d.state}" for d in reversed(sent)] or ["- nothing"]
    return "\n".join(lines) + "\n"
