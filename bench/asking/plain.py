"""The loop a user writes by hand: the official SDK, a semaphore, nothing kept."""

import asyncio
import json
import sys
import time
from pathlib import Path

import openai

url, file, count, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
texts = json.loads(Path(file).read_text())[:count]


async def main() -> int:
    """Ask all; count the answers."""
    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    slots = asyncio.Semaphore(at_once)

    async def one(text: str) -> str | None:
        content = f"{text}\n\nDoes the clause say which law governs? Answer yes or no."
        async with slots:
            answer = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": content}], max_tokens=16
            )
        return answer.choices[0].message.content

    answers = await asyncio.gather(*map(one, texts))
    await client.close()
    return sum(answer in ("yes", "no") for answer in answers)


started, cpu = time.perf_counter(), time.process_time()
answered = asyncio.run(main())
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(json.dumps({"answered": answered, "seconds": seconds, "cpu": cpu}))
