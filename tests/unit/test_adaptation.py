import gzip
import json
import shutil

import pytest
import torch
from tiny_models import SENTENCES
from transformers import AutoTokenizer

from khabar import Label
from khabar.adaptation import (
    AdaptationModel,
    MaskingCollator,
    adapt,
    gold_rows,
    read_unlabelled,
    soft_rows,
    teach,
)
from khabar.bundle import load_bundle
from khabar.config import load_adapt_config, load_config
from khabar.corpus import read_jsonl
from khabar.encode import Window
from khabar.errors import BundleError, ConfigError, DataError
from khabar.training import IGNORED, LABELS, load_start, soft_target


def write_articles(path, texts):
    lines = "".join(json.dumps({"title": None, "text": text}, ensure_ascii=False) + "\n" for text in texts)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(lines, encoding="utf-8")


@pytest.fixture
def unlabelled(tmp_path):
    """Two outlets, one of them compressed."""
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    texts = ["\n".join(SENTENCES[start : start + 5]) for start in range(8)]
    write_articles(folder / "first.jsonl", texts[:5])
    write_articles(folder / "second.jsonl.gz", texts[5:])
    return folder


@pytest.fixture
def make_config(tmp_path, tiny_encoder, tiny_bundle, labelled_file, unlabelled):
    def made(*overrides, encoder=tiny_encoder):
        path = tmp_path / "adapt.yaml"
        path.write_text(
            f"output: {tmp_path / 'run'}\n"
            f"data: {{path: {labelled_file}}}\n"
            f"unlabelled: {{path: {unlabelled}, teacher: {tiny_bundle}}}\n"
            f"encoder: {{path: {encoder}}}\n"
            "window: {max_tokens: 96, max_sentence_tokens: 40, context: 2}\n"
            "recipe: {head_learning_rate: 0.01, second_label: 0.25}\n"
            "training: {use_cpu: true, report_to: none, disable_tqdm: true, max_steps: 6, logging_steps: 1,"
            " learning_rate: 0.001, per_device_train_batch_size: 4, save_strategy: steps, save_steps: 2}\n",
            encoding="utf-8",
        )
        return load_adapt_config(path, list(overrides))

    return made


# --- articles without labels


def test_articles_of_all_files_are_read(unlabelled):
    articles = read_unlabelled(unlabelled, None, 1)
    assert len(articles) == 8
    assert articles[5] == ("\n".join(SENTENCES[5:10]), None)


def test_so_many_of_each_outlet_are_drawn_with_the_seed(unlabelled):
    drawn = read_unlabelled(unlabelled, 3, 1)
    assert len(drawn) == 6
    every = read_unlabelled(unlabelled, None, 1)
    assert drawn == [one for one in every if one in drawn]
    assert drawn == read_unlabelled(unlabelled, 3, 1)
    assert any(drawn != read_unlabelled(unlabelled, 3, seed) for seed in range(2, 6))


def test_a_folder_without_articles_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no \.jsonl or \.jsonl\.gz file .* set unlabelled\.path"):
        read_unlabelled(tmp_path, None, 1)


@pytest.mark.parametrize("line", ['{"title": "x"}', "[]", "{", '{"text": 3}', '{"text": "a", "title": 1}'])
def test_a_line_that_is_no_article_is_told_with_its_place(unlabelled, line):
    path = unlabelled / "third.jsonl"
    path.write_text('{"text": "خبر"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"third\.jsonl, line 3: "):
        read_unlabelled(unlabelled, None, 1)


def test_a_file_that_is_not_compressed_as_its_name_says_is_told(unlabelled):
    (unlabelled / "third.jsonl.gz").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"third\.jsonl\.gz"):
        read_unlabelled(unlabelled, None, 1)


# --- targets


def test_a_second_label_gets_its_share_of_the_target():
    assert soft_target(Label.CLAIM, (), 0.25) == [float(label is Label.CLAIM) for label in LABELS]
    target = soft_target(Label.CLAIM, (Label.BACKGROUND,), 0.25)
    assert dict(zip(LABELS, target, strict=True)) == {
        Label.CLAIM: 0.75,
        Label.BACKGROUND: 0.25,
        Label.CASUALTY_REPORT: 0.0,
        Label.OFFICIAL_STATEMENT: 0.0,
    }


def test_gold_rows_hold_every_labelled_sentence_once(make_config, labelled_file):
    _, _, encoder = load_start(make_config())
    articles = read_jsonl(labelled_file)
    rows = gold_rows(articles, encoder, 0.25)
    wanted = [unit for article in articles for unit in article.sentences if unit.label is not None]
    found = [target for row in rows for target in row["targets"]]
    assert found == [soft_target(unit.label, unit.also, 0.25) for unit in wanted]
    for row in rows:
        assert len(row["ordinals"]) == len(row["input_ids"]) == row["length"]
        assert set(row["ordinals"]) - {IGNORED} == set(range(len(row["targets"])))


def test_the_teacher_labels_as_the_annotator_does(unlabelled, tiny_bundle):
    from khabar import Annotator

    rows = teach(read_unlabelled(unlabelled, None, 1), load_bundle(tiny_bundle), 3, batch=3)
    assert len(rows) == 8
    annotator = Annotator.from_pretrained(tiny_bundle, backend="torch")
    first = annotator.annotate("\n".join(SENTENCES[:5])).sentences
    expected = torch.tensor([[sentence.scores[label] for label in LABELS] for sentence in first])
    # One of the article's windows was drawn, and the teacher reads in 16 bits.
    found = torch.tensor(rows[0]["targets"])
    assert any(
        torch.allclose(found, expected[start : start + len(found)], atol=0.05)
        for start in range(len(expected) - len(found) + 1)
    )


# --- batches


@pytest.fixture
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def test_batches_hide_tokens_and_no_specials(tokenizer):
    windows = [Window([0, *range(10, 60), 2], [(1, 52)], [0]), Window([0, *range(30, 60), 2], [(1, 32)], [0])]
    rows = list(soft_rows(windows * 40, [[[1.0, 0.0, 0.0, 0.0]]] * 80))
    torch.manual_seed(0)
    batch = MaskingCollator(tokenizer, 0.2)(rows)
    original = torch.tensor([row["input_ids"] + [1] * (52 - row["length"]) for row in rows])
    asked = batch["hidden"] != IGNORED
    assert torch.equal(batch["hidden"][asked], original[asked])
    assert torch.equal(batch["input_ids"][~asked], original[~asked])
    assert not asked[torch.isin(original, torch.tensor([0, 1, 2, 3]))].any()
    assert asked.sum() / (original > 3).sum() == pytest.approx(0.2, abs=0.03)
    masked = batch["input_ids"][asked] == tokenizer.mask_token_id
    assert masked.float().mean() == pytest.approx(0.8, abs=0.05)
    kept = batch["input_ids"][asked] == original[asked]
    assert kept.float().mean() == pytest.approx(0.1, abs=0.04)
    assert torch.equal(batch["attention_mask"], (original != 1).long())


def test_batches_count_through_their_targets(tokenizer):
    windows = [Window([0, 10, 11, 2, 12, 2], [(1, 4), (4, 6)], [0, 1]), Window([0, 13, 2], [(1, 3)], [0])]
    rows = list(soft_rows(windows, [[None, [0, 1, 0, 0]], [[0, 0, 1, 0]]]))
    batch = MaskingCollator(tokenizer, 0.5)(rows)
    i = IGNORED
    assert batch["ordinals"].tolist() == [[i, i, i, i, 0, 0], [i, 1, 1, i, i, i]]
    assert batch["targets"].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_a_tokenizer_without_a_mask_is_refused(tokenizer):
    tokenizer.mask_token = None
    with pytest.raises(ConfigError, match="lacks a mask"):
        MaskingCollator(tokenizer, 0.15)


# --- the model


@pytest.mark.parametrize(("hidden_weight", "label_weight"), [(1.0, 0.0), (0.0, 2.0), (1.0, 2.0)])
def test_the_loss_is_that_of_both_heads(make_config, tokenizer, hidden_weight, label_weight):
    base, *_ = load_start(make_config())
    model = AdaptationModel(base, hidden_weight=hidden_weight, label_weight=label_weight).eval()
    windows = [Window([0, 10, 11, 2, 12, 2], [(1, 4), (4, 6)], [0, 1]), Window([0, 13, 2], [(1, 3)], [0])]
    targets = [[[0.25, 0.75, 0, 0], [0, 1, 0, 0]], [[0, 0, 1, 0]]]
    torch.manual_seed(1)
    batch = MaskingCollator(tokenizer, 0.5)(list(soft_rows(windows, targets)))
    assert (batch["hidden"] != IGNORED).any()

    states = base.base_model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
    ).last_hidden_state
    expected = torch.tensor(0.0)
    asked = batch["hidden"] != IGNORED
    scores = model.transform(states[asked]) @ base.get_input_embeddings().weight.T + model.bias
    expected = expected + hidden_weight * torch.nn.functional.cross_entropy(scores, batch["hidden"][asked])
    logits = base.classifier(states)
    pooled = torch.stack([logits[0, 1:4].mean(0), logits[0, 4:6].mean(0), logits[1, 1:3].mean(0)])
    wanted = torch.tensor([target for row in targets for target in row])
    per_sentence = -(wanted * torch.log_softmax(pooled, -1)).sum(-1)
    expected = expected + label_weight * per_sentence.mean()
    assert model(**batch)["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_without_weight_hidden_tokens_cost_nothing_and_are_not_learnt(make_config, tokenizer, monkeypatch):
    model = AdaptationModel(load_start(make_config())[0], hidden_weight=0.0, label_weight=1.0)
    rows = soft_rows([Window([0, 10, 11, 2], [(1, 4)], [0])], [[[0.25, 0.75, 0, 0]]])
    torch.manual_seed(1)
    batch = MaskingCollator(tokenizer, 0.5)(list(rows))
    assert (batch["hidden"] != IGNORED).any()
    monkeypatch.setattr(model.transform, "forward", None)
    model(**batch)["loss"].backward()
    without = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert without == {
        "bias",
        *(name for name, _ in model.named_parameters() if name.startswith("transform.")),
    }
    assert model.model.get_input_embeddings().weight.grad is not None


def test_no_token_is_hidden_where_none_is_to_be(tokenizer):
    rows = soft_rows([Window([0, *range(10, 60), 2], [(1, 52)], [0])], [[[1, 0, 0, 0]]])
    batch = MaskingCollator(tokenizer, 0.0)(list(rows))
    assert (batch["hidden"] == IGNORED).all()
    assert batch["input_ids"].tolist() == [rows[0]["input_ids"]]


def test_a_batch_in_which_nothing_is_asked_has_no_loss(make_config):
    base, *_ = load_start(make_config())
    model = AdaptationModel(base, hidden_weight=1, label_weight=1)
    nothing = torch.full((1, 4), IGNORED)
    loss = model(torch.tensor([[0, 10, 11, 2]]), torch.ones(1, 4), nothing, nothing, torch.zeros(0, 4))[
        "loss"
    ]
    assert loss.item() == 0


# --- the run


@pytest.mark.slow
def test_a_run_leaves_an_encoder_that_training_takes(make_config, tmp_path):
    config = make_config()
    folder = adapt(config)
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    run = tmp_path / "run.yaml"
    run.write_text(
        f"output: {tmp_path / 'next'}\ndata: {{path: {config.data.path}}}\nencoder: {{path: {folder}}}\n"
        "window: {max_tokens: 96, max_sentence_tokens: 40}\ntraining: {seed: 99}\n",
        encoding="utf-8",
    )
    # The classification layer comes along: another seed does not start it at random.
    first, again = (load_start(load_config(run, [f"training.seed={seed}"]))[0] for seed in (1, 2))
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    before = load_start(config)[0]
    assert not torch.equal(
        before.base_model.embeddings.word_embeddings.weight, first.get_input_embeddings().weight
    )


@pytest.mark.slow
def test_a_probe_starts_the_layer_where_it_already_tells_labels_apart(make_config, monkeypatch):
    begun = []

    class Watched(AdaptationModel):
        def __init__(self, model, **weights):
            begun.append(model.classifier.weight.detach().clone())
            super().__init__(model, **weights)

    monkeypatch.setattr("khabar.adaptation.AdaptationModel", Watched)
    config = make_config("recipe.probe_articles=4", "training.max_steps=2")
    adapt(config)
    at_random = load_start(config)[0].classifier.weight
    assert not torch.allclose(begun[0], at_random)
    # Going on, it is the checkpoint's layer that counts, and fitting one would be time lost.
    shutil.rmtree(config.output / "encoder")
    monkeypatch.setattr("khabar.adaptation.probe_head", None)
    assert adapt(config).is_dir()


@pytest.mark.slow
def test_a_run_that_stopped_goes_on_from_its_last_checkpoint(make_config, monkeypatch):
    config = make_config()
    adapt(config)
    # As a kill after the second checkpoint leaves it.
    checkpoints = config.output / "checkpoints"
    shutil.rmtree(checkpoints / "checkpoint-6")
    shutil.rmtree(config.output / "encoder")
    untouched = (checkpoints / "checkpoint-4" / "model.safetensors").read_bytes()

    def asked_again(*_, **__):
        raise AssertionError("the teacher was asked again")

    monkeypatch.setattr("khabar.adaptation.teach", asked_again)
    assert adapt(config).is_dir()
    assert (checkpoints / "checkpoint-4" / "model.safetensors").read_bytes() == untouched
    steps = [
        entry["step"]
        for entry in json.loads((checkpoints / "checkpoint-6" / "trainer_state.json").read_text("utf-8"))[
            "log_history"
        ]
        if "loss" in entry
    ]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_teacher_that_is_no_bundle_is_told(make_config, tmp_path):
    with pytest.raises(BundleError, match="no such folder"):
        adapt(make_config(f"unlabelled.teacher={tmp_path / 'nobody'}"))


def test_a_teacher_of_another_vocabulary_is_refused(make_config, bert_wordpiece_encoder):
    # It would read other words in the same ids.
    with pytest.raises(ConfigError, match=r"unlabelled\.teacher is .* whose vocabulary is not that of"):
        adapt(make_config(encoder=bert_wordpiece_encoder))


def test_a_teacher_without_full_weights_is_refused(make_config, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "graph-only")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"a teacher needs full weights, and model\.safetensors is missing"):
        adapt(make_config(f"unlabelled.teacher={folder}"))


def test_unknown_keys_are_told_with_the_nearest(make_config):
    with pytest.raises(ConfigError) as error:
        make_config("recipe.hidden_shar=0.2", "unlabelled.per_outlt=3", "recipe.seeds=[3]")
    assert "did you mean 'hidden_share'?" in str(error.value)
    assert "did you mean 'per_outlet'?" in str(error.value)
    assert "unknown key 'recipe.seeds'" in str(error.value)
