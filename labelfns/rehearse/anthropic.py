"""Anthropic's wire format: messages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from labelfns.rehearse.dialect import Json, enum_of, filled
from labelfns.rehearse.manners import Manners
from labelfns.rehearse.model import Said, tokens
from labelfns.rehearse.wire import Reply, json_reply


class AnthropicDialect:
    """Messages; remembers the beginnings it was told to keep, and bills them as read or written."""

    def __init__(self) -> None:
        self._kept: set[str] = set()

    def key(self, headers: Mapping[str, str]) -> str:
        """Find the key a call came with."""
        return headers.get("x-api-key", "")

    def question(self, body: Json) -> tuple[str, list[str]]:
        """Read the prompt and the choices out of a call."""
        prompt = "".join(text for text, _ in _blocks(body))
        return prompt, enum_of(_schema(body))

    def answer(self, body: Json, said: Said, manners: Manners) -> Json:
        """Write an answer."""
        text = filled(_schema(body), said)
        why = "refusal" if said.refused else "max_tokens" if said.cut else "end_turn"
        return {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [] if said.refused else [{"type": "text", "text": text}],
            "stop_reason": why,
            "stop_sequence": None,
            "usage": {**self._sent(body), "output_tokens": said.output_tokens},
        }

    def error(self, status: int, message: str, parameter: str | None = None) -> Reply:
        """Write an error; this provider names a parameter only in the message."""
        kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
        kind = kinds.get(status, "invalid_request_error" if status < 500 else "api_error")
        said = f"{parameter}: {message}" if parameter else message
        return json_reply(status, {"type": "error", "error": {"type": kind, "message": said}})

    def limits(self, kind: str, limit: float, left: float) -> dict[str, str]:
        """Write the headers that tell of a limit."""
        return {
            f"anthropic-ratelimit-{kind}-limit": str(int(limit)),
            f"anthropic-ratelimit-{kind}-remaining": str(max(0, int(left))),
            f"anthropic-ratelimit-{kind}-reset": "2030-01-01T00:00:00Z",
        }

    def _sent(self, body: Json) -> dict[str, int]:
        read = written = plain = 0
        prefix = ""
        for text, keep in _blocks(body):
            prefix += text
            plain += tokens(text)
            if keep and prefix in self._kept:
                read, plain, written = read + written + plain, 0, 0
            elif keep:
                self._kept.add(prefix)
                written, plain = written + plain, 0
        return {
            "input_tokens": plain,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        }


def _schema(body: Json) -> Json | None:
    wrapper = (body.get("output_config") or {}).get("format") or {}
    return wrapper.get("schema")


def _blocks(body: Json) -> list[tuple[str, bool]]:
    """Give all texts of a call in order, and whether each ends a beginning to keep."""
    contents = [body.get("system") or [], *(m["content"] for m in body["messages"])]
    blocks = [[{"text": c}] if isinstance(c, str) else c for c in contents]
    return [(b["text"], "cache_control" in b) for content in blocks for b in content]
