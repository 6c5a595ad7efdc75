"""A rehearsed server for a test, and one way to ask."""

import asyncio
from collections.abc import Sequence

from labelfns.ask import Answer, Ask, Message, Request

__all__ = ["ask_all", "ask_one", "question"]


def question(text: str = "Is it?", choices: tuple[str, ...] = ("yes", "no"), **more) -> Request:
    return Request("m", (Message("user", text),), choices, **more)


def ask_one(ask: Ask, request: Request | None = None) -> Answer:
    async def once() -> Answer:
        return await ask(request or question())

    return asyncio.run(once())


def ask_all(ask: Ask, requests: Sequence[Request]) -> list[Answer | BaseException]:
    async def all_at_once() -> list[Answer | BaseException]:
        return await asyncio.gather(*map(ask, requests), return_exceptions=True)

    return asyncio.run(all_at_once())
