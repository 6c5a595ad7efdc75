"""Answers from a script: a real backend for tests, documentation and dry runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from labelfns.ask import Answer, Ask, Request
from labelfns.errors import Rejected
from labelfns.prices import FREE, Price, estimate_tokens

Line = str | Answer | Exception
Script = Callable[[Request], Line] | Mapping[str, Line]


def scripted_backend(script: Script, price: Price = FREE) -> Ask:
    """Answer from `script`.

    A function is called with the request. In a mapping, the first key that is found as a regular
    expression in the last message (any case, dots match line ends) gives the answer; where none is
    found the Ask raises Rejected. A text becomes an Answer with estimated tokens at `price`; an
    Answer is given as it is; an exception is raised.
    """
    say = script if callable(script) else _matching(script)

    async def ask(request: Request) -> Answer:
        line = say(request)
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Answer):
            return line
        sent, wrote = estimate_tokens(request), len(line.split())
        cost = price.cost(sent, wrote)
        return Answer(line, input_tokens=sent, output_tokens=wrote, cost=cost)

    return ask


def _matching(script: Mapping[str, Line]) -> Callable[[Request], Line]:
    patterns = {re.compile(key, re.IGNORECASE | re.DOTALL): line for key, line in script.items()}

    def say(request: Request) -> Line:
        question = request.messages[-1].content
        for pattern, line in patterns.items():
            if pattern.search(question):
                return line
        return Rejected("the script has no answer to this question")

    return say
