"""Texts a second, training and predicting, against the scripts a user would write.

    python bench/student_speed.py --clauses data/clauses.jsonl --model MODEL_FOLDER

Training: the textbook script pads every text to the maximum length; both train one epoch on the
same rows. Predicting: `transformers.pipeline` in a plain loop against the student, ONNX fp32 and
ONNX int8. Each arm runs in a process of its own, so its peak memory is its own. Results go to
bench/student_speed.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).with_name("student_speed.json")


def read(path: Path, n: int) -> tuple[list[str], list[int], int]:
    """Read n texts drawn with a fixed seed, their classes, and how many classes there are."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    classes = sorted({row["label"] for row in rows})
    picked = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:n]]
    return [r["text"] for r in picked], [classes.index(r["label"]) for r in picked], len(classes)


def train_textbook(model: str, texts: list[str], labels: list[int], k: int) -> float:
    """Seconds of one epoch by the script of the tutorials."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
    )

    tokens = AutoTokenizer.from_pretrained(model)(
        texts, padding="max_length", truncation=True, max_length=256
    )
    rows = [
        {**{name: column[i] for name, column in tokens.items()}, "labels": labels[i]}
        for i in range(len(texts))
    ]
    body = AutoModelForSequenceClassification.from_pretrained(model, num_labels=k)
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(
            folder,
            num_train_epochs=1,
            per_device_train_batch_size=32,
            save_strategy="no",
            report_to="none",
        )
        start = time.perf_counter()
        Trainer(model=body, args=args, train_dataset=rows).train()
    return time.perf_counter() - start


def train_student(model: str, texts: list[str], labels: list[int], k: int) -> float:
    """Seconds of one epoch by a student, the start of its head included."""
    from student import Student

    start = time.perf_counter()
    Student(model, epochs=1).fit(texts, np.eye(k)[labels])
    return time.perf_counter() - start


def predict_pipeline(folder: str, texts: list[str], *_: Any) -> float:
    """Seconds of a plain loop over transformers.pipeline."""
    from transformers import pipeline

    classify = pipeline("text-classification", folder, device="cpu")
    start = time.perf_counter()
    for text in texts:
        classify(text, truncation=True)
    return time.perf_counter() - start


def predict_student(folder: str, texts: list[str], *_: Any) -> float:
    """Seconds of Student.predict."""
    from student import Student

    student = Student.load(folder)
    start = time.perf_counter()
    student.predict(texts)
    return time.perf_counter() - start


def predict_onnx(int8: bool) -> Callable[..., float]:
    """Seconds of OnnxStudent.predict."""

    def run(folder: str, texts: list[str], *_: Any) -> float:
        from student.onnx import OnnxStudent

        student = OnnxStudent(folder, int8=int8).load()
        start = time.perf_counter()
        student.predict(texts)
        return time.perf_counter() - start

    return run


ARMS: dict[str, Callable[..., float]] = {
    "train_textbook": train_textbook,
    "train_student": train_student,
    "predict_pipeline": predict_pipeline,
    "predict_student": predict_student,
    "predict_onnx_fp32": predict_onnx(int8=False),
    "predict_onnx_int8": predict_onnx(int8=True),
}


def run_here(args: argparse.Namespace) -> None:
    """One arm, in this process; one line of JSON on standard output."""
    texts, labels, k = read(args.clauses, args.rows)
    seconds = ARMS[args.arm](args.model, texts, labels, k)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": seconds, "texts_a_second": len(texts) / seconds, "peak_mib": peak}
    print(json.dumps({k: round(v, 2) for k, v in found.items()}))


def in_process(arm: str, model: str, args: argparse.Namespace) -> dict[str, float]:
    """One arm in a process of its own."""
    own = [sys.executable, __file__, "--arm", arm, "--model", model]
    command = [*own, "--clauses", str(args.clauses), "--rows", str(args.rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def export(args: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Export a short fit; how the twins agree with torch on the texts."""
    from student import Student
    from student.export import export_onnx

    texts, labels, k = read(args.clauses, args.rows)
    student = Student(args.model, epochs=1, frozen_layers=4).fit(texts, np.eye(k)[labels])
    return vars(export_onnx(student, folder, texts, accept=True))


def main() -> None:
    """Every arm, the ratios, and what they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clauses", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--arm", choices=ARMS)
    args = parser.parse_args()
    if args.arm:
        return run_here(args)
    with tempfile.TemporaryDirectory() as folder:
        parity = export(args, folder)
        arms = {a: in_process(a, args.model if "train" in a else folder, args) for a in ARMS}
    speed = {arm: found["texts_a_second"] for arm, found in arms.items()}
    ratios = {
        "train": speed["train_student"] / speed["train_textbook"],
        **{a: speed[a] / speed["predict_pipeline"] for a in ARMS if a.startswith("predict_")},
    }
    result = {
        "rows": args.rows,
        "arms": arms,
        "ratios": ratios,
        "parity": parity,
        "python": platform.python_version(),
        "cpu": platform.processor(),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
