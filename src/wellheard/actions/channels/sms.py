"""SMS, by a webhook of whoever sends it."""

from wellheard.actions.phone import phone_channel

CHANNEL = phone_channel("sms", "SMS", "sms_webhook")
