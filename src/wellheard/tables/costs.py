"""What we spent on winning and serving customers."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="costs",
    title="Costs",
    words="A row is one amount that we spent on winning, supplying or serving customers.",
    instant="incurred_at",
    columns=(
        Column(
            "incurred_at",
            Type.INSTANT,
            "When the cost arose.",
            aliases=("date", "cost_date", "spent_at", "month", "posted_at", "created_at"),
        ),
        Column(
            "kind",
            Type.TEXT,
            "What the money was spent on.",
            required=True,
            one_of=("acquisition", "service", "goods", "tooling"),
            aliases=("cost_type", "category", "cost_kind", "type"),
        ),
        Column(
            "amount",
            Type.MONEY,
            "What was spent.",
            required=True,
            aliases=("cost", "spend", "total", "value", "cost_amount"),
        ),
        Column("currency", Type.TEXT, "The currency, as a three-letter code.", aliases=("currency_code", "ccy")),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer it was spent on, where known.",
            refers="customers",
            aliases=("customer", "customerid", "user_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company it was spent on, where known.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "conversation_id",
            Type.TEXT,
            "The conversation it was spent on, where known.",
            refers="conversations",
            aliases=("conversation", "ticket_id", "case_id", "ticket"),
        ),
        Column(
            "channel",
            Type.TEXT,
            "The channel it was spent on, where known.",
            aliases=("marketing_channel", "medium", "ad_channel"),
        ),
    ),
)
