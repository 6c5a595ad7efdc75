"""A language model in this process: llama.cpp through xllamacpp, from one GGUF file."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labelfns.ask import Answer, Ask, Request
from labelfns.backends.scores import scores_from_top
from labelfns.errors import InputError, Rejected, Truncated

Complete = Callable[[dict[str, Any]], dict[str, Any]]
"""A chat completion as OpenAI's API describes it: the body in, the response out."""

TOP = 20
"""How many of the next token's log-probabilities to look for the choices in."""


def local_backend(file: Path, *, threads: int = 2, context: int = 4096) -> Ask:
    """Give an Ask over the model in `file`; the model is loaded at the first question.

    One question at a time, in the order they come: what two questions in a row have in common
    from their beginning is read once. Scores are those of the first token of each choice.
    Raises InputError where the file is no model or the extra `local` is not installed.
    """
    complete: Complete | None = None
    lock = asyncio.Lock()

    async def ask(request: Request) -> Answer:
        nonlocal complete
        async with lock:
            if complete is None:
                complete = await asyncio.to_thread(load, file, threads, context)
            start = time.perf_counter()
            response = await asyncio.to_thread(complete, body(request))
            return answer(request, response, time.perf_counter() - start)

    return ask


def load(file: Path, threads: int, context: int) -> Complete:
    """Start llama.cpp on `file` and give the function that completes a chat."""
    try:
        import xllamacpp
    except ImportError as e:
        raise InputError(
            "the local backend needs the extra 'local': pip install 'jurat[local]'"
        ) from e
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = context
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup = False
    params.verbosity = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as e:
        raise InputError(f"cannot be loaded as a GGUF model ({e})", file) from e

    def complete(request: dict[str, Any]) -> dict[str, Any]:
        response = server.handle_chat_completions(request)
        return json.loads(response) if isinstance(response, str) else dict(response)

    return complete


def body(request: Request) -> dict[str, Any]:
    """Write the request in OpenAI's wire format, with llama.cpp's prefix cache on."""
    scored = bool(request.choices)
    return {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "temperature": request.temperature,
        "max_tokens": 1 if scored else request.max_tokens,
        "logprobs": scored,
        "top_logprobs": TOP if scored else None,
        "cache_prompt": True,
    }


def answer(request: Request, response: dict[str, Any], seconds: float) -> Answer:
    """Read a chat completion.

    Raises Rejected for an error (such as a text longer than the context) and Truncated for an
    answer that was cut off.
    """
    if "choices" not in response:
        error = response.get("error", response)
        raise Rejected(str(error.get("message", error)) if isinstance(error, dict) else str(error))
    choice, usage = response["choices"][0], response.get("usage", {})
    text, scores = str(choice["message"]["content"] or ""), None
    if request.choices:
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        scores = scores_from_top(request.choices, [(t["token"], t["logprob"]) for t in top])
    elif choice["finish_reason"] == "length":
        raise Truncated(f"the answer was cut off after {request.max_tokens} tokens")
    details = usage.get("prompt_tokens_details") or {}
    return Answer(
        text, scores, usage.get("prompt_tokens", 0), details.get("cached_tokens", 0),
        usage.get("completion_tokens", 0), seconds)  # fmt: skip
