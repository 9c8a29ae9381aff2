"""Short runs of a tiny encoder: what each option of the recipe makes of the weights."""

import json
import logging
import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from khabar.config import load_config
from khabar.errors import BundleError, ConfigError
from khabar.training import bf16_ratio, fit, fit_seeds, load_start, read_splits

STEADY = ("encoder.overrides.hidden_dropout_prob=0.0", "encoder.overrides.attention_probs_dropout_prob=0.0")
SAVES = ("training.eval_strategy=steps", "training.eval_steps=1", "training.save_steps=1")
# peft asks transformers for an attribute by its old name.
OLD_NAMES = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
LORA = "recipe.lora={r: 4, alpha: 8}"


@pytest.fixture
def train(tmp_path, tiny_encoder, labelled_file):
    """Train for a few steps, with overrides; returns the configuration and what came out."""
    path = tmp_path / "run.yaml"
    path.write_text(
        f"output: {tmp_path / 'run'}\n"
        f"data: {{path: {labelled_file}}}\n"
        f"encoder: {{path: {tiny_encoder}}}\n"
        "window: {max_tokens: 64, max_sentence_tokens: 40, context: 1}\n"
        "training: {seed: 3, max_steps: 3, per_device_train_batch_size: 4, learning_rate: 1e-2,\n"
        "  use_cpu: true, report_to: none, disable_tqdm: true, logging_steps: 1}\n",
        encoding="utf-8",
    )

    def trained(*overrides):
        config = load_config(path, list(overrides))
        return config, fit(config, read_splits(config))

    return trained


def checkpoints(config):
    return sorted(path.name for path in (config.output / "checkpoints").glob("checkpoint-*"))


def losses(config):
    state = json.loads((config.output / "checkpoints" / "trainer_state.json").read_text(encoding="utf-8"))
    return [entry["loss"] for entry in state["log_history"] if "loss" in entry]


def assert_same_weights(first, second, **tolerance):
    first, second = first.state_dict(), second.state_dict()
    assert first.keys() == second.keys()
    for name, weights in first.items():
        torch.testing.assert_close(weights, second[name], **tolerance or {"rtol": 0, "atol": 0})


def differing(first, second):
    first, second = first.state_dict(), second.state_dict()
    assert first.keys() == second.keys()
    return {name for name, weights in first.items() if not torch.equal(weights, second[name])}


# --- steps


def test_two_batches_that_are_accumulated_are_one_batch_of_both(train):
    # Plain gradient descent, which shows a gradient that is scaled wrongly: Adam would hide it.
    steps = (*STEADY, "training.optim=sgd", "training.learning_rate=0.5")
    once_config, once = train(*steps)
    twice_config, twice = train(
        *steps,
        "output=" + str(once_config.output) + "-twice",
        "training.per_device_train_batch_size=2",
        "training.gradient_accumulation_steps=2",
    )
    assert_same_weights(once.model, twice.model, rtol=1e-4, atol=1e-6)
    assert losses(once_config) == pytest.approx(losses(twice_config), abs=2e-4)
    assert differing(once.model, load_start(once_config)[0])


def test_activation_checkpointing_changes_memory_and_not_weights(train):
    config, plain = train(*STEADY)
    _, saved = train(*STEADY, f"output={config.output}-saved", "training.activation_checkpointing=true")
    assert_same_weights(plain.model, saved.model, rtol=1e-5, atol=1e-7)


def test_activation_checkpointing_trains_adapters_and_upper_layers_too(train):
    config, adapted = train(LORA, "training.activation_checkpointing=true")
    assert any("query" in name for name in differing(adapted.model, load_start(config)[0]))
    _, upper = train(
        f"output={config.output}-upper", "recipe.freeze_layers=1", "training.activation_checkpointing=true"
    )
    changed = differing(upper.model, load_start(config)[0])
    assert any("layer.1." in name for name in changed)
    assert not any("layer.0." in name for name in changed)


def test_an_encoder_that_cannot_checkpoint_activations_is_told(train, monkeypatch):
    from transformers import BertForTokenClassification

    monkeypatch.setattr(BertForTokenClassification, "supports_gradient_checkpointing", False)
    with pytest.raises(ConfigError, match=r"activation_checkpointing is true, but BertFor\w+ cannot do that"):
        train("training.activation_checkpointing=true")


def test_bf16_trains_on_a_cpu_and_keeps_weights_in_32_bits(train):
    config, fitted = train("training.bf16=true", "training.eval_strategy=steps", "training.eval_steps=3")
    assert 0 <= fitted.macro_f1 <= 1
    assert {parameter.dtype for parameter in fitted.model.parameters()} == {torch.float32}
    # The operations did run in 16 bits: the losses are near those of 32, and not them.
    _, full = train(f"output={config.output}-full")
    other = losses(config.model_copy(update={"output": config.output.with_name("run-full")}))
    assert losses(config) == pytest.approx(other, rel=0.1)
    assert differing(fitted.model, full.model)


@pytest.mark.parametrize(("ratio", "told"), [(6.5, True), (0.4, False)])
def test_bf16_that_is_emulated_is_told(train, monkeypatch, caplog, ratio, told):
    monkeypatch.setattr("khabar.training._precision.bf16_ratio", lambda: ratio)
    with caplog.at_level(logging.WARNING, logger="khabar"):
        config, _ = train("training.bf16=true", "training.max_steps=1")
        train(f"output={config.output}-full", "training.max_steps=1")
    said = [line for line in caplog.messages if "emulates bf16" in line]
    assert [
        f"takes {ratio} times as long as in 32 bits; training.bf16=false is" in line for line in said
    ] == [True] * told


def test_the_ratio_of_bf16_is_one_of_times():
    assert 0 < bf16_ratio() < 1000


def test_the_score_is_that_of_the_last_evaluation_where_the_last_state_is_taken(train):
    config, fitted = train(*SAVES, "training.learning_rate=0.05")
    state = json.loads((config.output / "checkpoints" / "trainer_state.json").read_text(encoding="utf-8"))
    scores = [entry["eval_macro_f1"] for entry in state["log_history"] if "eval_macro_f1" in entry]
    assert len(scores) == 3
    assert fitted.macro_f1 == scores[-1]


# --- early stopping

NO_PATIENCE = (
    *SAVES,
    "recipe.early_stopping_patience=2",
    "training.load_best_model_at_end=true",
    "training.max_steps=9",
    "training.learning_rate=1e-12",  # so that no score is ever better than the first
)


def test_a_run_without_a_better_score_stops_and_its_best_model_is_taken(train):
    config, fitted = train(*NO_PATIENCE)
    assert checkpoints(config) == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    best = load_file(config.output / "checkpoints" / "checkpoint-1" / "model.safetensors")
    assert all(torch.equal(fitted.model.state_dict()[name], weights) for name, weights in best.items())


def test_a_run_that_had_stopped_is_not_trained_on(train):
    config, fitted = train(*NO_PATIENCE)
    before = {path: path.stat().st_mtime_ns for path in config.output.rglob("*.safetensors")}
    _, again = train(*NO_PATIENCE)
    assert {path: path.stat().st_mtime_ns for path in config.output.rglob("*.safetensors")} == before
    assert again.macro_f1 == fitted.macro_f1
    assert_same_weights(again.model, fitted.model)


def test_a_run_that_goes_on_remembers_how_long_it_has_waited(train):
    config, _ = train(*NO_PATIENCE)
    shutil.rmtree(config.output / "checkpoints" / "checkpoint-3")
    train(*NO_PATIENCE)
    assert checkpoints(config) == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]


# --- means with other models


def test_another_bundle_has_an_equal_share_in_the_weights(train, tiny_bundle):
    config, alone = train()
    mixed = load_config(
        config.output.parent / "run.yaml",
        [f"output={config.output}-mixed", f"recipe.average_with=[{tiny_bundle}]"],
    )
    found = fit_seeds(mixed, read_splits(mixed)).model.state_dict()
    other = load_file(tiny_bundle / "model.safetensors")
    for name, weights in alone.model.state_dict().items():
        torch.testing.assert_close(found[name], (weights + other[name]) / 2)
    assert not torch.equal(found["classifier.weight"], alone.model.classifier.weight)


def test_a_bundle_that_does_not_go_with_the_run_is_told_before_training(
    train, tiny_bundle, bert_wordpiece_encoder, tmp_path
):
    config, _ = train()
    path = config.output.parent / "run.yaml"
    wanted = [f"recipe.average_with=[{tiny_bundle}]", f"output={tmp_path / 'refused'}"]
    for override, differing in (
        ("window.pooling=separator", "another pooling than"),
        ("normalization.scheme=arabert-v02", "another normalization than"),
        (f"encoder.path={bert_wordpiece_encoder}", "another shape and another vocabulary than"),
    ):
        refused = load_config(path, [*wanted, override])
        with pytest.raises(ConfigError, match=differing):
            fit_seeds(refused, read_splits(refused))
        assert not refused.output.exists()


def test_an_encoder_that_was_never_trained_is_nothing_to_average_with(train, tiny_encoder):
    config, _ = train()
    path = config.output.parent / "run.yaml"
    refused = load_config(path, [f"recipe.average_with=[{tiny_encoder}]"])
    with pytest.raises(BundleError, match=r"is no khabar model, it lacks khabar\.json"):
        fit_seeds(refused, read_splits(refused))


# --- adapters


@OLD_NAMES
def test_adapters_are_merged_into_an_ordinary_model(train):
    config, fitted = train(LORA, "training.save_steps=3")
    start = load_start(config)[0]
    assert type(fitted.model) is type(start)
    changed = differing(fitted.model, start)
    adapted = {
        f"bert.encoder.layer.{layer}.attention.self.{name}.weight"
        for layer in range(start.config.num_hidden_layers)
        for name in ("query", "value")
    }
    assert changed == adapted | {"classifier.weight", "classifier.bias"}

    # It says what encoder and adapters say together.
    apart = PeftModel.from_pretrained(start, str(config.output / "checkpoints" / "checkpoint-3")).eval()
    ids = torch.arange(20, 60).reshape(2, 20)
    with torch.inference_mode():
        torch.testing.assert_close(fitted.model.eval()(ids).logits, apart(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_run_with_adapters_goes_on_from_a_checkpoint(train):
    config, undisturbed = train(LORA, "recipe.probe_articles=9", "training.save_steps=1")
    for name in ("checkpoint-2", "checkpoint-3"):
        shutil.rmtree(config.output / "checkpoints" / name)
    _, resumed = train(LORA, "recipe.probe_articles=9", "training.save_steps=1")
    assert_same_weights(resumed.model, undisturbed.model)


def test_adapters_learn_at_the_rates_of_the_recipe(train):
    config, fitted = train(LORA, "training.learning_rate=1e-12", "recipe.head_learning_rate=0.1")
    moved = (fitted.model.classifier.weight - load_start(config)[0].classifier.weight).abs().max()
    assert moved > 0.05
    query = "bert.encoder.layer.0.attention.self.query.weight"
    torch.testing.assert_close(fitted.model.get_parameter(query), load_start(config)[0].get_parameter(query))


def test_all_linear_layers_but_the_classifier_can_have_adapters(train):
    config, fitted = train("recipe.lora={r: 2, target_modules: all-linear}")
    changed = differing(fitted.model, load_start(config)[0])
    assert "bert.encoder.layer.0.intermediate.dense.weight" in changed
    assert "bert.encoder.layer.0.intermediate.dense.bias" not in changed


def test_layers_that_are_not_there_are_told_with_those_that_are(train):
    with pytest.raises(ConfigError, match=r"target_modules is \('qeury',\).*: dense, key, query, value\."):
        train("recipe.lora={target_modules: [qeury]}")


# --- averages


@OLD_NAMES
@pytest.mark.parametrize("adapters", [(), (LORA,)])
def test_the_last_checkpoints_are_averaged(train, adapters):
    config, fitted = train(*SAVES, "recipe.average_checkpoints=2", *adapters)
    found = []
    for name in ("checkpoint-2", "checkpoint-3"):
        folder = config.output / "checkpoints" / name
        if adapters:
            model = PeftModel.from_pretrained(load_start(config)[0], str(folder)).merge_and_unload()
            found.append(model.state_dict())
        else:
            found.append(load_file(folder / "model.safetensors"))
    for name, weights in fitted.model.state_dict().items():
        torch.testing.assert_close(weights, (found[0][name] + found[1][name]) / 2)
    assert differing(fitted.model, load_start(config)[0])
    assert 0 <= fitted.macro_f1 <= 1


def test_fewer_checkpoints_than_were_asked_for_are_averaged_with_a_warning(train, caplog):
    config, fitted = train("recipe.average_checkpoints=5", "training.save_steps=2")
    assert checkpoints(config) == ["checkpoint-2", "checkpoint-3"]
    assert "average_checkpoints is 5, but the run left 2" in caplog.text
    assert fitted.macro_f1 is None
