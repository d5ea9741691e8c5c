"""Opening hours, holidays and the reply times we promise."""

from wellheard.tables.table import Column, Table, Type

# A schedule that changes gets new rows with a later `valid_from`, so that old conversations keep the hours of their
# day. These dates are the schedule's own; they are not the versions that a versioned table keeps.
TABLE = Table(
    name="schedules",
    title="Schedules",
    words="A row is one span of opening hours on one day of the week.",
    instant=None,
    columns=(
        Column(
            "schedule_id",
            Type.TEXT,
            "The schedule that the hours belong to.",
            required=True,
            aliases=("schedule", "business_hours_id", "calendar_id", "schedule_name"),
        ),
        Column(
            "zone",
            Type.TEXT,
            "The time zone of the hours, such as Europe/Berlin.",
            required=True,
            aliases=("time_zone", "timezone", "tz"),
        ),
        Column(
            "weekday",
            Type.INTEGER,
            "The day of the week, from 0 for Monday to 6 for Sunday.",
            required=True,
            least=0,
            most=6,
            aliases=("day", "day_of_week", "dow"),
        ),
        Column(
            "opens",
            Type.TEXT,
            "When we open, as HH:MM by the local clock.",
            required=True,
            aliases=("open", "start_time", "opens_at", "from_time"),
        ),
        Column(
            "closes",
            Type.TEXT,
            "When we close, as HH:MM by the local clock; 24:00 is midnight.",
            required=True,
            aliases=("close", "end_time", "closes_at", "to_time"),
        ),
        Column(
            "holidays",
            Type.TEXT,
            "Days off: a country or region such as DE or US-CA, or dates with commas.",
            aliases=("holiday", "holiday_calendar", "days_off"),
        ),
        Column(
            "valid_from",
            Type.DATE,
            "The first day on which these hours hold.",
            aliases=("start_date", "effective_from", "from_date"),
        ),
        Column(
            "valid_to",
            Type.DATE,
            "The day from which these hours no longer hold.",
            aliases=("end_date", "effective_to", "until_date"),
        ),
        # {"first_response": {"urgent": 3600, "*": 28800}, "resolution": {"urgent": 14400}}
        Column(
            "targets",
            Type.TEXT,
            "The seconds promised by priority, for first response and for resolution, as JSON.",
            aliases=("sla", "sla_targets", "target_seconds"),
        ),
    ),
    orders=(("valid_from", "valid_to"),),
)
