"""What a provider's failure means, in the words of `labelfns.errors`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from labelfns.errors import AskError, BadKey, Busy, Fatal, Rejected

PATIENCE = {408, 409, 425, 429}  # and all from 500 up
NO_MONEY = {"insufficient_quota", "billing_error", "billing_hard_limit_reached"}
ENOUGH = 300  # characters of a server's own message that an error keeps


def failure(
    provider: str,
    status: int,
    body: object,
    headers: Mapping[str, str],
    key_name: str,
    secret: str = "",
) -> AskError | Fatal:
    """Turn an HTTP status of 400 or more into the error to raise; `secret` is struck out of it."""
    said = strike(_message(body), secret)
    text = f"{provider} answered {status}: {said}" if said else f"{provider} answered {status}"
    kinds = {str(_error(body).get(name)) for name in ("code", "type")}
    if status in (401, 403):
        return BadKey(f"{provider} does not accept the key in {key_name} ({status}); check it")
    if status == 402 or kinds & NO_MONEY:
        return Fatal(f"{text} (the account has no money left)")
    if status == 429:
        return Busy(text, retry_after(headers, otherwise=1.0))
    if status in PATIENCE or status >= 500:
        return Busy(text, retry_after(headers))
    return Rejected(text)


def blamed(body: object, names: Mapping[str, object]) -> str | None:
    """Find which of the settings `names` a server's 400 or 422 objects to, if any."""
    parameter = str(_error(body).get("param") or "").split(".")[0]
    if parameter:
        return parameter if parameter in names else None
    message = _message(body)
    return next((name for name in names if name in message), None)


def retry_after(headers: Mapping[str, str], otherwise: float | None = None) -> float | None:
    """Give the seconds a server asks to wait, from `retry-after-ms` or `retry-after`."""
    if milliseconds := _number(headers.get("retry-after-ms")):
        return milliseconds / 1000.0
    value = headers.get("retry-after")
    if value is None:
        return otherwise
    seconds = _number(value)
    return _until(value, otherwise) if seconds is None else seconds


def strike(text: str, secret: str) -> str:
    """Cut a message to a readable length, without the secret that a server may quote."""
    return (text.replace(secret, "***") if secret else text)[:ENOUGH]


def charged(error: AskError, cost: float) -> AskError:
    """Note on an error what the provider charged for the answer that brought it."""
    error.cost = cost
    return error


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None


def _until(date: str, otherwise: float | None) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return otherwise


def _error(body: object) -> Mapping[str, object]:
    inner = body.get("error", body) if isinstance(body, Mapping) else {}
    return inner if isinstance(inner, Mapping) else {"message": inner}


def _message(body: object) -> str:
    return str(_error(body).get("message") or (body if isinstance(body, str) else ""))
