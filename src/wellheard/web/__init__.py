"""The server: pages, API and what they need to be shown safely."""
