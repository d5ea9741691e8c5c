"""What we asked customers to pay, and when they did."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="invoices",
    title="Invoices",
    words="A row is one invoice to a customer.",
    instant="issued_at",
    columns=(
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who was billed.",
            refers="customers",
            aliases=("customer", "customerid", "user_id", "client_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company that was billed.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "issued_at",
            Type.INSTANT,
            "When the invoice was made out.",
            aliases=("invoice_date", "issue_date", "created_at", "date", "billed_at"),
        ),
        Column("due_at", Type.INSTANT, "When payment is due.", aliases=("due_date", "payment_due")),
        Column(
            "paid_at",
            Type.INSTANT,
            "When it was paid in full; empty while it is open.",
            aliases=("payment_date", "paid_date", "settled_at"),
        ),
        Column(
            "amount",
            Type.MONEY,
            "What it asks for.",
            aliases=("total", "invoice_total", "amount_due", "invoice_amount", "value"),
        ),
        Column("currency", Type.TEXT, "The currency, as a three-letter code.", aliases=("currency_code", "ccy")),
        Column(
            "status",
            Type.TEXT,
            "Where it stands, in the source's own words.",
            aliases=("state", "invoice_status", "payment_status"),
        ),
    ),
)
