"""The network of a student: always a stock Hugging Face classifier, started well.

A sentence encoder speaks through the mean over its tokens, but stock classifiers of the BERT and
RoBERTa families read the first token only. So such an encoder gets one more ordinary layer, set so
that its attention is uniform and its first token holds the mean: an average, written in the stock
architecture, that training may turn into attention pooling.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging
from transformers.utils.hub import cached_file

from student.errors import InputError

# The mean must drown the residual stream it is added to; the layer norm takes the size out again.
MEAN_GAIN = 64.0
FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
MEAN_FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")


def load_tokenizer(model: str | Path, max_length: int) -> PreTrainedTokenizerBase:
    """Tokenizer of a folder or a Hub id that cuts at `max_length` or the model's own limit."""
    room = _positions(load_config(model))
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(model))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{model}: no tokenizer could be loaded ({_first(error)}).") from error
    tokenizer.model_max_length = min(max_length, tokenizer.model_max_length, room)
    return tokenizer


def load_body(model: str | Path, classes: Sequence[str], pooling: str = "auto") -> PreTrainedModel:
    """Stock classifier over `classes`, its pooling set up; raises InputError if there is none.

    `pooling` is "first", "mean", or "auto": the mean where the folder says that it is a sentence
    encoder that pools so.
    """
    if pooling not in ("auto", "first", "mean"):
        raise InputError(f"pooling is {pooling!r}: it must be auto, first or mean.")
    config = load_config(model)
    mean = pooling == "mean" or (pooling == "auto" and _pools_by_mean(model))
    if hasattr(config, "classifier_pooling"):
        config.classifier_pooling = "mean" if mean or pooling == "auto" else "cls"
        return _load(model, config, classes)
    if not mean or config.model_type not in MEAN_FAMILIES:
        return _load(model, config, classes)
    config.num_hidden_layers += 1
    body = _load(model, config, classes)
    _average(blocks(body)[-1])
    _pass_through(body)
    return body


def load_config(model: str | Path) -> Any:
    """Read the configuration of a folder or a Hub id; raises InputError where there is no model."""
    _check_folder(model)
    try:
        return AutoConfig.from_pretrained(str(model))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{model} is not a model: {_first(error)}.") from error


def load_trained(folder: str | Path) -> PreTrainedModel:
    """Classifier that was saved before; raises InputError for a folder that holds none."""
    config = load_config(folder)
    if not any("SequenceClassification" in name for name in config.architectures or ()):
        raise InputError(f"{folder} holds no trained classifier: save a student there first.")
    return _from_pretrained(folder, config)


def blocks(body: nn.Module) -> nn.ModuleList:
    """Find the transformer layers of a model, lowest first."""
    lists = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise InputError(f"{type(body).__name__} has no list of layers that could be frozen.")
    return max(lists, key=len)


def last_linear(body: nn.Module, k: int) -> nn.Linear:
    """Layer that turns features into the logits of k classes."""
    linears = [m for m in body.modules() if isinstance(m, nn.Linear) and m.out_features == k]
    if not linears:
        raise InputError(f"{type(body).__name__} has no linear layer with {k} outputs.")
    return linears[-1]


@torch.no_grad()
def set_linear(linear: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Give a linear layer new weights (k, d) and biases (k,), in its own precision."""
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)


def freeze(body: PreTrainedModel, layers: int) -> None:
    """Leave the embeddings and the lowest `layers` layers as they are; 0 freezes nothing."""
    if layers == 0:
        return
    if layers > len(blocks(body)):
        raise InputError(
            f"frozen_layers is {layers}, but the model has {len(blocks(body))} layers."
        )
    for part in (body.get_input_embeddings(), *blocks(body)[:layers]):
        part.requires_grad_(False)


def _load(model: str | Path, config: Any, classes: Sequence[str]) -> PreTrainedModel:
    config.num_labels = len(classes)
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: index for index, name in enumerate(classes)}
    config.problem_type = "single_label_classification"
    # Without dropout inside it, attention runs as one fused kernel: a third of a step on a CPU.
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return _from_pretrained(model, config)


def _from_pretrained(model: str | Path, config: Any) -> PreTrainedModel:
    try:
        with quiet():
            body: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
                str(model), config=config, dtype=torch.float32, ignore_mismatched_sizes=True
            )
    except Exception as error:  # safetensors, transformers and the hub raise kinds of their own
        raise InputError(f"{model}: its weights could not be loaded ({_first(error)}).") from error
    return body


@torch.no_grad()
def _average(layer: Any) -> None:
    """Set a fresh BERT layer so that its output is the layer norm of the mean of its input."""
    attention, out = layer.attention, layer.output
    width = attention.self.query.in_features
    # A zero query makes attention uniform; the random key beside it lets training leave the mean.
    for part in (attention.self.query, out.dense):
        nn.init.zeros_(part.weight)
    for part in (attention.self.query, attention.self.value, attention.output.dense, out.dense):
        nn.init.zeros_(part.bias)
    attention.self.value.weight.copy_(torch.eye(width))
    attention.output.dense.weight.copy_(torch.eye(width) * MEAN_GAIN)
    for norm in (attention.output.LayerNorm, out.LayerNorm):
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)


@torch.no_grad()
def _pass_through(body: Any) -> None:
    """Start the square layer before the tanh as the identity: the mean reaches the head."""
    head = body.classifier
    dense = head.dense if hasattr(head, "dense") else body.base_model.pooler.dense
    nn.init.eye_(dense.weight)
    nn.init.zeros_(dense.bias)


def _positions(config: Any) -> int:
    room = getattr(config, "max_position_embeddings", None) or int(1e9)
    # These count positions from the padding's number upwards, so that many are never used.
    return int(room - config.pad_token_id - 1 if config.model_type in FROM_PADDING else room)


def _pools_by_mean(model: str | Path) -> bool:
    try:
        file = cached_file(str(model), "1_Pooling/config.json")
    except OSError:  # so does the hub's library say that a model has no such file
        return False
    settings = json.loads(Path(str(file)).read_text(encoding="utf-8"))
    return bool(settings.get("pooling_mode_mean_tokens"))


def _check_folder(model: str | Path) -> None:
    path = Path(model)
    looks_local = isinstance(model, Path) or path.is_absolute() or str(model).startswith(".")
    if path.is_dir() and not (path / "config.json").is_file():
        raise InputError(f"{model} is not a model: it has no config.json.")
    if looks_local and not path.exists():
        raise InputError(
            f"{model} does not exist: give the folder of a model or its id on the Hub."
        )


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def features_of(body: PreTrainedModel, head: nn.Linear, batch: dict[str, Tensor]) -> Tensor:
    """Features (b, d) of a batch: what the last layer sees."""
    seen: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        body(**batch)
    finally:
        hook.remove()
    return seen[0]


def default_rate(body: Any) -> float:
    """Learning rate by width: narrow models need larger steps; 3e-5 for 768, 1.2e-4 for 384."""
    return float(min(1e-3, 3e-5 * (768 / body.config.hidden_size) ** 2))


@contextmanager
def quiet() -> Iterator[None]:
    """Load without a table of fresh weights and without a bar: both are expected here."""
    log: Any = logging  # its functions are not typed
    level, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()
