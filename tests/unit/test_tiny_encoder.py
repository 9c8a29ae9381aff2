from transformers import AutoModel, AutoTokenizer

from khabar.config import load_config
from khabar.tiny_encoder import write_tiny_encoder
from khabar.training import LABELS, load_start


def test_the_same_encoder_is_written_each_time(tmp_path):
    first, again = (write_tiny_encoder(tmp_path / name) for name in ("a/b", "c"))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert sum((first / name).stat().st_size for name in names) < 2_000_000


def test_transformers_reads_it_and_arabic_has_no_unknown_pieces(tmp_path):
    folder = write_tiny_encoder(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "وقال الوزير في 12 مايو: «لن نتراجع»، ثم غادر القاعة."
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert ids[0] == tokenizer.cls_token_id
    assert ids[-1] == tokenizer.sep_token_id
    assert tokenizer.tokenize("وقال") == ["و", "##قال"]
    assert AutoModel.from_pretrained(folder, add_pooling_layer=False).config.hidden_size == 64


def test_a_run_starts_from_it_by_name(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(
        f"output: {tmp_path / 'out'}\ndata: {{path: none.jsonl}}\nencoder: {{path: tiny}}\n", encoding="utf-8"
    )
    model, _, encoder = load_start(load_config(path))
    assert model.config.id2label == dict(enumerate(map(str, LABELS)))
    assert encoder.encode(["أعلنت الوزارة موعد الاختبارات."]).windows
