"""Appointments with customers."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="appointments",
    title="Appointments",
    words="A row is one appointment with a customer, ahead or past.",
    instant="starts_at",
    columns=(
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who has the appointment.",
            refers="customers",
            aliases=("customer", "customerid", "client_id", "contact_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company that has the appointment.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "starts_at",
            Type.INSTANT,
            "When it begins.",
            required=True,
            aliases=("start", "start_time", "begins_at", "scheduled_at", "appointment_at", "scheduled_for"),
        ),
        Column("ends_at", Type.INSTANT, "When it is to be over.", aliases=("end", "end_time", "finishes_at")),
        Column("kind", Type.TEXT, "What it is for.", aliases=("type", "appointment_type", "service", "reason")),
        Column(
            "status",
            Type.TEXT,
            "Where it stands, in the source's own words.",
            aliases=("state", "appointment_status"),
        ),
        Column("agent_id", Type.TEXT, "The colleague whom it is with.", aliases=("agent", "assignee_id", "staff_id")),
    ),
    orders=(("starts_at", "ends_at"),),
)
