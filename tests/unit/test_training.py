import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import SENTENCES

from khabar import Label
from khabar.bundle import Settings, load_bundle, save_settings
from khabar.config import load_config
from khabar.corpus import read_jsonl
from khabar.encode import pool
from khabar.errors import ConfigError, DataError
from khabar.schema import LabelledArticle, LabelledSentence
from khabar.training import (
    CODES,
    IGNORED,
    LABELS,
    SentenceLoss,
    fit,
    freeze,
    load_start,
    mean_weights,
    parameter_groups,
    predicted_labels,
    probe_head,
    read_splits,
    sentence_logits,
    soft_target,
    window_dataset,
)

ENCODERS = ["tiny_encoder", "bert_wordpiece_encoder"]


@pytest.fixture
def make_config(tmp_path, tiny_encoder, labelled_file):
    def made(*overrides, encoder=tiny_encoder):
        path = tmp_path / "run.yaml"
        path.write_text(
            f"output: {tmp_path / 'run'}\n"
            f"data: {{path: {labelled_file}}}\n"
            f"encoder: {{path: {encoder}}}\n"
            "window: {max_tokens: 96, max_sentence_tokens: 40, context: 2}\n"
            "training: {use_cpu: true, report_to: none, disable_tqdm: true}\n",
            encoding="utf-8",
        )
        return load_config(path, list(overrides))

    return made


@pytest.fixture(params=ENCODERS)
def start(request, make_config):
    return load_start(make_config(encoder=request.getfixturevalue(request.param)))


def labelled(*labels, texts=SENTENCES):
    sentences, at = [], 0
    for index, label in enumerate(labels):
        text = texts[index % len(texts)]
        sentences.append(LabelledSentence("body", at, at + len(text), text, label))
        at += len(text) + 1
    return LabelledArticle("a", " ".join(s.text for s in sentences), None, tuple(sentences), "train")


MIXED = labelled(
    Label.CLAIM,
    None,
    Label.CLAIM,
    Label.BACKGROUND,
    Label.CASUALTY_REPORT,
    Label.OFFICIAL_STATEMENT,
    None,
    Label.CLAIM,
    Label.BACKGROUND,
    Label.CASUALTY_REPORT,
)


# --- data


def test_splits_are_read_by_name(make_config):
    splits = read_splits(make_config())
    assert (len(splits.train), len(splits.validation)) == (9, 2)
    other = read_splits(make_config("data.train_split=test", "data.validation_split=train"))
    assert (len(other.train), len(other.validation)) == (2, 9)


def test_some_training_articles_are_drawn_with_the_seed(make_config):
    def drawn(*overrides):
        return [article.id for article in read_splits(make_config(*overrides)).train]

    every = drawn()
    some = drawn("data.max_train_articles=4")
    assert len(some) == 4
    assert some == [one for one in every if one in some]
    assert drawn("data.max_train_articles=4") == some
    assert any(drawn("data.max_train_articles=4", f"training.seed={seed}") != some for seed in (1, 2, 3))
    assert drawn("data.max_train_articles=100") == every


def test_a_split_that_is_not_there_is_told_with_those_that_are(make_config):
    with pytest.raises(
        DataError, match=r"no article of split 'dev'; the splits are test, train, validation\."
    ):
        read_splits(make_config("data.validation_split=dev"))


def test_a_missing_file_is_told_with_the_key(make_config, tmp_path):
    with pytest.raises(DataError, match=r"none\.jsonl: no such file; .* data\.path=FILE "):
        read_splits(make_config(f"data.path={tmp_path}/none.jsonl"))


def test_splits_are_read_from_other_formats(make_config, tmp_path):
    path = tmp_path / "news.csv"
    rows = ["article_id,text,label,split"]
    rows += [f"{split}-1,{SENTENCES[0]},Claim,{split}" for split in ("train", "validation")]
    path.write_text("\n".join(rows), encoding="utf-8")
    splits = read_splits(make_config(f"data.path={path}", "data.columns={sentence: text}"))
    assert splits.train[0].sentences[0].label is Label.CLAIM
    with pytest.raises(ConfigError, match=r"^data: columns names 'sentense'"):
        read_splits(make_config(f"data.path={path}", "data.columns={sentense: text}"))


@pytest.mark.parametrize("pooling", ["mean", "separator"])
def test_labels_stand_where_sentences_close_and_nothing_is_learnt_from_furniture(start, pooling):
    encoder = start[2]
    encoder.window = replace(encoder.window, pooling=pooling)
    rows = window_dataset([MIXED, MIXED], encoder)
    windows = encoder.encode([sentence.text for sentence in MIXED.sentences]).windows
    assert len(rows) == 2 * len(windows) > 2
    for row, window in zip(rows, windows * 2, strict=True):
        assert row["input_ids"] == window.input_ids
        assert row["attention_mask"] == [1] * len(window.input_ids)
        assert row["length"] == len(window.input_ids)
        expected = [IGNORED] * len(window.input_ids)
        for (first, end), index in zip(window.spans, window.sentences, strict=True):
            label = MIXED.sentences[index].label
            if label is not None:
                expected[end - 1] = CODES * (end - first) + LABELS.index(label)
        assert row["labels"] == expected


@pytest.mark.parametrize("name", ENCODERS)
def test_inference_gives_the_model_the_ids_that_training_gave_it(
    request, make_config, tmp_path, labelled_file, name
):
    config = make_config(encoder=request.getfixturevalue(name))
    model, tokenizer, encoder = load_start(config)
    articles = read_jsonl(labelled_file)
    trained_on = window_dataset(articles, encoder)["input_ids"]

    model.save_pretrained(tmp_path / "bundle")
    tokenizer.save_pretrained(tmp_path / "bundle")
    save_settings(tmp_path / "bundle", Settings(normalization=config.normalization, window=config.window))
    saved = load_bundle(tmp_path / "bundle").encoder()
    encoded = saved.encode_many([[sentence.text for sentence in article.sentences] for article in articles])
    assert [window.input_ids for article in encoded for window in article.windows] == list(trained_on)


# --- logits and loss


def batch_of(rows, pad):
    """Pad rows to one length, as the collator does."""
    width = max(map(len, rows["labels"]))
    return torch.tensor([labels + [IGNORED] * (width - len(labels)) for labels in rows["labels"]])


@pytest.mark.parametrize("pooling", ["mean", "separator"])
def test_training_pools_as_inference_does(start, pooling):
    encoder = start[2]
    encoder.window = replace(encoder.window, pooling=pooling)
    article = labelled(*[LABELS[index % 4] for index in range(30)])
    windows = encoder.encode([sentence.text for sentence in article.sentences]).windows
    labels = batch_of(window_dataset([article], encoder), 0)
    logits = torch.randn(*labels.shape, 4, generator=torch.Generator().manual_seed(1))

    pooled, targets = sentence_logits(logits, labels)
    expected = np.concatenate(
        [
            pool(rows[: len(window.input_ids)].numpy(), window)
            for rows, window in zip(logits, windows, strict=True)
        ]
    )
    np.testing.assert_allclose(pooled.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert targets.tolist() == [LABELS.index(sentence.label) for sentence in article.sentences]


def test_loss_is_the_mean_over_sentences(start):
    encoder = start[2]
    rows = window_dataset([MIXED], encoder)
    labels = batch_of(rows, 0)
    logits = torch.randn(*labels.shape, 4, generator=torch.Generator().manual_seed(2), requires_grad=True)

    losses = []
    for row, windows in zip(logits, encoder.encode([s.text for s in MIXED.sentences]).windows, strict=True):
        for (start_at, end), index in zip(windows.spans, windows.sentences, strict=True):
            label = MIXED.sentences[index].label
            if label is not None:
                mean = row[start_at:end].mean(dim=0)
                losses.append(torch.logsumexp(mean, 0) - mean[LABELS.index(label)])

    class Outputs:
        pass

    outputs = Outputs()
    outputs.logits = logits
    assert len(losses) == 8
    loss = SentenceLoss()(outputs, labels)
    assert loss.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)
    # Of a step with 32 sentences these are a quarter.
    assert SentenceLoss()(outputs, labels, num_items_in_batch=torch.tensor(32)).item() == pytest.approx(
        loss.item() / 4
    )
    loss.backward()
    # Padding, the opening token, context and furniture have no say.
    inside = torch.zeros(labels.shape, dtype=torch.bool)
    for row, column in torch.nonzero(labels != IGNORED).tolist():
        inside[row, column + 1 - int(labels[row, column]) // CODES : column + 1] = True
    assert 0 < inside.sum() < inside.numel()
    assert (logits.grad.abs().sum(-1) > 0).equal(inside)


UNSURE = replace(
    MIXED,
    sentences=tuple(
        replace(sentence, also=(Label.BACKGROUND,)) if sentence.label is Label.CLAIM else sentence
        for sentence in MIXED.sentences
    ),
)


def test_a_second_label_is_coded_beside_the_first(start):
    rows = window_dataset([UNSURE], start[2])
    codes = {code % CODES for row in rows for code in row["labels"] if code != IGNORED}
    claim, background = LABELS.index(Label.CLAIM), LABELS.index(Label.BACKGROUND)
    others = {LABELS.index(s.label) for s in UNSURE.sentences if s.label not in (None, Label.CLAIM)}
    assert codes == {claim + len(LABELS) * (1 + background)} | others


@pytest.mark.parametrize(("second_label", "smoothing"), [(0.0, 0.0), (0.25, 0.0), (0.3, 0.1)])
def test_the_loss_is_the_cross_entropy_with_soft_targets(start, second_label, smoothing):
    labels = batch_of(window_dataset([UNSURE], start[2]), 0)
    logits = torch.randn(*labels.shape, 4, generator=torch.Generator().manual_seed(2))
    pooled, _ = sentence_logits(logits, labels)
    wanted = torch.tensor(
        [soft_target(s.label, s.also, second_label) for s in UNSURE.sentences if s.label is not None]
    )
    wanted = (1 - smoothing) * wanted + smoothing / 4
    expected = -(wanted * torch.log_softmax(pooled, -1)).sum(-1).mean()
    loss = SentenceLoss(second_label, smoothing)(SimpleNamespace(logits=logits), labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_batch_of_nothing_but_furniture_has_no_loss_and_no_harm():
    class Outputs:
        logits = torch.randn(2, 5, 4, requires_grad=True)

    loss = SentenceLoss()(Outputs, torch.full((2, 5), IGNORED))
    assert loss.item() == 0
    loss.backward()
    assert not Outputs.logits.grad.any()


def test_predictions_stand_where_sentences_close():
    i = IGNORED
    one, two = CODES, 2 * CODES
    labels = torch.tensor([[i, i, two, i, two + 1, i, one + 3], [i, i, i, two + 2, one + 2, i, i]])
    logits = torch.zeros(2, 7, 4)
    # Sentence means decide: a single strong token outweighs a weak one.
    logits[0, 1, 3], logits[0, 2, 1] = 5.0, 1.0
    logits[0, 3:5, 2] = 1.0
    logits[0, 6, 0] = 1.0
    logits[1, 2:4, 1] = 1.0
    logits[1, 4, 3] = 1.0
    logits[1, 5] = 100.0
    assert predicted_labels(logits, labels).tolist() == [[i, i, 3, i, 2, i, 0], [i, i, i, 1, 3, i, i]]
    nothing = torch.full((1, 4), i)
    assert predicted_labels(torch.zeros(1, 4, 4), nothing).tolist() == nothing.tolist()


# --- the start of a run


def test_the_new_layer_fits_better_after_probing(make_config):
    from transformers import DataCollatorForTokenClassification

    model, tokenizer, encoder = load_start(make_config())
    splits = read_splits(make_config())
    rows = window_dataset(splits.train, encoder)
    collator = DataCollatorForTokenClassification(tokenizer)

    def loss():
        batch = collator(list(rows.select_columns(["input_ids", "attention_mask", "labels"])))
        labels = batch.pop("labels")
        with torch.inference_mode():
            return SentenceLoss()(model.eval()(**batch), labels).item()

    before = loss()
    probe_head(model, rows, collator)
    # A layer that knows no more than how frequent the labels are comes to about 1.3.
    assert loss() < min(before, 1.25)


@pytest.mark.parametrize("articles", [[], [labelled(None, None)], [labelled(Label.CLAIM, Label.BACKGROUND)]])
def test_probing_needs_all_labels(make_config, articles):
    from transformers import DataCollatorForTokenClassification

    model, tokenizer, encoder = load_start(make_config())
    with pytest.raises(ConfigError, match="do not have all four labels; raise the number"):
        probe_head(model, window_dataset(articles, encoder), DataCollatorForTokenClassification(tokenizer))


def test_probing_needs_a_linear_layer(make_config):
    from transformers import DataCollatorForTokenClassification

    model, tokenizer, encoder = load_start(make_config())
    model.classifier = torch.nn.Sequential(model.classifier)
    with pytest.raises(ConfigError, match="no linear layer 'classifier' to fit; leave the key out"):
        probe_head(model, window_dataset([MIXED], encoder), DataCollatorForTokenClassification(tokenizer))


def test_the_same_seed_starts_from_the_same_weights(make_config):
    first, again, other = (
        load_start(make_config(f"training.seed={seed}"))[0].classifier.weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- what learns, and how fast


def names_that_learn(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_embeddings_and_lower_layers_are_frozen(start, layers):
    model = start[0]
    freeze(model, layers)
    frozen = {name for name, _ in model.named_parameters()} - names_that_learn(model)
    prefixes = ("bert.embeddings.", *(f"bert.encoder.layer.{index}." for index in range(layers)))
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith(prefixes)}
    assert frozen


def test_more_layers_than_there_are_cannot_be_frozen(start):
    with pytest.raises(ConfigError, match=r"recipe\.freeze_layers is 4, but the encoder has 3 layers"):
        freeze(start[0], 4)


def test_each_layer_learns_slower_than_the_one_above(start):
    model = start[0]
    groups = parameter_groups(
        model,
        SimpleNamespace(learning_rate=0.1, weight_decay=0.01),
        head_rate=0.7,
        layer_decay=0.5,
        layers=3,
    )
    rates = {id(parameter): group for group in groups for parameter in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    expected = {
        "bert.embeddings.word_embeddings.weight": (0.0125, 0.01),
        "bert.encoder.layer.0.attention.self.query.weight": (0.025, 0.01),
        "bert.encoder.layer.2.output.dense.weight": (0.1, 0.01),
        "bert.encoder.layer.2.output.dense.bias": (0.1, 0.0),
        "bert.encoder.layer.1.output.LayerNorm.weight": (0.05, 0.0),
        "classifier.weight": (0.7, 0.01),
        "classifier.bias": (0.7, 0.0),
    }
    for name, (rate, decay) in expected.items():
        group = rates[id(model.get_parameter(name))]
        assert (group["lr"], group["weight_decay"]) == pytest.approx((rate, decay))


def test_weights_of_several_models_are_averaged(make_config):
    models = [load_start(make_config(f"training.seed={seed}"))[0] for seed in (1, 2, 3)]
    mean = mean_weights(models, [0.5, 0.25, 0.25])
    assert mean.keys() == models[0].state_dict().keys()
    expected = sum(
        share * model.classifier.weight for share, model in zip([0.5, 0.25, 0.25], models, strict=True)
    )
    torch.testing.assert_close(mean["classifier.weight"], expected)


def test_a_trained_layer_comes_along_in_the_order_of_the_labels(make_config, tiny_bundle, tmp_path):
    trained = load_start(make_config(encoder=tiny_bundle))[0]
    folder = shutil.copytree(tiny_bundle, tmp_path / "turned")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = list(config["id2label"].values())[::-1]
    config["id2label"] = dict(enumerate(names))
    config["label2id"] = {name: index for index, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    turned = load_start(make_config(encoder=folder))[0]
    assert torch.equal(turned.classifier.weight, trained.classifier.weight.flip(0))
    assert torch.equal(turned.classifier.bias, trained.classifier.bias.flip(0))
    assert turned.config.id2label == dict(enumerate(map(str, Label)))
    assert turned.dtype == torch.float32


def test_a_share_of_the_start_and_a_probe_exclude_each_other(make_config):
    with pytest.raises(ConfigError, match=r"start_share keeps a layer .* leave one of them out"):
        make_config("recipe.start_share=0.5", "recipe.probe_articles=3")


def test_names_of_the_labels_are_in_the_config(start):
    assert start[0].config.id2label == dict(enumerate(map(str, Label)))


def test_overrides_reach_the_encoder(make_config):
    model, *_ = load_start(make_config("encoder.overrides.attention_probs_dropout_prob=0.0"))
    assert model.config.attention_probs_dropout_prob == 0


def test_an_override_that_the_encoder_does_not_know_is_refused(make_config):
    with pytest.raises(ConfigError, match=r"no key 'hidden_dropout' .*did you mean 'hidden_dropout_prob'\?"):
        load_start(make_config("encoder.overrides.hidden_dropout=0.0"))


def test_an_encoder_that_is_not_there_is_told_with_the_way_to_it(make_config, tmp_path):
    with pytest.raises(ConfigError, match=r"no such folder or hub name .*build_base\.py"):
        load_start(make_config(encoder=tmp_path / "nowhere"))


def test_windows_longer_than_the_encoder_reads_are_refused(make_config):
    with pytest.raises(ConfigError, match=r"window\.max_tokens is 129, but .* has 128 positions; lower it"):
        load_start(make_config("window.max_tokens=129"))


@pytest.mark.parametrize("override", ["training.eval_strategy=sometimes", "training.save_strategy=[1]"])
def test_training_arguments_that_the_trainer_refuses_are_told(make_config, override):
    config = make_config(override)
    with pytest.raises(ConfigError, match=r"^training: "):
        fit(config, read_splits(config))
    assert not (config.output / "training.yaml").exists()
