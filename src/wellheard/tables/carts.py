"""Shopping carts, bought or left."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="carts",
    title="Carts",
    words="A row is one shopping cart into which something was put.",
    instant="opened_at",
    columns=(
        Column(
            "visitor_id",
            Type.TEXT,
            "The browser or device that filled it, without a name.",
            aliases=("visitor", "anonymous_id", "client_id", "cookie_id", "session_id"),
        ),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer behind it, where known.",
            refers="customers",
            aliases=("customer", "customerid", "user_id"),
        ),
        Column(
            "opened_at",
            Type.INSTANT,
            "When the first thing was put in.",
            aliases=("created_at", "cart_created_at", "added_at", "started_at", "date", "timestamp"),
        ),
        Column(
            "checkout_at",
            Type.INSTANT,
            "When the customer went to pay.",
            aliases=("checkout_started_at", "checkout_date", "begin_checkout_at"),
        ),
        Column(
            "bought_at",
            Type.INSTANT,
            "When it was bought; empty if never.",
            aliases=("purchased_at", "completed_at", "converted_at", "purchase_date", "ordered_at"),
        ),
        Column(
            "last_event_at",
            Type.INSTANT,
            "When anything last happened to it.",
            aliases=("last_activity_at", "last_active_at", "last_event"),
        ),
        Column(
            "order_id",
            Type.TEXT,
            "The order it became.",
            refers="orders",
            aliases=("order", "order_number", "purchase_id", "transaction_id"),
        ),
        Column(
            "value",
            Type.MONEY,
            "What its contents are worth.",
            aliases=("cart_value", "total", "amount", "cart_total", "total_price"),
        ),
        Column("currency", Type.TEXT, "The currency, as a three-letter code.", aliases=("currency_code", "ccy")),
    ),
    orders=(("opened_at", "checkout_at"), ("opened_at", "bought_at")),
)
