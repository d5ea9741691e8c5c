"""Charts and documents: one grammar for web, notebook, mail and PDF."""
