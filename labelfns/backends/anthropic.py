"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anthropic
import httpx2

from labelfns.ask import Answer, Message, Request
from labelfns.backends.choices import (
    answer_schema,
    form_schema,
    opens_with_choice,
    room_for_json,
    unwrapped,
)
from labelfns.backends.failures import blamed, charged
from labelfns.backends.hosted import Body, Hosted
from labelfns.backends.prefix import SharedPrefix
from labelfns.errors import Busy, Refused, Truncated
from labelfns.pace import Pace
from labelfns.prices import Price

KEY = "ANTHROPIC_API_KEY"
KEEP = {"cache_control": {"type": "ephemeral"}}


def anthropic_backend(
    model: str,
    base_url: str | None = None,
    *,
    price: Price | None = None,
    pace: Pace | None = None,
    timeout: float = 120.0,
    key_name: str = KEY,
    extra: Mapping[str, object] | None = None,
) -> AnthropicMessages:
    """Ask `model` at Anthropic, or at the compatible server under `base_url`.

    Where a request has several choices, the answer is held to them by a JSON schema; this
    provider gives no scores. A long beginning that prompts share is marked for its cache. `price`
    defaults to the table's, or to nothing for a server of one's own; `pace` hears of the rate
    limits in the answers' headers; `extra` is added to each request's body. The key comes from
    the environment variable `key_name`, read at the first question.

    Raises InputError for a model without a price. The Ask raises the errors of `labelfns.errors`.
    """
    return AnthropicMessages(
        model,
        base_url,
        price=price,
        pace=pace,
        timeout=timeout,
        key_name=key_name,
        extra=extra,
    )


class AnthropicMessages(Hosted[anthropic.AsyncAnthropic]):
    """An Ask; also writes and reads the lines of its batch service."""

    STATUS_ERROR = anthropic.APIStatusError
    CONNECTION_ERROR = anthropic.APIConnectionError

    def __init__(self, model: str, base_url: str | None, **rest: Any) -> None:
        super().__init__(model, base_url, **rest)
        self._prefix = SharedPrefix()

    def connect(self) -> anthropic.AsyncAnthropic:
        """Make the SDK's client. Raises BadKey."""
        return anthropic.AsyncAnthropic(
            api_key=self.key(),
            base_url=self.base_url,
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient(timeout=self.timeout),
        )

    def ladders(self, thinks: bool) -> Mapping[str, Sequence[object]]:
        """List what is worth asking for: no thinking where a model can do without."""
        return {
            "temperature": ("as asked",),
            "thinking": ("disabled",) if thinks else (),
            "effort": ("low",) if thinks else (),
            "format": ("json_schema",),
        }

    def body(self, request: Request, settings: Mapping[str, object] | None = None) -> Body:
        """Write the body of a request, with the settings the model is known to take."""
        settings = self._settings.now() if settings is None else settings
        turns = [self._turn(m) for m in request.messages if m.role != "system"]
        body: Body = {"model": self.model, "messages": turns, "max_tokens": request.max_tokens}
        body |= self.extra
        if system := "\n\n".join(m.content for m in request.messages if m.role == "system"):
            body["system"] = [{"type": "text", "text": system, **KEEP}]
        if "temperature" in settings:
            body["temperature"] = request.temperature
        output: Body = {}
        if len(request.choices) > 1 and "format" in settings:
            output["format"] = {"type": "json_schema", "schema": answer_schema(request.choices)}
            body["max_tokens"] = max(request.max_tokens, room_for_json(request.choices))
        elif request.form and "format" in settings:
            output["format"] = {"type": "json_schema", "schema": form_schema(request.form)}
        if "thinking" in settings:
            body["thinking"] = {"type": "disabled"}
        else:  # a model that always thinks is asked to think little, and given room for it
            body["max_tokens"] += self.price.room
            output |= {name: settings[name] for name in ("effort",) if name in settings}
        return body | ({"output_config": output} if output else {})

    def answer(
        self, request: Request, reply: Body, seconds: float = 0.0, batch: bool = False
    ) -> Answer:
        """Read an answer's body. Raises Refused, Truncated or, where it is rubbish, Busy."""
        try:
            why = reply["stop_reason"]
            blocks = [block["text"] for block in reply["content"] if block["type"] == "text"]
            sent, cached, written, wrote = _usage(reply.get("usage") or {})
        except (KeyError, TypeError, AttributeError) as e:
            raise Busy(f"{self.model}: an answer that is none ({e!r})") from None
        cost = self.price.cost(sent, wrote, cached, written, batch)
        text = unwrapped("".join(blocks), request.choices)
        if why == "refusal":
            raise charged(Refused(f"{self.model} declined: {text or why}"), cost)
        cut = why in ("max_tokens", "model_context_window_exceeded")
        if cut and not opens_with_choice(text, request.choices):
            raise charged(Truncated(f"{self.model} was cut off after {wrote} tokens"), cost)
        return Answer(text, None, sent, cached, wrote, seconds, cost)

    def _turn(self, message: Message) -> Body:
        kept, rest = self._prefix.split(message.content)
        if not kept:
            return {"role": message.role, "content": message.content}
        blocks = [{"type": "text", "text": kept, **KEEP}, {"type": "text", "text": rest}]
        return {"role": message.role, "content": blocks}

    async def send(self, client: anthropic.AsyncAnthropic, body: Body) -> httpx2.Response:
        """Send it, past the SDK's typed models: `answer` checks what matters, and sooner."""
        return await client.post("/v1/messages", body=body, cast_to=httpx2.Response)

    def objected(self, said: object, body: Body) -> str | None:
        """Find the setting in `body` that the server does not take, if it names one."""
        sent: dict[str, str] = {n: n for n in ("temperature", "thinking") if n in body}
        sent |= {name: name for name in body.get("output_config", {})}
        if "format" in sent:  # older servers object to the whole of what holds it
            sent["output_config"] = "format"
        return sent.get(blamed(said, sent) or "")


def _usage(usage: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Read the tokens sent in all, and of those read from and written to the cache; written."""
    cached = usage.get("cache_read_input_tokens") or 0
    kept = usage.get("cache_creation_input_tokens") or 0
    plain = usage.get("input_tokens") or 0
    return plain + cached + kept, cached, kept, usage.get("output_tokens") or 0
