"""Which rows of accounts are one company, and why."""

from wellheard.tables.table import Column, Table, Type

# A link is ended by `undone_at`, never deleted, so that yesterday's figures can still be explained.
TABLE = Table(
    name="company_links",
    title="Company links",
    words="A row says that one row of accounts is one and the same company as others.",
    instant=None,
    columns=(
        Column(
            "company_id",
            Type.TEXT,
            "The company that all linked rows share.",
            required=True,
            aliases=("company", "golden_id", "master_id"),
        ),
        Column(
            "account_source",
            Type.TEXT,
            "The system that the linked row came from.",
            required=True,
            aliases=("linked_source",),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The linked row's key in that system.",
            refers="accounts",
            required=True,
            aliases=("account", "accountid", "organization_id"),
        ),
        Column(
            "reason",
            Type.TEXT,
            "Why the row is linked.",
            required=True,
            one_of=("source_link", "email_domain", "phone", "external_id", "by_hand"),
            aliases=("match_reason", "matched_on", "link_type"),
        ),
        Column("since", Type.INSTANT, "When the link was made.", aliases=("linked_at", "created_at")),
        Column(
            "undone_at",
            Type.INSTANT,
            "When the link was taken back; empty while it holds.",
            aliases=("unlinked_at", "removed_at"),
        ),
        Column(
            "decided_by",
            Type.TEXT,
            "Who made or took back the link, where a person did.",
            aliases=("linked_by", "author_id"),
        ),
    ),
    orders=(("since", "undone_at"),),
)
