"""Customers who recommended us to others."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="referrals",
    title="Referrals",
    words="A row is one recommendation of us by a customer to somebody.",
    instant="referred_at",
    columns=(
        Column(
            "referrer_id",
            Type.TEXT,
            "The customer who recommended us.",
            refers="customers",
            required=True,
            aliases=("referrer", "referrer_customer_id", "referred_by", "advocate_id", "inviter_id"),
        ),
        Column(
            "referred_id",
            Type.TEXT,
            "The person to whom we were recommended.",
            refers="customers",
            aliases=("referred", "referred_customer_id", "referee_id", "invitee_id", "friend_id"),
        ),
        Column(
            "referred_at",
            Type.INSTANT,
            "When we were recommended.",
            aliases=("referral_date", "created_at", "date", "invited_at", "timestamp"),
        ),
        Column(
            "converted_at",
            Type.INSTANT,
            "When that person became a customer; empty if never.",
            aliases=("conversion_date", "joined_at", "signed_up_at", "purchased_at"),
        ),
        Column(
            "status", Type.TEXT, "Where it stands, in the source's own words.", aliases=("state", "referral_status")
        ),
    ),
    orders=(("referred_at", "converted_at"),),
)
