"""autolabel: a classification task of its documentation's shape."""

import contextlib
import io
import json
import sys
import time
from pathlib import Path

import pandas as pd
from autolabel import LabelingAgent
from autolabel.dataset import AutolabelDataset

file, count = sys.argv[2], int(sys.argv[3])  # it reads the address from the environment
texts = json.loads(Path(file).read_text())[:count]
config = {
    "task_name": "law",
    "task_type": "classification",
    "dataset": {"label_column": "label", "delimiter": ","},
    "model": {"provider": "openai", "name": "gpt-3.5-turbo"},
    "prompt": {
        "task_guidelines": "Does the clause say which law governs? Answer yes or no.",
        "labels": ["yes", "no"],
        "example_template": "Input: {text}\nOutput: {label}",
    },
}
agent = LabelingAgent(config=config, cache=False)
rows = AutolabelDataset(pd.DataFrame({"text": texts, "label": ""}), config=config)
started, cpu = time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    labelled = agent.run(rows, skip_eval=True)
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
answered = sum(1 for value in labelled.df["label_label"] if value in ("yes", "no"))
print(json.dumps({"answered": answered, "seconds": seconds, "cpu": cpu}))
