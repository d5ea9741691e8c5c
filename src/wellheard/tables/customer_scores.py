"""What we worked out about a customer, as of an instant."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="customer_scores",
    title="Customer scores",
    words="A row is one score of one customer as of one instant; it is never rewritten.",
    instant="as_of",
    columns=(
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who is scored.",
            refers="customers",
            aliases=("customer", "customerid", "user_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company that is scored.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "as_of",
            Type.INSTANT,
            "The instant up to which facts were used.",
            required=True,
            aliases=("as_of_date", "date", "scored_at", "calculated_at"),
        ),
        Column(
            "kind",
            Type.TEXT,
            "What is scored, such as health or churn_risk_90d.",
            required=True,
            aliases=("score_kind", "score_name", "metric", "score_type"),
        ),
        Column("value", Type.NUMBER, "The score; empty where too little is known.", aliases=("score", "score_value")),
        Column("low", Type.NUMBER, "The lower end of the score's interval.", aliases=("lower", "ci_low", "value_low")),
        Column(
            "high", Type.NUMBER, "The upper end of the score's interval.", aliases=("upper", "ci_high", "value_high")
        ),
        Column(
            "coverage",
            Type.NUMBER,
            "How much of what the score needs was known, in percent.",
            least=0,
            most=100,
            aliases=("coverage_percent", "completeness"),
        ),
        Column(
            "currency",
            Type.TEXT,
            "The currency of a score that is money, as a three-letter code.",
            aliases=("currency_code", "ccy"),
        ),
        Column("model", Type.TEXT, "What made the score, with its version.", aliases=("model_name", "model_version")),
    ),
)
