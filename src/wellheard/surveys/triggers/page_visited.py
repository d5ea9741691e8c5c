"""A known visitor looked at a page."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Page visited",
    words="After a visit of somebody whom the site knows.",
    table="visits",
    instant="started_at",
    traits=("landing", "channel", "campaign", "device"),
)
