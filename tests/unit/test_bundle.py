import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from tiny_models import SENTENCES

from khabar import Annotator, Label, __version__
from khabar.arabic import Normalization
from khabar.bundle import Settings, load_bundle, resolve, save_settings
from khabar.encode import WindowOptions
from khabar.errors import BundleError


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    """A whole bundle that may be broken."""
    return shutil.copytree(tiny_bundle, tmp_path / "model")


def change(path, **keys):
    """Change keys of a JSON file; None takes a key out."""
    content = json.loads(path.read_text(encoding="utf-8")) | keys
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(content), encoding="utf-8")


def complaint(name, load=load_bundle):
    with pytest.raises(BundleError) as caught:
        load(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_bundle_is_read_as_it_was_saved(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    assert bundle.path == tiny_bundle
    assert bundle.labels == tuple(Label)
    assert bundle.positions == 128
    assert bundle.settings.window == WindowOptions(max_tokens=128, max_sentence_tokens=48, context=2)
    assert bundle.settings.normalization == Normalization()
    assert bundle.settings.temperature == 1
    assert bundle.settings.library == __version__


def test_settings_come_back_as_they_went(copy):
    settings = Settings(
        normalization=Normalization(tashkeel=False, digits=False),
        window=WindowOptions(100, 40, 1, "separator", 3),
        temperature=1.37,
        guidelines="2.0",
    )
    save_settings(copy, settings)
    assert load_bundle(copy).settings == settings


def test_settings_say_every_option_even_a_default(copy):
    # A default that changes later must not change what an older model does.
    save_settings(copy, Settings())
    saved = json.loads((copy / "khabar.json").read_text(encoding="utf-8"))
    assert set(saved["window"]) == set(WindowOptions.__slots__)
    assert set(saved["normalization"]) == set(Normalization.__slots__)


def test_labels_are_in_the_order_of_the_config(copy):
    names = ["claim", "background", "casualty_report", "official_statement"]
    # JSON objects have no order to rely on: the ids count.
    change(copy / "config.json", id2label={str(i): names[i] for i in (2, 0, 3, 1)})
    assert [str(label) for label in load_bundle(copy).labels] == names


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "khabar.json"])
def test_each_missing_file_is_named(copy, name):
    (copy / name).unlink()
    assert complaint(copy) == f"{copy}: is no khabar model, it lacks {name}."


def test_all_missing_files_are_named_at_once(tmp_path):
    message = complaint(tmp_path)
    for name in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "khabar.json",
        "model.safetensors",
    ):
        assert name in message


def test_weights_of_one_kind_are_enough(copy):
    (copy / "model.safetensors").unlink()
    assert load_bundle(copy)
    (copy / "onnx" / "model.int8.onnx").unlink()
    assert "model.safetensors or onnx/model.int8.onnx" in complaint(copy)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "last.ckpt"])
def test_pickles_in_place_of_safetensors_are_refused(copy, name):
    shutil.rmtree(copy / "onnx")
    (copy / "model.safetensors").rename(copy / name)
    message = complaint(copy)
    assert f"{name} may run code when opened and is refused" in message
    assert "save the weights as model.safetensors" in message


class _Trap:
    def __reduce__(self):
        return os.mkdir, (os.environ["TRAP"],)


def test_a_pickle_beside_safetensors_is_never_opened(copy, tmp_path, monkeypatch):
    trap = tmp_path / "trapped"
    monkeypatch.setenv("TRAP", str(trap))
    for name in ("pytorch_model.bin", "training_args.bin"):
        (copy / name).write_bytes(pickle.dumps(_Trap()))
    for backend in ("onnx", "torch"):
        Annotator.from_pretrained(copy, backend=backend).annotate_sentences(SENTENCES[:1])
    assert not trap.exists()


def test_weights_that_are_a_pickle_in_disguise_are_refused(copy, tmp_path, monkeypatch):
    trap = tmp_path / "trapped"
    monkeypatch.setenv("TRAP", str(trap))
    (copy / "model.safetensors").write_bytes(pickle.dumps(_Trap()))
    message = complaint(copy, lambda path: Annotator.from_pretrained(path, backend="torch"))
    assert str(copy) in message
    assert not trap.exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "khabar.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"[1, 2]", b"null"])
def test_damaged_json_is_named(copy, name, content):
    (copy / name).write_bytes(content)
    assert str(copy / name) in complaint(copy, Annotator.from_pretrained)


@pytest.mark.parametrize(
    "names",
    [
        None,
        {},
        ["claim", "background", "casualty_report", "official_statement"],
        {"0": "LABEL_0", "1": "LABEL_1"},
        {"0": "claim", "1": "background", "2": "casualty_report"},
        {"0": "claim", "1": "background", "2": "casualty_report", "3": "official_statement", "4": "other"},
        {"0": "claim", "1": "claim", "2": "casualty_report", "3": "official_statement"},
        {"0": "claim", "1": None, "2": 3, "3": "official_statement"},
        {"a": "claim", "b": "background", "c": "casualty_report", "d": "official_statement"},
        {"0": "claim", "1": "background", "2": "casualty_report", "7": "official_statement"},
    ],
)
def test_other_labels_are_refused(copy, names):
    change(copy / "config.json", id2label=names)
    message = complaint(copy)
    assert message.startswith(f"{copy / 'config.json'}: id2label is ")
    assert "casualty_report, claim, official_statement" in message


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"windows": {}}, "windows"),
        ({"window": {"max_tokens": 64, "max_sentence_tokens": 32, "stride": 2}}, "stride"),
        ({"normalization": {"hamza": True}}, "hamza"),
        ({"window": {"max_tokens": 20, "max_sentence_tokens": 40}}, "max_tokens is 20"),
        ({"window": {"max_tokens": "many"}}, "window.max_tokens"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": -1.5}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature_slope": 3}, "temperature_slope"),
        ({"label_sets": {"error_rates": [0.1]}}, "label_sets.thresholds"),
    ],
)
def test_settings_of_another_version_are_refused_by_key(copy, keys, said):
    change(copy / "khabar.json", **keys)
    message = complaint(copy)
    assert said in message
    assert f"this is {__version__}" in message


def test_windows_longer_than_the_encoder_reads_are_refused(copy):
    settings = load_bundle(copy).settings
    save_settings(copy, settings.model_copy(update={"window": replace(settings.window, max_tokens=129)}))
    message = complaint(copy)
    assert "window.max_tokens is 129, but the encoder has 128 positions; lower it" in message


def test_an_encoder_that_does_not_say_its_positions_is_taken_at_its_word(copy):
    change(copy / "config.json", max_position_embeddings=None)
    assert load_bundle(copy).positions is None


def test_tokens_with_options_as_older_tokenizers_store_them(copy):
    expected = load_bundle(copy).encoder().encode(SENTENCES)
    old = {
        key: {"content": token, "lstrip": False, "rstrip": False, "__type": "AddedToken"}
        for key, token in (("cls_token", "<s>"), ("sep_token", "</s>"))
    }
    change(copy / "tokenizer_config.json", **old)
    assert load_bundle(copy).encoder().encode(SENTENCES) == expected


@pytest.mark.parametrize("token", [None, 3, {"lstrip": False}])
def test_a_tokenizer_without_separator_is_refused(copy, token):
    change(copy / "tokenizer_config.json", sep_token=token)
    assert "sep_token is " in complaint(copy, Annotator.from_pretrained)


def test_a_separator_that_the_vocabulary_lacks_is_refused(copy):
    change(copy / "tokenizer_config.json", sep_token="[SEP]")
    assert "no token '[SEP]'" in complaint(copy, Annotator.from_pretrained)


def test_a_file_in_place_of_a_folder(copy):
    assert "config.json: is a file; a model is a folder with config.json," in complaint(
        copy / "config.json", resolve
    )


@pytest.mark.parametrize("name", ["nowhere", "./no/where", "/no/where", "~/nowhere/at-all", "a/b/c"])
def test_a_folder_that_is_not_there(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert complaint(name, resolve) == (
        f"{name}: no such folder; give a model folder or a hub name such as owner/model."
    )


def test_a_folder_is_taken_before_a_hub_name(copy, monkeypatch):
    monkeypatch.chdir(copy.parent.parent)
    name = f"{copy.parent.name}/{copy.name}"
    assert resolve(name).samefile(copy)


@pytest.mark.parametrize("name", ["مالك/نموذج", "owner/my model", "-owner/model", "owner/model.git"])
def test_a_name_that_the_hub_cannot_have(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert name in complaint(name, resolve)


def test_a_hub_that_cannot_be_reached_is_one_sentence_and_no_long_wait(tmp_path):
    # A process of its own reads the address of the hub anew; nothing listens on port 9.
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    code = """
from khabar.bundle import resolve
try:
    resolve("owner/model")
except Exception as error:
    print(repr(error))
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert time.monotonic() - started < 60
    assert done.stdout.startswith("BundleError('owner/model: no such folder here, and the hub did not give")
    assert done.stdout.count("\n") == 1


def test_offline_mode_of_the_hub_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert "owner/model: no such folder here" in complaint("owner/model", resolve)
