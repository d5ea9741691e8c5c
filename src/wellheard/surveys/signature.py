"""Whom a page says that it shows a survey to: believed only with a signature that the site's own server made."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: str, customer_id: str) -> str:
    """The signature of a customer's id: HMAC-SHA-256 (RFC 2104) under the site's secret, as 64 hexadecimal digits.

    A site's server makes it with the same secret and hands it to the page; the secret itself never leaves the server.
    """
    return hmac.new(secret.encode(), customer_id.encode(), hashlib.sha256).hexdigest()


def believed(secret: str, customer_id: object, signed: object) -> str | None:
    """The customer's id where its signature is right, else None: then the answer stands, without a customer."""
    if not secret or not isinstance(customer_id, str) or not isinstance(signed, str) or not customer_id:
        return None
    right = hmac.compare_digest(signature(secret, customer_id).encode(), signed.lower().encode("utf-8", "replace"))
    return customer_id if right else None
