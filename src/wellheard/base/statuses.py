"""What the status of an order or a subscription means, in the words that shops and billing systems use."""

NOT_AN_ORDER = (
    "cancelled",
    "canceled",
    "void",
    "voided",
    "failed",
    "declined",
    "test",
    "draft",
    "refund",
    "refunded_only",
)
NOT_COUNTED = ("void", "voided", "failed", "declined", "test", "draft")
CANCELLED = ("cancelled", "canceled")
PAUSED = ("paused", "pause", "on_hold", "on hold", "on-hold", "suspended", "frozen")
