"""A task of another domain, made from nothing by `jurat init`: support tickets in three classes."""

from __future__ import annotations

import csv
import re
import shutil

import pytest
from ticket_task import PATTERNS, TICKETS, edit, jurat, prepare, use_script


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A BERT of one layer whose vocabulary is that of the tickets; random weights, no download."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, logging

    logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("encoder")
    with TICKETS.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    words = sorted({w for row in rows for w in re.findall(r"\w+", row["message"].lower())})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0,
                        intermediate_size=32, max_position_embeddings=66,
                        vocab_size=len(vocabulary), initializer_range=0.2)  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    return folder


@pytest.fixture
def tickets(tmp_path):
    """A task that asks a script and has no encoder: nothing heavy is needed to ask and weigh."""
    folder = tmp_path / "tickets"
    done = jurat("init", folder, "--from", TICKETS, "--id", "ticket")
    assert done.exit_code == 0, done.output
    task = folder / "task.yaml"
    use_script(folder)
    edit(task, ("encoder: all-MiniLM-L6-v2    # for similarity; downloaded once\n", ""))
    text = task.read_text(encoding="utf-8")
    start, end = text.index("# Labeling functions"), text.index("label_model:")
    task.write_text(text[:start] + text[end:], encoding="utf-8")
    (folder / "patterns.yaml").write_text(PATTERNS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def finished(tiny_encoder, tmp_path_factory):
    """A task on which `jurat run` was run, with encoder, similarity, a test and a student."""
    folder = tmp_path_factory.mktemp("finished") / "tickets"
    assert jurat("init", folder, "--from", TICKETS, "--id", "ticket").exit_code == 0
    prepare(folder, tiny_encoder)
    done = jurat("run", folder)
    assert done.exit_code == 0, (done.output, done.exception)
    return folder


@pytest.fixture
def done(finished, tmp_path):
    """A copy of the finished task, to be changed."""
    shutil.copytree(finished, tmp_path / "tickets")
    return tmp_path / "tickets"
