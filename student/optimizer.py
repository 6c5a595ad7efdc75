"""AdamW with a learning rate a layer: what lies lower has more to forget."""

from __future__ import annotations

from typing import Any

from torch.optim import AdamW

from student.body import blocks


def layered_adamw(
    body: Any, learning_rate: float, layer_decay: float, weight_decay: float
) -> AdamW:
    """AdamW whose rate shrinks by `layer_decay` a layer from the top (Howard & Ruder 2018).

    Biases and norms are not decayed towards zero: their size carries the scale of the features.
    """
    layers = list(blocks(body))
    height = {id(p): i + 1 for i, layer in enumerate(layers) for p in layer.parameters()}
    low = {id(p) for p in body.get_input_embeddings().parameters()}
    groups = []
    for parameter in (p for p in body.parameters() if p.requires_grad):
        level = 0 if id(parameter) in low else height.get(id(parameter), len(layers) + 1)
        groups.append(
            {
                "params": [parameter],
                "lr": learning_rate * layer_decay ** (len(layers) + 1 - level),
                "weight_decay": weight_decay if parameter.dim() > 1 else 0.0,
            }
        )
    return AdamW(groups)
