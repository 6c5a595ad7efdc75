"""OpenAI's wire format: chat completions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from labelfns.rehearse.dialect import Json, enum_of, filled
from labelfns.rehearse.manners import Manners
from labelfns.rehearse.model import Said
from labelfns.rehearse.wire import Reply, json_reply


class OpenAIDialect:
    """Chat completions."""

    def key(self, headers: Mapping[str, str]) -> str:
        """Find the key a call came with."""
        return headers.get("authorization", "").removeprefix("Bearer ")

    def question(self, body: Json) -> tuple[str, list[str]]:
        """Read the prompt and the choices out of a call."""
        prompt = "\n".join(str(message["content"]) for message in body["messages"])
        return prompt, enum_of(_schema(body))

    def answer(self, body: Json, said: Said, manners: Manners) -> Json:
        """Write an answer."""
        text = filled(_schema(body), said)
        content, refusal = (None, said.text) if said.refused else (text, None)
        choice: Json = {
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": refusal},
            "finish_reason": "length" if said.cut else "stop",
            "logprobs": None,
        }
        if body.get("logprobs") and manners.shows:
            shown = said.top[: body.get("top_logprobs", 0)]
            choice["logprobs"] = {"content": [_token(said, shown)], "refusal": None}
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": {
                "prompt_tokens": said.input_tokens,
                "completion_tokens": said.output_tokens,
                "total_tokens": said.input_tokens + said.output_tokens,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        }

    def error(self, status: int, message: str, parameter: str | None = None) -> Reply:
        """Write an error."""
        code = "unsupported_parameter" if parameter else None
        kind = {401: "authentication_error", 429: "rate_limit_exceeded"}.get(status, "error")
        body = {"message": message, "type": kind, "param": parameter, "code": code}
        return json_reply(status, {"error": body})

    def limits(self, kind: str, limit: float, left: float) -> dict[str, str]:
        """Write the headers that tell of a limit."""
        return {
            f"x-ratelimit-limit-{kind}": str(int(limit)),
            f"x-ratelimit-remaining-{kind}": str(max(0, int(left))),
            f"x-ratelimit-reset-{kind}": f"{(limit - left) * 60.0 / limit:.3f}s",
        }


def _schema(body: Json) -> Json | None:
    wrapper = (body.get("response_format") or {}).get("json_schema") or {}
    return wrapper.get("schema")


def _token(said: Said, shown: tuple[tuple[str, float], ...]) -> Json:
    alternatives = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in shown]
    first = said.top[0] if said.top else ("", 0.0)
    return {"token": first[0], "logprob": first[1], "bytes": None, "top_logprobs": alternatives}
