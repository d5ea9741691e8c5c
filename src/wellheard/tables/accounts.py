"""Companies that buy from us."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="accounts",
    title="Accounts",
    words="A row is one company that buys from us, with every version it had.",
    instant="created_at",
    versioned=True,
    columns=(
        Column(
            "name",
            Type.TEXT,
            "The company's name.",
            private=True,
            aliases=("account_name", "company", "company_name", "organization", "organisation"),
        ),
        Column(
            "domain",
            Type.TEXT,
            "The company's internet domain.",
            private=True,
            aliases=("website", "company_domain", "email_domain"),
        ),
        Column(
            "segment",
            Type.TEXT,
            "The market segment the company belongs to.",
            aliases=("company_segment", "account_segment", "size", "company_size"),
        ),
        Column(
            "tier",
            Type.TEXT,
            "The service level the company gets.",
            aliases=("account_tier", "service_level", "support_tier"),
        ),
        Column("region", Type.TEXT, "The sales or service region.", aliases=("territory", "geo", "account_region")),
        Column("industry", Type.TEXT, "The company's line of business.", aliases=("sector", "vertical")),
        Column(
            "owner",
            Type.TEXT,
            "Who looks after the company on our side.",
            aliases=("account_owner", "account_manager", "csm", "owner_id"),
        ),
        Column(
            "parent_id",
            Type.TEXT,
            "The company that this one belongs to.",
            refers="accounts",
            aliases=("parent", "parent_account_id", "parent_company_id"),
        ),
        Column(
            "created_at",
            Type.INSTANT,
            "When the company became ours.",
            aliases=("created_date", "signup_date", "signed_up_at", "customer_since", "start_date"),
        ),
        Column(
            "renewal_at",
            Type.INSTANT,
            "When the contract comes up for renewal.",
            aliases=("renewal_date", "contract_end", "contract_end_date"),
        ),
        Column(
            "ended_at",
            Type.INSTANT,
            "When the company left us.",
            aliases=("end_date", "churned_at", "churn_date", "cancelled_at"),
        ),
        Column(
            "external_id",
            Type.TEXT,
            "The company's key in another system, used to link its rows.",
            aliases=("company_external_id", "crm_id", "erp_id"),
        ),
    ),
    orders=(("created_at", "ended_at"),),
)
