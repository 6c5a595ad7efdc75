"""A student without torch: ONNX Runtime, the tokenizer's own file, numpy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from student.data import Floats, check_texts
from student.errors import InputError
from student.lengths import batches_by_length

FP32, INT8 = "model.onnx", "model.int8.onnx"


class OnnxStudent:
    """A student that was exported by `student.export.export_onnx`, with the same predictions.

    `threads` is for ONNX Runtime; 0 takes every core. Raises InputError where the folder holds no
    exported student, or where onnxruntime is not installed.
    """

    def __init__(self, folder: str | Path, *, int8: bool = False, threads: int = 0) -> None:
        self.folder = Path(folder)
        self.int8 = int8
        self.threads = threads

    def load(self) -> Self:
        """Open the session and the tokenizer; the first prediction does so by itself."""
        file = self.folder / (INT8 if self.int8 else FP32)
        if not file.is_file():
            raise InputError(f"{file} does not exist: export the student first.")
        self.session_ = _session(file, self.threads)
        self.inputs_ = [node.name for node in self.session_.get_inputs()]
        self.tokenizer_ = _tokenizer(self.folder)
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        self.classes_ = [name for _, name in sorted(config["id2label"].items(), key=_number)]
        self.pad_ = int(config.get("pad_token_id") or 0)
        return self

    def predict_proba(self, texts: Sequence[str], *, batch_size: int = 16) -> Floats:
        """Probabilities of shape (n, k), rows summing to 1."""
        if not hasattr(self, "session_"):
            self.load()
        rows = check_texts(texts)
        encoded = self.tokenizer_.encode_batch(rows)
        logits = np.empty((len(rows), len(self.classes_)))
        for batch in batches_by_length([len(e.ids) for e in encoded], batch_size):
            logits[batch] = self.session_.run(None, self._feed([encoded[i] for i in batch]))[0]
        return np.asarray(softmax(logits, axis=1))

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Index of the likeliest class of each text, shape (n,)."""
        return np.asarray(self.predict_proba(texts).argmax(axis=1), dtype=np.int64)

    def _feed(self, encoded: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
        width = max(len(e.ids) for e in encoded)
        filled = {
            "input_ids": ([e.ids for e in encoded], self.pad_),
            "attention_mask": ([e.attention_mask for e in encoded], 0),
            "token_type_ids": ([e.type_ids for e in encoded], 0),
        }
        # The graph knows which inputs the tokenizer gives: RoBERTa's has no token_type_ids.
        return {name: _pad(*filled[name], width) for name in self.inputs_}


def _pad(rows: Sequence[Sequence[int]], fill: int, width: int) -> NDArray[np.int64]:
    return np.array([[*row, *[fill] * (width - len(row))] for row in rows], dtype=np.int64)


def _number(pair: tuple[str, str]) -> int:
    return int(pair[0])


def _session(file: Path, threads: int) -> Any:
    try:
        onnxruntime: Any = import_module("onnxruntime")
    except ImportError as error:
        raise InputError("onnxruntime is not installed: pip install 'jurat[onnx]'.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer.enable_truncation(int(settings["model_max_length"]))
    tokenizer.no_padding()
    return tokenizer
