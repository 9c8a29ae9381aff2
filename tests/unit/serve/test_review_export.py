"""Exported files, read again."""

import io
import json
from pathlib import Path

import pytest
from served import ARTICLE, OTHER, label

from khabar import Annotator
from khabar.config import load_config
from khabar.corpus import read_labelled
from khabar.labels import Label
from khabar.training import finish, fit_seeds, read_splits

ROOT = Path(__file__).parents[3]

EMOJI = "😀 وصل الوزير إلى المدينة. وقال سكان إن الطريق أغلقت.\r\nشارك الخبر\r\n"
FORMATS = {"khabar": "jsonl", "label-studio": "label-studio", "doccano": "doccano"}


def export(client, tmp_path, format="khabar", **query):
    answer = client.get("/v1/review/export", params={"format": format, **query})
    assert answer.status_code == 200, answer.text
    name = answer.headers["Content-Disposition"].partition('filename="')[2].rstrip('"')
    path = tmp_path / name
    path.write_bytes(answer.content)
    return path


@pytest.fixture
def reviewed(client):
    """Three articles: one corrected and done, one with a title and emoji done, one begun."""
    wall = client.add(id="wall", outlet="الميناء")
    units = client.article(wall)["units"]
    merge = {"op": "merge", "part": "body", "start": units[4]["start"], "end": units[4]["end"]}
    client.saved(
        wall,
        label(units[0], "casualty_report"),
        label(units[3], None),
        merge | {"with": {"start": units[5]["start"], "end": units[5]["end"]}, "label": "background"},
        {"op": "done"},
    )
    emoji = client.add(EMOJI, id="emoji", title="  وصول الوزير ")
    client.saved(emoji, {"op": "done"})
    begun = client.add(OTHER, id="begun")
    client.saved(begun, label(client.article(begun)["units"][0], "claim"))
    return client


def shown(client, identifier_name):
    listed = client.get("/v1/review/articles").json()["articles"]
    (identifier,) = [entry["id"] for entry in listed if entry["name"] == identifier_name]
    return client.article(identifier)


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_corrected_is_what_is_read_again(reviewed, tmp_path, format):
    path = export(reviewed, tmp_path, format)
    # doccano's file does not say what its offsets count, so the reader is told where it matters.
    more = {"offset_unit": "utf-16"} if format == "doccano" else {}
    articles = read_labelled(path, FORMATS[format], **more)
    assert [article.id for article in articles] == ["wall", "emoji"]
    assert [article.split for article in articles] == ["train", "validation"]
    assert [article.guidelines for article in articles] == ["1.1", "1.1"]
    assert [article.outlet for article in articles] == ["الميناء", None]
    for article in articles:
        state = shown(reviewed, article.id)
        assert (article.text, article.title) == (state["text"], state["title"])
        assert [
            (sentence.part, sentence.start, sentence.end, sentence.text, sentence.label)
            for sentence in article.sentences
        ] == [
            (unit["part"], unit["start"], unit["end"], unit["text"], unit["label"] and Label(unit["label"]))
            for unit in state["units"]
        ]


def test_training_finds_its_splits(reviewed, tmp_path):
    articles = read_labelled(export(reviewed, tmp_path))
    assert {article.split for article in articles} == {"train", "validation"}


@pytest.mark.slow
def test_an_export_continues_the_built_in_model_as_it_is(reviewed, tmp_path):
    path = export(reviewed, tmp_path)
    overrides = [f"data.path={path}", f"output={tmp_path / 'run'}", "training.num_train_epochs=1"]
    config = load_config(ROOT / "configs" / "continue-from-default.yaml", overrides)
    splits = read_splits(config)
    fitted = fit_seeds(config, splits)
    bundle = finish(config, splits, fitted.model, fitted.tokenizer, graph=False)
    [article] = list(Annotator.from_pretrained(bundle, backend="torch").annotate_many([OTHER]))
    assert all(sentence.label for sentence in article)
    # Its card does not say of these corrections what is said of the project's own sentences.
    assert "How the labels were given was not said." in (bundle / "README.md").read_text(encoding="utf-8")


def test_begun_articles_leave_out_what_nobody_labelled(reviewed, tmp_path):
    (*_, begun) = read_labelled(export(reviewed, tmp_path, articles="touched"))
    assert (begun.id, begun.split) == ("begun", None)
    # Null: read as context, nothing is learnt from it.
    assert [sentence.label for sentence in begun.sentences] == [Label.CLAIM, None]
    (*_, begun) = read_labelled(
        export(reviewed, tmp_path, "doccano", articles="touched"), offset_unit="utf-16"
    )
    assert [sentence.label for sentence in begun.sentences] == [Label.CLAIM]


def test_an_export_can_be_handed_in_again(reviewed, tmp_path):
    path = export(reviewed, tmp_path)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    changed = [line | {"id": f"{line['id']}-2", "text": line["text"] + "\n"} for line in lines]
    content = "\n".join(json.dumps(line) for line in changed).encode()
    files = [("files", ("back.jsonl", io.BytesIO(content), "application/x-ndjson"))]
    answer = reviewed.post("/v1/review/articles", files=files, headers={"X-Khabar-Annotator": "Huda"})
    assert [entry["name"] for entry in answer.json()["added"]] == ["wall-2", "emoji-2"], answer.text
    first, again = shown(reviewed, "wall"), shown(reviewed, "wall-2")
    for key in ("start", "end", "label", "furniture"):
        assert [unit[key] for unit in first["units"]] == [unit[key] for unit in again["units"]]
    assert again["done"]
    assert again["split"] == "train"


def test_nothing_to_export_says_what_to_do(client):
    for chosen, said in (
        ("done", "articles=touched"),
        ("touched", "label a sentence"),
        ("all", "add articles"),
    ):
        answer = client.get("/v1/review/export", params={"articles": chosen})
        assert answer.status_code == 404
        assert said in answer.json()["error"]["message"]
    client.add(ARTICLE)
    assert client.get("/v1/review/export", params={"articles": "all"}).status_code == 200
    assert client.get("/v1/review/export", params={"format": "xml"}).status_code == 422
