"""Exchange rates by day."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="fx_rates",
    title="Exchange rates",
    words="A row is the rate between two currencies on one day.",
    instant=None,
    columns=(
        Column(
            "from_currency",
            Type.TEXT,
            "The currency that is converted, as a three-letter code.",
            required=True,
            aliases=("base", "base_currency", "source_currency", "from"),
        ),
        Column(
            "to_currency",
            Type.TEXT,
            "The currency it is converted into, as a three-letter code.",
            required=True,
            aliases=("quote", "quote_currency", "target_currency", "to", "currency"),
        ),
        Column(
            "on_date",
            Type.DATE,
            "The day on which the rate holds.",
            required=True,
            aliases=("date", "rate_date", "day", "as_of"),
        ),
        Column(
            "rate",
            Type.NUMBER,
            "How much of the second currency one unit of the first is worth.",
            required=True,
            least=0,
            aliases=("exchange_rate", "fx_rate", "value", "obs_value"),
        ),
    ),
)
