"""OpenAI's chat completions, and every server that speaks them (vLLM, Ollama, llama.cpp, ...)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import openai

from labelfns.ask import Answer, Request
from labelfns.backends.choices import (
    answer_schema,
    form_schema,
    opens_with_choice,
    room_for_json,
    unwrapped,
)
from labelfns.backends.failures import blamed, charged
from labelfns.backends.hosted import Body, Hosted
from labelfns.backends.scores import scores_from_top
from labelfns.errors import Busy, Refused, Truncated
from labelfns.pace import Pace
from labelfns.prices import Price

KEY = "OPENAI_API_KEY"
MOST_SHOWN = (20, 5)  # alternatives of a token that servers show; some draw the line lower
SETTING_OF = {
    "temperature": "temperature",
    "reasoning_effort": "reasoning_effort",
    "top_logprobs": "top_logprobs",
    "logprobs": "top_logprobs",
    "response_format": "response_format",
}


def openai_backend(
    model: str,
    base_url: str | None = None,
    *,
    price: Price | None = None,
    pace: Pace | None = None,
    timeout: float = 120.0,
    key_name: str = KEY,
    extra: Mapping[str, object] | None = None,
) -> OpenAIChat:
    """Ask `model` at OpenAI, or at the compatible server under `base_url`.

    Where a request has choices, their scores are read off the log-probabilities of the first
    token if the model gives them; a model that does not is held to the choices by a JSON schema.
    `price` defaults to the table's for OpenAI and to nothing for a server of one's own; `pace`
    hears of the rate limits in the answers' headers; `extra` is added to each request's body. The
    key comes from the environment variable `key_name`, read at the first question.

    Raises InputError for a model without a price. The Ask raises the errors of `labelfns.errors`.
    """
    return OpenAIChat(
        model,
        base_url,
        price=price,
        pace=pace,
        timeout=timeout,
        key_name=key_name,
        extra=extra,
    )


class OpenAIChat(Hosted[openai.AsyncOpenAI]):
    """An Ask; also writes and reads the lines of its batch service."""

    STATUS_ERROR = openai.APIStatusError
    CONNECTION_ERROR = openai.APIConnectionError

    def connect(self) -> openai.AsyncOpenAI:
        """Make the SDK's client. Raises BadKey."""
        return openai.AsyncOpenAI(
            api_key=self.key(),
            base_url=self.base_url,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(timeout=self.timeout),
        )

    def ladders(self, thinks: bool) -> Mapping[str, Sequence[object]]:
        """List what is worth asking for: no thinking where a model can do without."""
        return {
            "temperature": ("as asked",),
            "reasoning_effort": ("none", "minimal", "low") if thinks else (),
            "top_logprobs": MOST_SHOWN,
            "response_format": ("json_schema",),
        }

    def body(self, request: Request, settings: Mapping[str, object] | None = None) -> Body:
        """Write the body of a request, with the settings the model is known to take."""
        settings = self._settings.now() if settings is None else settings
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        body: Body = {"model": self.model, "messages": messages, **self.extra}
        longest = request.max_tokens
        if "temperature" in settings:
            body["temperature"] = request.temperature
        if "reasoning_effort" in settings:
            body["reasoning_effort"] = settings["reasoning_effort"]
        if request.choices and "top_logprobs" in settings:
            body |= {"logprobs": True, "top_logprobs": settings["top_logprobs"]}
        elif len(request.choices) > 1 and "response_format" in settings:
            schema = {"name": "answer", "strict": True, "schema": answer_schema(request.choices)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
            longest = max(longest, room_for_json(request.choices))
        elif request.form and "response_format" in settings:
            schema = {"name": "answer", "strict": True, "schema": form_schema(request.form)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if settings.get("reasoning_effort") != "none":
            longest += self.price.room
        body["max_tokens" if self.base_url else "max_completion_tokens"] = longest
        return body

    def answer(
        self, request: Request, reply: Body, seconds: float = 0.0, batch: bool = False
    ) -> Answer:
        """Read an answer's body. Raises Refused, Truncated or, where it is rubbish, Busy."""
        try:
            choice = reply["choices"][0]
            message, why = dict(choice["message"]), choice.get("finish_reason")
            sent, cached, written, wrote = _usage(reply.get("usage") or {})
            top = _first_token(choice)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as e:
            raise Busy(f"{self.model}: an answer that is none ({e!r})") from None
        cost = self.price.cost(sent, wrote, cached, written, batch)
        if message.get("refusal") or why == "content_filter":
            raise charged(Refused(f"{self.model} declined: {message.get('refusal') or why}"), cost)
        text = unwrapped(message.get("content") or "", request.choices)
        if why == "length" and not opens_with_choice(text, request.choices):
            raise charged(Truncated(f"{self.model} was cut off after {wrote} tokens"), cost)
        scores = scores_from_top(request.choices, top) if request.choices and top else None
        return Answer(text, scores, sent, cached, wrote, seconds, cost)

    async def send(self, client: openai.AsyncOpenAI, body: Body) -> httpx2.Response:
        """Send it, past the SDK's typed models: `answer` checks what matters, and sooner."""
        return await client.post("/chat/completions", body=body, cast_to=httpx2.Response)

    def objected(self, said: object, body: Body) -> str | None:
        """Find the setting in `body` that the server does not take, if it names one."""
        sent = {name: name for name in SETTING_OF if name in body}
        return SETTING_OF.get(blamed(said, sent) or "")


def _usage(usage: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Read the tokens sent, of those read from and written to the cache, and written back."""
    details = usage.get("prompt_tokens_details") or {}
    return (
        usage.get("prompt_tokens") or 0,
        details.get("cached_tokens") or 0,
        details.get("cache_write_tokens") or 0,
        usage.get("completion_tokens") or 0,
    )


def _first_token(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Read the alternatives of the first token that is not blank."""
    for token in (choice.get("logprobs") or {}).get("content") or []:
        if token["token"].strip():
            return [(top["token"], top["logprob"]) for top in token["top_logprobs"]]
    return []
