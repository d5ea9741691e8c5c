"""The moments of the customer's journey, in order."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="touchpoints",
    title="Touchpoints",
    words="A row is one moment at which customers meet us.",
    instant=None,
    columns=(
        Column(
            "touchpoint",
            Type.TEXT,
            "The name that surveys and invitations use for the moment.",
            required=True,
            aliases=("touchpoint_name", "moment", "name"),
        ),
        Column(
            "stage",
            Type.TEXT,
            "The stage of the journey it belongs to.",
            aliases=("journey_stage", "phase", "lifecycle_stage"),
        ),
        Column(
            "position",
            Type.INTEGER,
            "Its place in the journey, counted from the start.",
            least=0,
            aliases=("order", "sequence", "rank", "sort_order"),
        ),
    ),
)
