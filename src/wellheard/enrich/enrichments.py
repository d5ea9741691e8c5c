"""What is computed anew whenever rows have changed: run inside the transaction that changes them."""

from __future__ import annotations

from collections.abc import Mapping

from wellheard.enrich.conversation_times import fill_times
from wellheard.enrich.identity import find_links
from wellheard.warehouse.engine import Lake


def enrich(lake: Lake, touched: Mapping[str, str]) -> None:
    """Fills what the touched rows bear on.

    `touched` names, by canonical table, a temporary table of the rows which changed, as they were and as they are.
    """
    fill_times(lake, touched)
    find_links(lake, touched)
