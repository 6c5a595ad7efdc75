"""OpenAI's Batch API: a file of requests in, a file of answers out within a day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx2
import openai

from labelfns.ask import Answer, Request
from labelfns.backends.book import Entry
from labelfns.backends.hosted import translated
from labelfns.backends.openai import OpenAIChat
from labelfns.errors import Busy, Rejected

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
OVER = {"completed", "failed", "expired", "cancelled"}
MARK = "jurat"  # the metadata under which our name of a batch is kept at the provider's
SKEW = 3600.0  # seconds that two clocks may differ


class OpenAIBatch:
    """The batch service of one model; see `labelfns.backends.batch.Service`."""

    most_rows = 50_000
    most_bytes = 200_000_000

    def __init__(self, backend: OpenAIChat) -> None:
        self._backend = backend
        self.price = backend.price
        self.name = f"openai {backend.base_url or ''} {backend.model}"

    async def submit(self, entry: Entry) -> str:
        """Upload the rows and start the batch."""
        lines = (self._line(key, request) for key, request in entry.requests.items())
        content = "\n".join(lines).encode()
        with translated(self._backend):
            client = await self._backend.client()
            file = await client.files.create(file=("batch.jsonl", content), purpose="batch")
            batch = await client.batches.create(
                input_file_id=file.id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={MARK: entry.name},
            )
        return batch.id

    async def find(self, entry: Entry, known: set[str]) -> str | None:
        """Look for the batch that carries our name."""
        with translated(self._backend):
            client = await self._backend.client()
            async for batch in client.batches.list(limit=100):
                if (batch.metadata or {}).get(MARK) == entry.name:
                    return batch.id
                if batch.created_at < entry.at - SKEW:
                    break  # they come newest first
        return None

    async def over(self, remote: str) -> bool:
        """Say whether it has ended."""
        with translated(self._backend):
            client = await self._backend.client()
            return (await client.batches.retrieve(remote)).status in OVER

    async def results(self, remote: str) -> Mapping[str, Any]:
        """Read the files of answers and of errors. Raises Rejected for a batch that was refused."""
        with translated(self._backend):
            client = await self._backend.client()
            batch = await client.batches.retrieve(remote)
            lines = [
                line
                for file in (batch.output_file_id, batch.error_file_id)
                if file
                for line in (await self._content(client, file)).splitlines()
            ]
        if batch.status == "failed" and not lines:
            self._refused(batch)
        rows = [json.loads(line) for line in lines if line.strip()]
        return {row["custom_id"]: row for row in rows}

    def read(self, request: Request, result: Any) -> Answer:
        """Read one line."""
        response = result.get("response")
        if not response:
            raise Busy(f"{self._backend.model}: {result.get('error')}")
        if response["status_code"] != 200:
            raise self._backend.failure(response["status_code"], response.get("body"), {})
        return self._backend.answer(request, response["body"], batch=True)

    def _line(self, key: str, request: Request) -> str:
        body = self._backend.body(request)
        return json.dumps({"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body})

    async def _content(self, client: openai.AsyncOpenAI, file: str) -> bytes:
        reply = await client.get(f"/files/{file}/content", cast_to=httpx2.Response)
        return bytes(reply.content)

    def _refused(self, batch: Any) -> None:
        """Raise for a batch that failed as a whole, unless a smaller one may pass."""
        errors = batch.errors.data if batch.errors and batch.errors.data else []
        if all(error.code == "token_limit_exceeded" for error in errors):
            return
        said = "; ".join(str(error.message) for error in errors[:3])
        raise Rejected(f"{self._backend.model}: the batch was refused: {said}")
