"""How a model is named, and told from another one."""

from dataclasses import replace

from served import CueAnnotator

from khabar.bundle import BUILT_IN
from khabar.serve.model import fingerprint, model_info


def test_a_model_has_the_name_of_its_folder_or_run(tmp_path):
    bundle = CueAnnotator(tmp_path / "newsroom").bundle
    assert model_info(bundle).name == "newsroom"
    (tmp_path / "run").mkdir()
    assert model_info(CueAnnotator(tmp_path / "run" / "bundle").bundle).name == "run"
    assert model_info(replace(bundle, path=BUILT_IN)).name == "default"


def test_a_fingerprint_tells_any_change_of_what_decides(tmp_path):
    CueAnnotator(tmp_path / "model")
    found = {fingerprint(tmp_path / "model")}
    for name in ("config.json", "tokenizer.json", "model.safetensors", "onnx/model.int8.onnx", "khabar.json"):
        path = tmp_path / "model" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"other")
        found.add(fingerprint(tmp_path / "model"))
    assert len(found) == 6
    (tmp_path / "model" / "README.md").write_text("a card")
    assert fingerprint(tmp_path / "model") in found
    assert all(len(each) == 12 for each in found)
