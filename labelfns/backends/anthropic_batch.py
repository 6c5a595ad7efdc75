"""Anthropic's Message Batches: requests in, results in any order within a day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from labelfns.ask import Answer, Request
from labelfns.backends.anthropic import AnthropicMessages
from labelfns.backends.book import Entry
from labelfns.backends.hosted import translated
from labelfns.errors import Busy, Rejected

PATH = "/v1/messages/batches"
SKEW = 60.0  # seconds that two clocks may differ
BEYOND_HELP = {"invalid_request_error", "not_found_error", "request_too_large"}


class AnthropicBatch:
    """The batch service of one model; see `labelfns.backends.batch.Service`."""

    most_rows = 100_000
    most_bytes = 250_000_000

    def __init__(self, backend: AnthropicMessages) -> None:
        self._backend = backend
        self.price = backend.price
        self.name = f"anthropic {backend.base_url or ''} {backend.model}"

    async def submit(self, entry: Entry) -> str:
        """Start the batch."""
        rows = [
            {"custom_id": key, "params": self._backend.body(request)}
            for key, request in entry.requests.items()
        ]
        with translated(self._backend):
            client = await self._backend.client()
            reply = await client.post(PATH, body={"requests": rows}, cast_to=httpx2.Response)
        return str(reply.json()["id"])

    async def find(self, entry: Entry, known: set[str]) -> str | None:
        """Look for a batch of as many rows made since; the provider keeps no name of ours.

        Should it be somebody else's, none of its rows is ours, and ours are sent again.
        """
        with translated(self._backend):
            client = await self._backend.client()
            async for batch in client.messages.batches.list(limit=100):
                if batch.created_at.timestamp() < entry.at - SKEW:
                    break  # they come newest first
                rows = sum(batch.request_counts.model_dump().values())
                if batch.id not in known and rows == len(entry.requests):
                    return batch.id
        return None

    async def over(self, remote: str) -> bool:
        """Say whether it has ended."""
        with translated(self._backend):
            client = await self._backend.client()
            return (await client.messages.batches.retrieve(remote)).processing_status == "ended"

    async def results(self, remote: str) -> Mapping[str, Any]:
        """Read the results."""
        with translated(self._backend):
            client = await self._backend.client()
            reply = await client.get(f"{PATH}/{remote}/results", cast_to=httpx2.Response)
        rows = [json.loads(line) for line in reply.content.splitlines() if line.strip()]
        return {row["custom_id"]: row["result"] for row in rows}

    def read(self, request: Request, result: Any) -> Answer:
        """Read one result."""
        if result["type"] == "succeeded":
            return self._backend.answer(request, result["message"], batch=True)
        error = (result.get("error") or {}).get("error") or {}
        said = f"{self._backend.model}: {result['type']}: {error.get('message', '')}"
        if error.get("type") in BEYOND_HELP:
            raise Rejected(said)
        raise Busy(said)
