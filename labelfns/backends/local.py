"""A language model in this process: llama.cpp through xllamacpp, from one GGUF file."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelfns.ask import Answer, Ask, Request
from labelfns.backends.scores import normalised, scores_from_top
from labelfns.errors import InputError, Rejected, Truncated

Complete = Callable[[dict[str, Any]], dict[str, Any]]
"""A chat completion as OpenAI's API describes it: the body in, the response out."""

TOP = 20
"""How many of the next token's log-probabilities to look for the choices in."""

WEIGHED = 12
"""How many choices that begin alike are scored one by one; each takes a completion."""


def local_backend(file: Path, *, threads: int = 2, context: int = 4096) -> Ask:
    """Give an Ask over the model in `file`; the model is loaded at the first question.

    One question at a time, in the order they come: what two questions in a row have in common
    from their beginning is read once. Scores are those of the first token of each choice. Where
    choices begin alike and the first token does not say which it is, up to WEIGHED of them are
    scored by all their tokens; of more, a grammar holds the model to one, without scores.

    The Ask raises InputError where the file is no model or the extra `local` is not installed,
    Rejected for what the model cannot take (a text longer than `context` tokens), and Truncated.
    """
    complete: Complete | None = None
    one_at_a_time = ThreadPoolExecutor(1, thread_name_prefix="llama.cpp")

    def work(request: Request) -> Answer:
        nonlocal complete
        complete = complete or load(file, threads, context)
        return answered(complete, request)

    async def ask(request: Request) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(one_at_a_time, work, request)

    return ask


def load(file: Path, threads: int, context: int) -> Complete:
    """Start llama.cpp on `file` and give the function that completes a chat."""
    if not file.is_file():
        raise InputError("there is no such model file", file)
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


def answered(complete: Complete, request: Request) -> Answer:
    """Ask about one request, in as many completions as it takes."""
    start = time.perf_counter()
    if not begin_alike(request.choices):
        got = answer(request, complete(body(request)), 0.0)
    elif len(request.choices) <= WEIGHED:
        got = weighed(complete, request)
    else:
        got = held(complete, request, request.choices)[0]
    return replace(got, seconds=time.perf_counter() - start)


def weighed(complete: Complete, request: Request) -> Answer:
    """Score each choice by the log-likelihood of all its tokens, one short completion each."""
    each = {choice: held(complete, request, [choice]) for choice in request.choices}
    scores = normalised({choice: likelihood for choice, (_, likelihood) in each.items()})
    answers = [got for got, _ in each.values()]
    sent, cached = answers[0].input_tokens, answers[0].cached_tokens
    wrote = sum(got.output_tokens for got in answers)
    return Answer(max(scores, key=scores.__getitem__), scores, sent, cached, wrote)


def held(complete: Complete, request: Request, choices: Sequence[str]) -> tuple[Answer, float]:
    """Ask with a grammar in which only `choices` can be said; also the answer's log-likelihood.

    The likelihood is the free model's, without the grammar.
    """
    free = replace(request, choices=(), max_tokens=longest(choices))
    response = complete(body(free) | {"grammar": grammar(choices), "logprobs": True})
    got = answer(free, response, 0.0)
    return got, sum(token["logprob"] for token in response["choices"][0]["logprobs"]["content"])


def begin_alike(choices: Sequence[str]) -> bool:
    """Say whether some choices have their first letter in common, and so perhaps their token."""
    return len({choice[:1].casefold() for choice in choices}) < len(choices)


def longest(choices: Sequence[str]) -> int:
    """Bound the tokens a choice takes: none is shorter than a byte; one more ends the answer."""
    return 1 + max(len(choice.encode()) for choice in choices)


def grammar(choices: Sequence[str]) -> str:
    """Write the GBNF grammar in which only the choices can be said."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)


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
        tokens = (choice.get("logprobs") or {}).get("content") or []  # none: it said nothing
        top = [(t["token"], t["logprob"]) for t in tokens[0]["top_logprobs"]] if tokens else []
        scores = scores_from_top(request.choices, top)
    elif choice["finish_reason"] == "length":
        raise Truncated(f"the answer was cut off after {request.max_tokens} tokens")
    details = usage.get("prompt_tokens_details") or {}
    sent, wrote = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return Answer(text, scores, sent, details.get("cached_tokens", 0), wrote, seconds)
