"""instructor: typed answers by a JSON schema, in the asyncio loop of its documentation."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Literal

import instructor
import openai
from pydantic import BaseModel

url, file, count, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
texts = json.loads(Path(file).read_text())[:count]


class Label(BaseModel):
    """What the model is to give."""

    answer: Literal["yes", "no"]


async def main() -> int:
    """Ask all; count the answers."""
    plain = openai.AsyncOpenAI(base_url=url, api_key="none")
    client = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)
    slots = asyncio.Semaphore(at_once)

    async def one(text: str) -> Label:
        content = f"{text}\n\nDoes the clause say which law governs? Answer yes or no."
        async with slots:
            return await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": content}], response_model=Label
            )

    return len(await asyncio.gather(*map(one, texts)))


started, cpu = time.perf_counter(), time.process_time()
answered = asyncio.run(main())
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(json.dumps({"answered": answered, "seconds": seconds, "cpu": cpu}))
