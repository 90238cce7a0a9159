"""Models of Hugging Face transformers, unmodified, on Variables: losses and gradients of torch's.

Small random configurations; nothing is downloaded. Each is the first of a family that met an
obstacle of its own.
"""

from __future__ import annotations

import os

import pytest
import torch

import plugrad as pg
from plugrad.tests.interop.against_torch import DEVICE

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers", reason="pip install 'plugrad[huggingface]'")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TEXT = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
IMAGE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
    "num_labels": 3,
}
SPEECH = {
    **{key: TEXT[key] for key in list(TEXT)[1:5]},
    "vocab_size": 12,
    "conv_dim": (8, 8),
    "conv_stride": (5, 2),
    "conv_kernel": (10, 3),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "mask_time_prob": 0.0,
    "ctc_loss_reduction": "mean",
}

#: By the name of the model's class: what its configuration is given, and its kind of input.
MODELS = {
    "GPT2LMHeadModel": (
        {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
        "text",
    ),
    "BertForMaskedLM": (TEXT, "text"),
    "T5ForConditionalGeneration": (
        {
            "vocab_size": 50,
            "d_model": 16,
            "d_kv": 8,
            "d_ff": 32,
            "num_layers": 2,
            "num_heads": 2,
            "decoder_start_token_id": 0,
        },
        "text",
    ),
    "ViTForImageClassification": (IMAGE, "image"),
    "ResNetForImageClassification": (
        {
            "embedding_size": 8,
            "hidden_sizes": [8, 16],
            "depths": [1, 1],
            "layer_type": "basic",
            "num_labels": 3,
        },
        "image",
    ),
    "LlamaForCausalLM": ({**TEXT, "num_key_value_heads": 1}, "text"),
    "MambaForCausalLM": (
        {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
        "text",
    ),
    "Wav2Vec2ForCTC": (SPEECH, "speech"),
    "LongformerForMaskedLM": ({**TEXT, "attention_window": 4, "pad_token_id": 1}, "text"),
    "SwinForImageClassification": (
        {
            "image_size": 32,
            "patch_size": 4,
            "embed_dim": 8,
            "depths": [2, 2],
            "num_heads": [2, 2],
            "window_size": 4,
            "num_labels": 3,
        },
        "image",
    ),
    "BloomForCausalLM": ({"vocab_size": 50, "hidden_size": 16, "n_layer": 2, "n_head": 2}, "text"),
    "MobileNetV2ForImageClassification": (
        {"image_size": 32, "depth_multiplier": 0.35, "num_labels": 3},
        "image",
    ),
    "Lfm3ForCausalLM": (  # writes into a cache of plain tensors
        {
            **TEXT,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "layer_types": ["conv", "sliding_attention"],
            "sliding_window": 8,
            "pad_token_id": 0,
        },
        "text",
    ),
    "WhisperForConditionalGeneration": (
        {
            "vocab_size": 50,
            "d_model": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "num_mel_bins": 8,
            "max_source_positions": 10,
            "max_target_positions": 20,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "decoder_start_token_id": 1,
            "suppress_tokens": None,
            "begin_suppress_tokens": None,
        },
        "spectrum",
    ),
}
#: They compute a part in float32, whatever the dtype.
FLOAT32_INSIDE = {"T5ForConditionalGeneration", "MambaForCausalLM"}


def batch_of(kind, dtype):
    tokens = torch.randint(3, 50, (2, 12))
    if kind == "text":
        return {"input_ids": tokens, "labels": tokens.clone()}
    if kind == "image":
        return {
            "pixel_values": torch.randn(2, 3, 32, 32).to(dtype),
            "labels": torch.tensor([0, 1]),
        }
    if kind == "spectrum":
        return {"input_features": torch.randn(2, 8, 20).to(dtype), "labels": tokens}
    return {
        "input_values": torch.randn(2, 400).to(dtype),
        "labels": torch.randint(1, 12, (2, 5)),
    }


def made(name, dtype, on_variables):
    """The model with its batch."""
    options, kind = MODELS[name]
    torch.manual_seed(0)
    cls = getattr(transformers, name)
    model = cls(cls.config_class(**options)).to(DEVICE, dtype).train()
    batch = {key: tensor.to(DEVICE) for key, tensor in batch_of(kind, dtype).items()}
    if on_variables:
        pg.interop.convert(model)
    torch.manual_seed(1)  # of dropout
    return model, batch


def gradients(name, dtype, on_variables):
    model, batch = made(name, dtype, on_variables)
    loss = model(**batch).loss
    loss.backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return loss.item(), {n: torch.as_tensor(g.detach()) for n, g in found.items()}


@pytest.mark.parametrize("name", MODELS)
def test_the_gradients_are_torchs(name):
    expected, wanted = gradients(name, torch.float64, on_variables=False)
    loss, got = gradients(name, torch.float64, on_variables=True)
    assert loss == pytest.approx(expected, rel=1e-12)
    tolerance = 1e-6 if name in FLOAT32_INSIDE else 1e-8
    largest = max(g.norm().item() for g in wanted.values())
    for parameter in wanted.keys() | got.keys():
        w = wanted.get(parameter, torch.zeros((), device=DEVICE))
        g = got.get(parameter, torch.zeros_like(w))
        error = (g - w).norm().item() / max(w.norm().item(), 1e-9 * largest)
        assert error < tolerance, parameter


@pytest.mark.parametrize("name", MODELS)
def test_five_steps_of_adamw_give_the_same_losses(name):
    losses = []
    for on_variables in (False, True):
        model, batch = made(name, torch.float32, on_variables)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        losses.append([])
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    # A GPU rounds to TF32, and a norm over a batch of two makes much of it.
    assert losses[1] == pytest.approx(losses[0], rel=1e-5 if DEVICE == "cpu" else 1e-2)
    assert losses[0][-1] != losses[0][0]
