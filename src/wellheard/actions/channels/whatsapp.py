"""WhatsApp, by a webhook of whoever sends it."""

from wellheard.actions.phone import phone_channel

CHANNEL = phone_channel("whatsapp", "WhatsApp", "whatsapp_webhook")
