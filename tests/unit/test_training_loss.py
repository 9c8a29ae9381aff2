"""What a recipe's options make of the loss, beside formulas written out."""

from types import SimpleNamespace

import pytest
import torch
from labelled_articles import BUDGET, FERRY, FERRY_FOLLOWED_UP, article

from khabar import Label
from khabar.config import RecipeConfig
from khabar.errors import ConfigError
from khabar.training import CODES, IGNORED, LABELS, SentenceLoss, class_weights, loss_of, soft_target

TARGETS = [(0, None), (2, None), (3, 1), (1, None), (2, 0), (2, None)]
"""Index of the label, and of the second one."""


@pytest.fixture
def batch():
    """Logits and labels of two windows with three sentences of one token each."""
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(2, 4, 4, generator=generator)
    codes = [CODES + first + (0 if second is None else 4 * (1 + second)) for first, second in TARGETS]
    labels = torch.tensor([[IGNORED, *codes[:3]], [IGNORED, *codes[3:]]])
    return SimpleNamespace(logits=logits.requires_grad_()), labels


def expected(logits, *, gamma=0.0, weights=(1, 1, 1, 1), second_label=0.0, smoothing=0.0):
    """The mean loss, written out sentence by sentence and label by label."""
    total = 0.0
    for row, (first, second) in zip(logits[:, 1:].reshape(-1, 4), TARGETS, strict=True):
        also = () if second is None else (LABELS[second],)
        target = soft_target(LABELS[first], also, second_label)
        for index, log in enumerate(torch.log_softmax(row, 0)):
            wanted = (1 - smoothing) * target[index] + smoothing / 4
            total += -weights[index] * wanted * (1 - log.exp()) ** gamma * log
    return total.item() / len(TARGETS)


@pytest.mark.parametrize(
    "options",
    [
        {"gamma": 2.0},
        {"gamma": 0.5},
        {"weights": (2.0, 1.0, 0.5, 3.0)},
        {"gamma": 1.5, "weights": (2.0, 1.0, 0.5, 3.0)},
        {"gamma": 2.0, "weights": (1.0, 4.0, 1.0, 1.0), "second_label": 0.25, "smoothing": 0.1},
    ],
)
def test_the_loss_is_that_of_its_formula(batch, options):
    outputs, labels = batch
    loss = SentenceLoss(
        second_label=options.get("second_label", 0.0),
        label_smoothing=options.get("smoothing", 0.0),
        focal_gamma=options.get("gamma", 0.0),
        class_weights=options.get("weights"),
    )(outputs, labels)
    assert loss.item() == pytest.approx(expected(outputs.logits, **options), rel=1e-5)
    assert loss.item() != pytest.approx(expected(outputs.logits), rel=1e-3)


def test_a_focal_loss_counts_less_of_what_is_already_sure():
    sure = torch.tensor([[[0.0] * 4, [4.0, 0, 0, 0]]])
    unsure = torch.tensor([[[0.0] * 4, [0.5, 0, 0, 0]]])
    labels = torch.tensor([[IGNORED, CODES]])

    def shares(logits):
        plain = SentenceLoss()(SimpleNamespace(logits=logits), labels)
        return (SentenceLoss(focal_gamma=2)(SimpleNamespace(logits=logits), labels) / plain).item()

    assert shares(sure) < 0.01
    assert shares(unsure) > 0.3


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_a_sentence_of_which_the_model_is_entirely_sure_has_a_slope_that_is_a_number(gamma):
    logits = torch.tensor([[[0.0] * 4, [200.0, 0, 0, 0]]], requires_grad=True)
    SentenceLoss(focal_gamma=gamma)(
        SimpleNamespace(logits=logits), torch.tensor([[IGNORED, CODES]])
    ).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_parts_of_a_step_add_up_to_its_loss(batch):
    outputs, labels = batch
    # Another number of sentences in each: a mean of means would be another one.
    labels[1, 2:] = IGNORED
    whole = SentenceLoss()(outputs, labels)
    sentences = (labels != IGNORED).sum()
    parts = [
        SentenceLoss()(
            SimpleNamespace(logits=outputs.logits[[row]]), labels[[row]], num_items_in_batch=sentences
        )
        for row in (0, 1)
    ]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-6)
    means = [SentenceLoss()(SimpleNamespace(logits=outputs.logits[[row]]), labels[[row]]) for row in (0, 1)]
    assert (sum(means) / 2).item() != pytest.approx(whole.item(), rel=1e-3)
    # As the Trainer does where one process drives two GPUs: it multiplies by two what comes back.
    repeated = sentences.unsqueeze(0).expand(2, -1)
    assert 2 * SentenceLoss()(outputs, labels, num_items_in_batch=repeated).item() == pytest.approx(
        whole.item()
    )


ARTICLES = [
    article("a", FERRY),
    article("b", FERRY_FOLLOWED_UP),
    article("c", [*BUDGET, ("اقرأ أيضا", None)]),
]


def test_balanced_weights_make_all_labels_weigh_the_same():
    labels = [unit.label for one in ARTICLES for unit in one.sentences if unit.label is not None]
    weights = dict(zip(LABELS, class_weights("balanced", ARTICLES), strict=True))
    together = {label: weights[label] * labels.count(label) for label in LABELS}
    assert together == pytest.approx(dict.fromkeys(LABELS, len(labels) / 4))
    assert sum(weights[label] for label in labels) / len(labels) == pytest.approx(1)


def test_a_label_that_is_not_there_cannot_be_balanced():
    with pytest.raises(ConfigError, match=r"no training sentence is labelled casualty_report; label some"):
        class_weights("balanced", [article("a", FERRY)])


def test_weights_by_label_are_one_where_none_is_given():
    assert class_weights({Label.CLAIM: 2.5}, []) == (1.0, 1.0, 2.5, 1.0)
    assert class_weights(None, []) is None


def test_a_recipe_reaches_the_loss():
    recipe = RecipeConfig(
        second_label=0.2, label_smoothing=0.1, focal_gamma=2, class_weights={Label.BACKGROUND: 0.5}
    )
    assert loss_of(recipe, ARTICLES) == SentenceLoss(0.2, 0.1, 2.0, (1.0, 1.0, 1.0, 0.5))
    assert loss_of(RecipeConfig(), []) == SentenceLoss()
