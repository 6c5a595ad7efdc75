"""Bespoke Curator: its online processor, with limits raised out of the way."""

import json
import sys
import time
from pathlib import Path

from bespokelabs import curator

url, file, count, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
texts = json.loads(Path(file).read_text())[:count]


class Label(curator.LLM):
    """One yes/no question."""

    def prompt(self, row: dict) -> str:
        """Write the question."""
        return f"{row['text']}\n\nDoes the clause say which law governs? Answer yes or no."

    def parse(self, row: dict, response: str) -> dict:
        """Read the answer."""
        return {"answer": response}


label = Label(
    model_name="gpt-4o-mini",
    backend="openai",
    backend_params={
        "base_url": url,
        "max_requests_per_minute": 1_000_000,
        "max_tokens_per_minute": 1_000_000_000,
        "max_concurrent_requests": at_once,
    },
)
started, cpu = time.perf_counter(), time.process_time()
rows = label([{"text": text} for text in texts])
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
rows = getattr(rows, "dataset", rows)
answered = sum(row["answer"] in ("yes", "no") for row in rows)
print(json.dumps({"answered": answered, "seconds": seconds, "cpu": cpu}))
