import inspect
import re
from pathlib import Path

import pytest

from khabar.arabic import Normalization
from khabar.config import load_config
from khabar.encode import WindowOptions
from khabar.errors import ConfigError

GOOD = """
output: runs/one
data:
  path: labelled.jsonl
encoder:
  path: build/base-encoder
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "run.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def complaints(path, overrides=()):
    with pytest.raises(ConfigError) as caught:
        load_config(path, list(overrides))
    return str(caught.value).splitlines()


def test_what_is_not_said_has_its_default(write):
    config = load_config(write(GOOD))
    assert config.output == Path("runs/one")
    assert config.data.path == Path("labelled.jsonl")
    assert (config.data.train_split, config.data.validation_split) == ("train", "validation")
    assert config.data.max_train_articles is None
    assert config.window == WindowOptions()
    assert config.normalization == Normalization()
    assert config.training == config.encoder.overrides == {}
    assert config.recipe.head_learning_rate is None


def test_every_section_arrives(write):
    config = load_config(
        write(
            GOOD
            + """
window: {max_tokens: 128, max_sentence_tokens: 64, context: 1, pooling: separator, max_sentences: 4}
normalization: {tashkeel: false}
recipe: {head_learning_rate: 1e-3, probe_articles: 10}
training: {seed: 3, learning_rate: 5.0e-5, eval_strategy: steps, save_total_limit: null}
"""
        )
    )
    assert config.window == WindowOptions(128, 64, 1, "separator", 4)
    assert config.normalization == Normalization(tashkeel=False)
    assert (config.recipe.head_learning_rate, config.recipe.probe_articles) == (0.001, 10)
    assert config.training == {
        "seed": 3,
        "learning_rate": 5e-5,
        "eval_strategy": "steps",
        "save_total_limit": None,
    }


def test_overrides_win_and_are_yaml(write):
    config = load_config(
        write(GOOD + "training:\n  seed: 3\n"),
        [
            "output=runs/two",
            "data.path=a=b.jsonl",
            "training.seed=4",
            "training.learning_rate=2e-4",
            "training.bf16=true",
            "window.max_sentences=null",
            "encoder.overrides.hidden_dropout_prob=0.0",
        ],
    )
    assert config.output == Path("runs/two")
    assert config.data.path == Path("a=b.jsonl")
    assert config.training == {"seed": 4, "learning_rate": 2e-4, "bf16": True}
    assert config.encoder.overrides == {"hidden_dropout_prob": 0.0}


def test_an_override_fills_a_section_that_is_there_by_name_only(write):
    text = "output: o\ndata:\nencoder: {path: e}\n"
    assert load_config(write(text), ["data.path=x.jsonl"]).data.path == Path("x.jsonl")


@pytest.mark.parametrize("number", ["1e-4", "1.0e-4", "1E-4", "0.0001"])
def test_a_number_is_a_number_however_it_is_written(write, number):
    # YAML 1.1 takes 1e-4 for a text, and the optimizer would stumble over it in the middle of a run.
    config = load_config(write(GOOD + f"training: {{learning_rate: {number}}}\n"))
    assert config.training["learning_rate"] == 1e-4


def test_a_bare_no_is_a_strategy(write):
    """YAML reads it as false, and messages say «set training.eval_strategy=no»."""
    config = load_config(
        write(GOOD + "training: {save_strategy: no, bf16: no}\n"), ["training.eval_strategy=no"]
    )
    assert config.training == {"save_strategy": "no", "bf16": False, "eval_strategy": "no"}


def test_every_problem_is_reported_at_once_with_its_remedy(write):
    path = write(
        """
output: runs/one
data: {path: x.jsonl, test_split: test, max_train_articles: 0}
encoder: {}
windows: {max_tokens: 64}
window: {max_token: 64}
recipe: {head_learning_rate: fast}
normalization: {tatwil: false}
training: {epoch: 3, zzz: 1, num_train_epoch: 3, seed: 1, output_dir: x, learning_rate: fast, bf16: 1}
"""
    )
    found = complaints(path, ["training", "training.seed.x=1", "a=[", ".b=1"])
    told = "\n".join(found)
    for said in (
        "unknown key 'windows'; did you mean 'window'?",
        "unknown key 'data.test_split'",
        "data.max_train_articles is 0",
        "key 'encoder.path' is missing",
        "unknown key 'window.max_token'; did you mean 'max_tokens'?",
        "recipe.head_learning_rate is 'fast'",
        "unknown key 'normalization.tatwil'; did you mean 'tatweel'?",
        "unknown key 'training.epoch'; did you mean 'num_train_epochs'?",
        "unknown key 'training.zzz'; the keys are the arguments of transformers.TrainingArguments.",
        "unknown key 'training.num_train_epoch'; did you mean 'num_train_epochs'?",
        "unknown key 'training.output_dir'; set the key output instead",
        "training.learning_rate is 'fast', expected float",
        "training.bf16 is 1, expected bool",
        "override 'training': write it as section.key=value",
        "override 'training.seed.x=1': seed is a value, not a section",
        "override 'a=[': '[' is not YAML",
        "override '.b=1': write it as section.key=value",
    ):
        assert said in told
    assert len(found) == 17
    assert all(line.startswith((f"{path}: ", "override ")) for line in found)


def test_options_that_contradict_each_other_are_told_in_the_words_of_the_file(write):
    [told] = complaints(write(GOOD + "window: {max_tokens: 64, max_sentence_tokens: 64}\n"))
    assert "max_tokens is 64 and max_sentence_tokens 64" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recipe: {class_weights: {claims: 2}}", "unknown label 'claims'; did you mean 'claim'?"),
        ("recipe: {class_weights: {claim: 0}}", "the weight of claim is 0, expected a number above 0."),
        (
            "recipe: {class_weights: {claim: much}}",
            "the weight of claim is 'much', expected a number above",
        ),
        ("recipe: {class_weights: even}", "recipe.class_weights is 'even': expected 'balanced', or a number"),
        ("recipe: {focal_gamma: -1}", "recipe.focal_gamma is -1"),
        ("recipe: {early_stopping_patience: 0}", "recipe.early_stopping_patience is 0"),
        ("recipe: {average_checkpoints: 1}", "recipe.average_checkpoints is 1"),
        (
            "recipe: {lora: {rank: 4}}",
            "unknown key 'recipe.lora.rank'; known keys here are alpha, dropout",
        ),
        ("recipe: {lora: {aplha: 4}}", "unknown key 'recipe.lora.aplha'; did you mean 'alpha'?"),
        (
            "recipe: {lora: {target_modules: query}}",
            "is 'query': expected a list of names such as [query",
        ),
        ("recipe: {lora: {target_modules: []}}", "is []: expected a list of names such as [query, value]"),
        (
            "recipe: {lora: {}, freeze_layers: 2}",
            "recipe: lora leaves all weights of the encoder as they",
        ),
        ("recipe: {early_stopping_patience: 3}", "set training.load_best_model_at_end: true with"),
        (
            "recipe: {average_checkpoints: 3}\ntraining: {load_best_model_at_end: true}",
            "recipe.average_checkpoints is 3, but training.load_best_model_at_end takes a single",
        ),
        (
            "recipe: {average_checkpoints: 3}\ntraining: {save_total_limit: 2}",
            "recipe.average_checkpoints is 3, but training.save_total_limit keeps only 2",
        ),
        (
            "training: {metric_for_best_model: loss}",
            "macro-F1 on the validation articles selects the",
        ),
        (
            "training: {greater_is_better: false}",
            "macro-F1 on the validation articles selects the",
        ),
        ("training: {dataloader_drop_last: true}", "it drops articles from evaluation too, so leave it out."),
        ("training: {label_smoothing_factor: 0.1}", "so set recipe.label_smoothing instead."),
    ],
)
def test_recipes_that_cannot_be_are_refused_in_one_sentence(write, text, said):
    [told] = complaints(write(f"{GOOD}{text}\n"))
    assert said in told
    assert told.endswith((".", "?"))


def test_options_of_the_recipe_arrive(write):
    text = "recipe: {class_weights: {claim: 2, background: 0.5}, lora: {r: 4, target_modules: [query]}}\n"
    recipe = load_config(write(GOOD + text)).recipe
    assert recipe.class_weights == {"claim": 2.0, "background": 0.5}
    assert (recipe.lora.r, recipe.lora.alpha, recipe.lora.target_modules) == (4, 16, ("query",))
    recipe = load_config(write(GOOD), ["recipe.class_weights=balanced", "recipe.lora.r=2"]).recipe
    assert (recipe.class_weights, recipe.lora.r, recipe.lora.target_modules) == ("balanced", 2, None)


CARD = "card: {name: theirs, license: MIT, labelling: by them, limits: [no sport]}\n"


def test_what_a_card_says_of_one_file_is_not_said_of_another(write, caplog):
    path = write(GOOD + CARD)
    named = load_config(path)
    assert (named.card.name, named.card.labelling, named.card.limits) == ("theirs", "by them", ("no sport",))
    moved = load_config(path, [f"data.path=elsewhere/{named.data.path.name}"])
    assert moved.card == named.card
    assert not caplog.text
    other = load_config(path, ["data.path=ours.csv"])
    assert (other.card.name, other.card.license, other.card.limits) == ("khabar", "MIT", ())
    assert other.card.labelling == "How the labels were given was not said."
    assert "card.name, card.labelling, card.limits speak of the file" in caplog.text
    said = load_config(path, ["data.path=ours.csv", "card.labelling=by us"])
    assert said.card.labelling == "by us"


def test_every_key_is_documented():
    from khabar import config

    source = inspect.getsource(config)
    sections = [kind for _, kind in inspect.getmembers(config, inspect.isclass) if config._is_section(kind)]
    fields = [(kind, name) for kind in sections for name in kind.__annotations__ if name != "model_config"]
    assert len(fields) > 40
    own = {"data", "encoder", "recipe"}  # sections, which their classes document
    for kind, name in fields:
        pattern = rf"class {kind.__name__}\(.*?\n    {name}: [^\n]*(\n    [^\n\"]*)*\n    \"\"\""
        assert name in own or re.search(pattern, source, re.DOTALL), f"{kind.__name__}.{name}"


@pytest.mark.parametrize("section", ["data", "window", "training", "encoder", "recipe"])
@pytest.mark.parametrize("value", ["3", "[a, b]", "text"])
def test_a_section_that_is_none_is_named(write, section, value):
    text = "\n".join(
        line for line in GOOD.splitlines() if "path" not in line and not line.startswith(section)
    )
    told = "\n".join(
        complaints(write(f"{text}\n{section}: {value}\n".replace("data:\n", "").replace("encoder:\n", "")))
    )
    assert f"{section} is " in told


def test_keys_that_are_no_names_are_refused(write):
    told = "\n".join(complaints(write(GOOD + "training: {1: 2}\n3: 4\n")))
    assert "'training.1'" in told
    assert "3" in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("data: [", "is not YAML"),
        ("a: b: c", "is not YAML"),
        ("\tdata: 1", "is not YAML"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        ("", "holds NoneType, expected sections such as data: and training:"),
        ("- a\n- b\n", "holds list"),
        ("data", "holds str"),
        ("!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_file_that_is_no_configuration(write, content, said):
    path = write(content)
    found = complaints(path)
    assert found[0].startswith(f"{path}: {said}")


def test_a_file_that_cannot_be_read(tmp_path):
    assert complaints(tmp_path / "none.yaml") == [
        f"{tmp_path / 'none.yaml'}: cannot be read (No such file or directory)."
    ]
    assert complaints(tmp_path) == [f"{tmp_path}: cannot be read (Is a directory)."]
