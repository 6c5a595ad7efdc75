"""Export to ONNX, fp32 and int8, accepted only where it says what torch says."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from student.errors import InputError
from student.model import Student
from student.onnx import FP32, INT8, OnnxStudent

FP32_TOLERANCE = 1e-3
INT8_AGREEMENT = 0.97


@dataclass(frozen=True)
class Parity:
    """How far an export is from torch on the sample: largest gap in probability, same labels."""

    fp32_gap: float
    fp32_same: float
    int8_gap: float
    int8_same: float


def export_onnx(
    student: Student, folder: str | Path, sample: Sequence[str], *, accept: bool = False
) -> Parity:
    """Write the student and its ONNX twins into `folder`; the parity on `sample` texts.

    The twins cut long texts: a student that reads in windows has none for texts that are long.

    Raises InputError where fp32 differs by more than 0.001 in probability or int8 gives another
    label to more than 3 % of the sample (the file at fault is removed, unless `accept`), and where
    the extra `onnx` is not installed.
    """
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise InputError(f"{' and '.join(missing)} not installed: pip install 'jurat[onnx]'.")
    path = Path(folder)
    student.save(path)
    _export_fp32(student, path / FP32, sample)
    _quantize(path / FP32, path / INT8)
    expected = student.predict_proba(sample)
    gaps = {}
    for int8, name in ((False, FP32), (True, INT8)):
        found = OnnxStudent(path, int8=int8).predict_proba(sample)
        same = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
        gap = float(np.abs(found - expected).max())
        gaps[name] = gap, same
        if not accept and (same < INT8_AGREEMENT if int8 else gap > FP32_TOLERANCE):
            (path / name).unlink()
            raise InputError(f"{name} is not the student: {same:.1%} same labels, gap {gap:.4f}.")
    return Parity(*gaps[FP32], *gaps[INT8])


def _export_fp32(student: Student, file: Path, sample: Sequence[str]) -> None:
    body: Any = student.model_
    tokens = student.tokenizer_(
        list(sample[:2]), padding=True, truncation=True, return_tensors="pt"
    )
    names = [n for n in student.tokenizer_.model_input_names if n in tokens]
    axes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens")}
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            copy.deepcopy(body).cpu().eval(),
            kwargs={n: tokens[n] for n in names},
            f=str(file),
            input_names=names,
            output_names=["logits"],
            dynamic_shapes={n: axes for n in names},
            external_data=False,
            dynamo=True,
            verbose=False,
        )


def _quantize(source: Path, target: Path) -> None:
    """Weights to int8 a row, activations at run time."""
    import onnx

    quantization: Any = import_module("onnxruntime.quantization")
    graph = onnx.load(str(source))
    # Shapes that torch wrote down trip the quantizer's own shape inference.
    del graph.graph.value_info[:]
    kind = quantization.QuantType.QInt8
    quantization.quantize_dynamic(graph, str(target), weight_type=kind, per_channel=True)
