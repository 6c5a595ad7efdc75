"""Tiny models built on the spot: real architectures, random weights, no download."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
    logging,
)

logging.set_verbosity_error()
logging.disable_progress_bar()

WORDS = {
    0: ["law", "governed", "state", "courts", "jurisdiction"],
    1: ["terminate", "notice", "days", "renewal", "expire"],
    2: ["license", "grant", "royalty", "patent", "software"],
}
SIZES = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=66,
    vocab_size=64,
    initializer_range=0.2,
)


def save_tokenizer(folder, first, last, pad, names):
    words = [
        pad,
        "[UNK]",
        first,
        last,
        "the",
        "of",
        "and",
        *(w for ws in WORDS.values() for w in ws),
    ]
    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, 2), (last, 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token=pad,
        cls_token=first,
        sep_token=last,
        model_input_names=names,
        model_max_length=64,
    ).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A sentence encoder of the BERT family that pools by the mean."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    BertModel(BertConfig(**SIZES, pad_token_id=0)).save_pretrained(folder)
    save_tokenizer(
        folder, "[CLS]", "[SEP]", "[PAD]", ["input_ids", "token_type_ids", "attention_mask"]
    )
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    return folder


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory):
    """RoBERTa from a configuration: no token_type_ids, positions counted from the padding."""
    folder = tmp_path_factory.mktemp("roberta")
    torch.manual_seed(0)
    RobertaModel(RobertaConfig(**SIZES, pad_token_id=0, type_vocab_size=1)).save_pretrained(folder)
    save_tokenizer(folder, "<s>", "</s>", "<pad>", ["input_ids", "attention_mask"])
    return folder


@pytest.fixture(scope="session")
def corpus():
    """Texts (120) of three classes, their gold, and soft labels that are right for most."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 120)
    texts = [
        " ".join(rng.choice(["the", "of", "and", *WORDS[c]], rng.integers(3, 20))) for c in gold
    ]
    shares = rng.dirichlet(np.ones(3), 120) * 0.6
    shares[np.arange(120), gold] += 0.4
    return texts, gold, shares


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory):
    """T5 from a configuration, with a tokenizer that knows the corpus and the two prefixes."""
    folder = tmp_path_factory.mktemp("t5")
    torch.manual_seed(0)
    T5ForConditionalGeneration(
        T5Config(
            vocab_size=64,
            d_model=32,
            d_kv=16,
            d_ff=64,
            num_layers=2,
            num_heads=2,
            decoder_start_token_id=0,
        )
    ).save_pretrained(folder)
    save_tokenizer(folder, "[", "]", "<pad>", ["input_ids", "attention_mask"])
    return folder
