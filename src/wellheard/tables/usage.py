"""What customers did with the product."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="usage",
    title="Usage",
    words="A row is one use of a feature, or a count of uses at one time.",
    instant="used_at",
    columns=(
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who used it.",
            refers="customers",
            aliases=("customer", "customerid", "user_id", "contact_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company of the customer who used it.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "used_at",
            Type.INSTANT,
            "When it was used.",
            aliases=("usage_date", "date", "timestamp", "event_time", "occurred_at", "created_at", "at"),
        ),
        Column(
            "feature",
            Type.TEXT,
            "The part of the product that was used.",
            aliases=("feature_name", "event", "event_name", "action", "module"),
        ),
        Column(
            "quantity",
            Type.NUMBER,
            "How much or how often; once where empty.",
            least=0,
            aliases=("count", "usage_count", "qty", "uses", "times"),
        ),
    ),
)
