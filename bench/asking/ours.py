"""Jurat: one yes/no prompt, collected into a store, then collected again from it."""

import json
import sys
import tempfile
import time
from pathlib import Path

from labelfns import Item, Prompt, Store, collect, remembered
from labelfns.backends.openai import openai_backend
from labelfns.layers import limited, patient
from labelfns.pace import Pace

url, file, count, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
texts = json.loads(Path(file).read_text())[:count]
items = [Item(str(i), {"text": text}) for i, text in enumerate(texts)]
question = "{{ text }}\n\nDoes the clause say which law governs? Answer yes or no."
prompt = Prompt("law", question, "m", {"Governing Law": ""}, {"yes": (0,), "no": ()})

with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
    pace = Pace(at_once=at_once)
    ask = remembered(patient(limited(openai_backend("m", url, pace=pace), pace)), store)
    started, cpu = time.perf_counter(), time.process_time()
    votes = collect([prompt], items, ask, ["Governing Law"], at_once=at_once)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    (waited,) = store.connection.execute("SELECT sum(seconds) FROM answers").fetchone()
    many = [Item(f"again {i}", items[i % len(items)].fields) for i in range(10_000)]
    started = time.perf_counter()
    collect([prompt], many, ask, ["Governing Law"], at_once=at_once)
    again = time.perf_counter() - started

answered = sum(1 for row in votes.status for status in row if status in (0, 1))
busy = {"slots_busy": waited / (at_once * seconds), "remembered_10000": again}
print(json.dumps({"answered": answered, "seconds": seconds, "cpu": cpu, **busy}))
