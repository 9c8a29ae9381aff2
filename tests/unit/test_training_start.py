"""Encoders of all kinds: what training does with one, the saved model does too."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from encoder_kinds import ADDRESSES, KINDS, LONG_ARTICLE, make_encoder
from tiny_models import POSITIONS, SENTENCES
from transformers import AutoTokenizer, DataCollatorForTokenClassification

from khabar import Annotator
from khabar.bundle import AFTER_PADDING, ONNX_INT8, Settings, load_bundle, save_settings, usable_positions
from khabar.config import load_config
from khabar.errors import BundleError, ConfigError
from khabar.export import export_int8
from khabar.training import finish, fit, load_start, parameter_groups, read_splits, window_dataset


@pytest.fixture
def config_of(tmp_path, labelled_file):
    """A configuration of an encoder of a kind, with overrides."""

    def made(kind, *overrides):
        encoder = tmp_path / kind
        if not encoder.exists():
            make_encoder(encoder, kind)
        path = tmp_path / "run.yaml"
        path.write_text(
            f"output: {tmp_path / 'run'}\n"
            f"data: {{path: {labelled_file}}}\n"
            f"encoder: {{path: {encoder}}}\n"
            f"window: {{max_tokens: {POSITIONS}, max_sentence_tokens: 40, context: 1}}\n"
            "training: {seed: 3, max_steps: 2, per_device_train_batch_size: 3, learning_rate: 1e-3,\n"
            "  use_cpu: true, report_to: none, disable_tqdm: true, save_steps: 1}\n",
            encoding="utf-8",
        )
        return load_config(path, list(overrides))

    return made


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(config_of, kind):
    config = config_of(kind)
    model, tokenizer, encoder = load_start(config)
    rows = window_dataset(read_splits(config).train, encoder).select_columns(
        ["input_ids", "attention_mask", "labels"]
    )
    batch = DataCollatorForTokenClassification(tokenizer)(list(rows))
    lengths = batch.pop("attention_mask").sum(1)
    assert lengths.min() < lengths.max()
    labels = batch.pop("labels")
    ids = batch["input_ids"]
    mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
    assert (ids[~mask] == model.config.pad_token_id).all()
    assert (labels[~mask] == -100).all()
    model.eval()
    with torch.inference_mode():
        together = model(input_ids=ids, attention_mask=mask.long()).logits
        for row, length in enumerate(lengths.tolist()):
            alone = model(input_ids=ids[[row], :length], attention_mask=torch.ones(1, length)).logits[0]
            torch.testing.assert_close(together[row, :length], alone, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_trains_and_its_model_annotates(config_of, kind, tmp_path):
    config = config_of(kind)
    fitted = fit(config, read_splits(config))
    start = load_start(config)[0].state_dict()
    trained = fitted.model.state_dict()
    assert trained.keys() == start.keys()
    assert any(not torch.equal(trained[name], weights) for name, weights in start.items())
    bundle = tmp_path / "bundle"
    fitted.model.save_pretrained(bundle)
    fitted.tokenizer.save_pretrained(bundle)
    assert (bundle / "model.safetensors").is_file()
    save_settings(bundle, Settings(normalization=config.normalization, window=config.window))
    annotator = Annotator.from_pretrained(bundle, backend="torch")
    found = annotator.logits(LONG_ARTICLE)
    assert found.shape == (len(LONG_ARTICLE), 4)
    assert np.isfinite(found).all()
    assert found.std(axis=0).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "no-limit"])
def test_an_encoder_goes_the_whole_way(config_of, kind):
    config = config_of(kind)
    splits = read_splits(config)
    versions = [replace(article, guidelines=f"1.{index % 2}") for index, article in enumerate(splits.train)]
    splits = replace(splits, train=versions)
    fitted = fit(config, splits)
    bundle = finish(config, splits, fitted.model, fitted.tokenizer)
    assert load_bundle(bundle).settings.guidelines == "1.0, 1.1"
    annotator = Annotator.from_pretrained(bundle)
    sentences = annotator.annotate_sentences(SENTENCES)
    assert len(sentences) == len(SENTENCES)
    if not (bundle / ONNX_INT8).exists():  # random weights may be too near to a tie to pass its check
        export_int8(bundle)
    graph = Annotator.from_pretrained(bundle, backend="onnx").logits(SENTENCES)
    weights = Annotator.from_pretrained(bundle, backend="torch").logits(SENTENCES)
    assert np.abs(graph - weights).mean() < 0.1 * weights.std()


# --- how much it reads at once


def test_positions_after_the_padding_are_all_that_is_used(config_of):
    fits = load_start(config_of("roberta"))
    assert fits[0].config.max_position_embeddings == POSITIONS + 2
    for tokens in (POSITIONS + 1, POSITIONS + 2):
        with pytest.raises(ConfigError, match=rf"max_tokens is {tokens}, but .* has {POSITIONS} positions"):
            load_start(config_of("roberta", f"window.max_tokens={tokens}"))


def test_a_bundle_knows_how_many_positions_it_has(config_of, tmp_path):
    config = config_of("roberta")
    model, tokenizer, _ = load_start(config)
    model.save_pretrained(tmp_path / "bundle")
    tokenizer.save_pretrained(tmp_path / "bundle")
    save_settings(tmp_path / "bundle", Settings(window=config.window))
    assert load_bundle(tmp_path / "bundle").positions == POSITIONS
    settings = json.loads((tmp_path / "bundle" / "khabar.json").read_text(encoding="utf-8"))
    settings["window"]["max_tokens"] = POSITIONS + 1
    (tmp_path / "bundle" / "khabar.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(BundleError, match=f"but the encoder has {POSITIONS} positions; lower it"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "camembert", "max_position_embeddings": 514, "pad_token_id": 0}, 513),
        ({"model_type": "xlnet", "max_position_embeddings": -1}, None),
        ({"model_type": "bloom"}, None),
        ({"model_type": "bert", "max_position_embeddings": None}, None),
    ],
)
def test_usable_positions(config, positions):
    assert usable_positions(config) == positions


def test_the_encoders_that_number_positions_after_the_padding_are_those_of_transformers():
    """Of all that classify tokens; whoever reads pictures too is left out."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES as NAMES

    files = (Path(transformers.__file__).parent / "models").rglob("modeling_*.py")
    sources = [path.read_text(encoding="utf-8") for path in files]
    numbered = [source for source in sources if re.search(r"padding_idx ?\+ ?1", source)]
    defined = {kind for kind, name in NAMES.items() if any(f"class {name}(" in one for one in sources)}
    assert len(defined) > 40
    found = {kind for kind, name in NAMES.items() if any(f"class {name}(" in one for one in numbered)}
    assert found - AFTER_PADDING <= {"esm", "layoutlmv3"}
    assert AFTER_PADDING - found == set()


# --- its tokenizer


def test_tokens_for_addresses_stay_whole_in_the_model_that_is_saved(config_of, tmp_path):
    config = config_of("arabert", "normalization.scheme=arabert-v02")
    _, tokenizer, encoder = load_start(config)
    plain = AutoTokenizer.from_pretrained(config.encoder.path)
    known = plain.get_vocab()
    link, mail, user = (known[token] for token in ADDRESSES)
    ids = encoder.encode(["راجع https://example.org/news أو @desk أو [بريد]"]).windows[0].input_ids
    assert [one for one in ids if one in {link, mail, user}] == [link, user, mail]
    assert len(tokenizer) == len(plain)
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert saved.tokenize(f"قال {ADDRESSES[0]} اليوم").count(ADDRESSES[0]) == 1
    # Of what is not in a vocabulary no token is made.
    other = load_start(config_of("camelbert", "normalization.scheme=arabert-v02"))[1]
    assert not set(ADDRESSES) & set(other.get_vocab())


@pytest.mark.parametrize("token", ["cls_token", "sep_token", "pad_token"])
def test_a_tokenizer_without_what_windows_are_made_of_is_refused(config_of, token):
    config = config_of("electra")
    path = Path(config.encoder.path) / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    del settings[token]
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"whose tokenizer lacks {token}, but windows are made of them"):
        load_start(config)


def test_weights_that_are_not_there_are_told_in_a_sentence(config_of):
    config = config_of("electra")
    (Path(config.encoder.path) / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"electra', whose weights transformers cannot load \(.*\)\.$"):
        load_start(config)


def test_what_brings_embeddings_to_the_width_of_the_layers_learns_as_they_do(config_of):
    config = config_of("electra")
    model = load_start(config)[0]
    arguments = transformers.TrainingArguments(output_dir="unused", learning_rate=1.0, use_cpu=True)
    groups = parameter_groups(model, arguments, head_rate=None, layer_decay=0.5, layers=2)
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    assert rates[id(model.electra.embeddings_project.weight)] == 0.25
    assert rates[id(model.electra.embeddings.word_embeddings.weight)] == 0.25
    assert rates[id(model.electra.encoder.layer[1].output.dense.weight)] == 1.0
