"""Questionnaires that were sent to somebody."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="survey_invitations",
    title="Survey invitations",
    words="A row is one questionnaire sent to one customer.",
    instant="sent_at",
    columns=(
        Column("survey_id", Type.TEXT, "The survey that was sent.", aliases=("survey", "campaign_id", "form_id")),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who was asked.",
            refers="customers",
            aliases=("customer", "customerid", "user_id", "contact_id", "person_id", "recipient_id"),
        ),
        Column(
            "account_id",
            Type.TEXT,
            "The company of the customer who was asked.",
            refers="accounts",
            aliases=("account", "accountid", "company_id", "organization_id"),
        ),
        Column(
            "channel",
            Type.TEXT,
            "How the survey was sent, such as e-mail, text message or widget.",
            aliases=("medium", "sent_via", "delivery_method", "distribution_channel"),
        ),
        Column(
            "touchpoint",
            Type.TEXT,
            "The moment of the journey that was asked about.",
            aliases=("journey_stage", "trigger_event"),
        ),
        Column(
            "sent_at",
            Type.INSTANT,
            "When the invitation was sent.",
            aliases=("sent_date", "invited_at", "invitation_date", "send_date"),
        ),
        Column(
            "delivered_at",
            Type.INSTANT,
            "When the invitation reached the customer.",
            aliases=("delivery_date",),
        ),
        Column(
            "seen_at",
            Type.INSTANT,
            "When the customer first opened the invitation.",
            aliases=("opened_at", "viewed_at"),
        ),
        Column(
            "bounced", Type.BOOLEAN, "Whether the invitation could not be delivered.", aliases=("bounce", "undelivered")
        ),
        Column(
            "unsubscribed",
            Type.BOOLEAN,
            "Whether the customer asked for no more surveys.",
            aliases=("opted_out", "opt_out", "unsubscribe"),
        ),
        Column(
            "answered_at",
            Type.INSTANT,
            "When the questionnaire was completed, where the source says so here.",
            aliases=("responded_at", "completed_at", "response_date"),
        ),
    ),
)
