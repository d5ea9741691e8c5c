"""People who buy from us or write to us."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="customers",
    title="Customers",
    words="A row is one person who buys from us or writes to us, with every version we knew.",
    instant="created_at",
    versioned=True,
    columns=(
        Column(
            "account_id",
            Type.TEXT,
            "The company the person belongs to.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id", "organisation_id"),
        ),
        Column(
            "name",
            Type.TEXT,
            "The person's name.",
            private=True,
            aliases=("full_name", "customer_name", "contact_name", "display_name"),
        ),
        Column(
            "email",
            Type.TEXT,
            "The person's e-mail address.",
            private=True,
            aliases=("email_address", "e_mail", "mail", "customer_email", "contact_email"),
        ),
        Column(
            "phone",
            Type.TEXT,
            "The person's telephone number.",
            private=True,
            aliases=("phone_number", "telephone", "mobile", "tel"),
        ),
        Column(
            "created_at",
            Type.INSTANT,
            "When the person became a customer.",
            aliases=(
                "created_date",
                "signup_date",
                "signed_up_at",
                "customer_since",
                "registered_at",
                "first_seen_at",
                "start_date",
            ),
        ),
        Column(
            "ended_at",
            Type.INSTANT,
            "When the person stopped being a customer.",
            aliases=("end_date", "churned_at", "churn_date", "cancelled_at"),
        ),
        Column(
            "segment",
            Type.TEXT,
            "The group of customers the person belongs to.",
            aliases=("customer_segment", "customer_type", "customer_group"),
        ),
        Column(
            "tier",
            Type.TEXT,
            "The service level the person gets.",
            aliases=("customer_tier", "service_level", "loyalty_tier"),
        ),
        Column(
            "region",
            Type.TEXT,
            "The part of the world or of a country.",
            aliases=("state", "province", "territory", "customer_state"),
        ),
        Column(
            "country",
            Type.TEXT,
            "The country, best as a two-letter code.",
            aliases=("country_code", "customer_country", "nation"),
        ),
        Column(
            "language", Type.TEXT, "The language the person prefers.", aliases=("locale", "lang", "preferred_language")
        ),
        Column("persona", Type.TEXT, "The kind of user the person is.", aliases=("role", "job_role", "user_role")),
        Column(
            "acquisition_channel",
            Type.TEXT,
            "The way by which the person first came to us.",
            aliases=("acquired_via", "acquisition_source", "lead_source", "signup_source", "referral_source"),
        ),
        Column(
            "referred_by",
            Type.TEXT,
            "The customer who recommended us to this person.",
            refers="customers",
            aliases=("referrer", "referrer_id", "referrer_customer_id"),
        ),
        Column(
            "external_id",
            Type.TEXT,
            "The person's key in another system, used to link rows.",
            aliases=("customer_external_id", "crm_id", "user_id"),
        ),
        Column(
            "email_confirmed",
            Type.BOOLEAN,
            "Whether the person has proved that the e-mail address is theirs.",
            aliases=("email_verified", "verified_email", "verified"),
        ),
    ),
    orders=(("created_at", "ended_at"),),
)
