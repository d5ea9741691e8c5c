"""Paid periods of a product."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="subscriptions",
    title="Subscriptions",
    words="A row is one period in which a customer pays the same amount for the same product.",
    instant="started_at",
    versioned=True,
    columns=(
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who pays.",
            refers="customers",
            aliases=("customer", "customerid", "user_id", "subscriber_id", "contact_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company that pays.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column("product", Type.TEXT, "The product paid for.", aliases=("product_id", "product_name", "service")),
        Column(
            "plan",
            Type.TEXT,
            "The plan or price level.",
            aliases=("plan_id", "plan_name", "plan_tier", "package", "price_id", "contract"),
        ),
        Column(
            "status", Type.TEXT, "Where it stands, in the source's own words.", aliases=("state", "subscription_status")
        ),
        Column(
            "mrr",
            Type.MONEY,
            "What it brings in a month.",
            least=0,
            aliases=(
                "mrr_amount",
                "monthly_recurring_revenue",
                "monthly_charges",
                "monthly_charge",
                "monthly_amount",
                "monthly_price",
            ),
        ),
        Column("currency", Type.TEXT, "The currency, as a three-letter code.", aliases=("currency_code", "ccy")),
        Column(
            "interval",
            Type.TEXT,
            "How often it is billed, such as month or year.",
            aliases=("billing_interval", "billing_period", "billing_frequency", "period"),
        ),
        Column(
            "trial",
            Type.BOOLEAN,
            "Whether this period is a trial, which does not make a paying customer.",
            aliases=("is_trial", "in_trial", "trialing"),
        ),
        Column(
            "started_at",
            Type.INSTANT,
            "When the period starts.",
            required=True,
            aliases=("start_date", "start", "created_at", "starts_at", "activated_at", "subscription_start"),
        ),
        Column(
            "ended_at",
            Type.INSTANT,
            "When the period ends; empty while it runs.",
            aliases=(
                "end_date",
                "end",
                "ends_at",
                "cancelled_at",
                "canceled_at",
                "churned_at",
                "churn_date",
                "subscription_end",
            ),
        ),
    ),
    orders=(("started_at", "ended_at"),),
)
