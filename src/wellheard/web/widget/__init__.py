"""The widget: one script that asks a survey on somebody else's page."""
