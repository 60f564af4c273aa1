"""The signature of a webhook, as Standard Webhooks 1.0 defines it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

MAX_AGE_SECONDS = 300


def is_authentic(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the service sent these bytes within the last five minutes. Call it before the body is parsed."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12
    if not is_number or abs(now - int(timestamp)) > MAX_AGE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # There can be several signatures, for example while a secret is replaced.
    given = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split()]
    return any(hmac.compare_digest(expected, each.encode()) for each in given)
