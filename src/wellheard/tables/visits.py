"""Visits to the website or the app."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="visits",
    title="Visits",
    words="A row is one visit to the website or the app.",
    instant="started_at",
    columns=(
        Column(
            "visitor_id",
            Type.TEXT,
            "The browser or device that came, without a name.",
            aliases=("visitor", "anonymous_id", "client_id", "cookie_id", "user_pseudo_id", "device_id"),
        ),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer behind it, where known.",
            refers="customers",
            aliases=("customer", "customerid", "user_id"),
        ),
        Column(
            "started_at",
            Type.INSTANT,
            "When the visit started.",
            aliases=("visited_at", "visit_date", "session_start", "start_time", "date", "timestamp", "created_at"),
        ),
        Column(
            "channel",
            Type.TEXT,
            "What brought the visitor, such as search, mail or an advertisement.",
            aliases=("traffic_type", "traffic_source", "medium", "utm_medium", "source_medium"),
        ),
        Column(
            "campaign",
            Type.TEXT,
            "The campaign that brought the visitor.",
            aliases=("utm_campaign", "campaign_name", "campaign_id"),
        ),
        Column(
            "device",
            Type.TEXT,
            "The kind of device, such as telephone or computer.",
            aliases=("device_type", "device_category", "platform"),
        ),
        Column(
            "landing",
            Type.TEXT,
            "The first page that was seen.",
            aliases=("landing_page", "entry_page", "first_page", "landing_url"),
        ),
        Column(
            "pages",
            Type.INTEGER,
            "How many pages were seen.",
            least=0,
            aliases=("page_views", "pageviews", "page_count", "pages_viewed"),
        ),
        Column("intent", Type.TEXT, "What the visitor came for.", aliases=("visit_intent", "purpose", "visit_reason")),
        Column(
            "bounced",
            Type.BOOLEAN,
            "Whether the visitor left after one page.",
            aliases=("bounce", "is_bounce", "single_page"),
        ),
        Column(
            "converted_at",
            Type.INSTANT,
            "When the visitor did what we hoped for; empty if never.",
            aliases=("conversion_time", "conversion_date", "purchased_at"),
        ),
    ),
    orders=(("started_at", "converted_at"),),
)
