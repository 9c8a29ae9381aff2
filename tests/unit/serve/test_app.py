"""Requests and answers, without a socket."""

import asyncio
import json
import threading

import pytest
from served import ARTICLE, OTHER, CueAnnotator, label, named, running, serving

from khabar.labels import Label
from khabar.serve._pages import GUIDELINES
from khabar.serve.app import create_app
from khabar.serve.options import ServeOptions
from khabar.serve.store import Store

TOKEN = "a-token-of-enough-letters"


def error(answer, status, code):
    assert answer.status_code == status, answer.text
    found = answer.json()["error"]
    assert found["code"] == code
    assert found["message"].endswith(".")
    return found["message"]


def test_annotates_one_article(client):
    answer = client.post("/v1/annotate", json={"text": ARTICLE, "id": "wall"})
    assert answer.status_code == 200
    article = answer.json()["article"]
    assert (article["id"], article["title"]) == ("wall", None)
    assert [sentence["label"] for sentence in article["sentences"]][1:3] == [
        "casualty_report",
        "official_statement",
    ]
    for piece in (*article["sentences"], *article["furniture"]):
        assert ARTICLE[piece["start"] : piece["end"]] == piece["text"]
    assert [piece["kind"] for piece in article["furniture"]] == ["related"]
    assert answer.json()["model"]["name"] == "model"


def test_annotates_a_batch_in_its_order(client):
    texts = [f"وصل الوزير رقم {number} إلى المدينة صباح اليوم." for number in range(40)]
    answer = client.post("/v1/annotate/batch", json={"articles": [{"text": text} for text in texts]})
    assert [article["sentences"][0]["text"] for article in answer.json()["articles"]] == texts


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "text: is missing."),
        ({"text": 5}, "text: 5 is wrong: input should be a valid string."),
        ({"text": "نص", "titel": "عنوان"}, "titel: is no key that is known."),
        ([], "the body is an array, expected an object."),
        ("نص", "the body is a string, expected an object."),
    ],
)
def test_a_wrong_body_is_told_where(client, body, said):
    assert said in error(client.post("/v1/annotate", json=body), 422, "invalid")


def test_a_place_in_a_batch_is_told(client):
    answer = client.post("/v1/annotate/batch", json={"articles": [{"text": "نص"}, "نص"]})
    assert error(answer, 422, "invalid") == "articles[1]: is a string, expected an object."


def test_what_is_no_json_is_said_to_be_none(client):
    answer = client.post("/v1/annotate", content=b"{bad", headers={"Content-Type": "application/json"})
    said = error(answer, 422, "invalid")
    assert said == "the body is no JSON (Expecting property name enclosed in double quotes at character 1)."


@pytest.mark.parametrize("body", [b"{", b'"\xff"', b"[" * 50_000])
def test_what_is_no_json_or_no_text_is_refused(client, body):
    answer = client.post("/v1/annotate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]


def test_empty_and_odd_texts_are_annotated(client):
    for text in ("", " \n", "\u202e\u200f", "<script>alert(1)</script>", "\0", "👩‍👩‍👧 وصل الوزير."):
        assert client.post("/v1/annotate", json={"text": text}).status_code == 200


def test_too_much_is_refused(tmp_path):
    limits = {"max_characters": 100, "max_articles": 2, "max_body_bytes": 2000, "max_request_characters": 150}
    with serving(tmp_path, **limits) as client:
        long = {"text": "أ" * 101}
        assert "101 characters, 100 are allowed" in error(
            client.post("/v1/annotate", json=long), 413, "too_large"
        )
        batch = {"articles": [{"text": "أ"}, long]}
        assert "articles[1]" in error(client.post("/v1/annotate/batch", json=batch), 413, "too_large")
        batch = {"articles": [{"text": "أ"}] * 3}
        assert "3 are more than the 2" in error(
            client.post("/v1/annotate/batch", json=batch), 413, "too_large"
        )
        batch = {"articles": [{"text": "أ" * 80}] * 2}
        assert "160 characters are more" in error(
            client.post("/v1/annotate/batch", json=batch), 413, "too_large"
        )
        body = json.dumps({"text": "ا" * 3000}).encode()
        headers = {"Content-Type": "application/json"}
        error(client.post("/v1/annotate", content=body, headers=headers), 413, "too_large")

        def pieces():  # no Content-Length
            yield from (body[start : start + 500] for start in range(0, len(body), 500))

        error(client.post("/v1/annotate", content=pieces(), headers=headers), 413, "too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_bodies_that_a_form_of_another_site_could_send_are_refused(client, kind):
    answer = client.post("/v1/annotate", content=b'{"text": "x"}', headers={"Content-Type": kind})
    error(answer, 415, "content_type")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", ""])
def test_a_foreign_name_on_loopback_is_refused(client, host):
    error(client.get("/healthz", headers={"Host": host}), 403, "host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8765", "LOCALHOST", "[::1]:8765"])
def test_its_own_names_are_accepted(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_named_proxy_is_accepted(tmp_path):
    with serving(tmp_path, allowed_hosts=("news.example",)) as client:
        assert client.get("/healthz", headers={"Host": "News.Example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_site_cannot_write(client, headers):
    error(client.post("/v1/annotate", json={"text": "x"}, headers=headers), 403, "origin")
    upload = client.post(
        "/v1/review/articles", files={"files": ("a.txt", b"x")}, headers={**headers, **named("Huda")}
    )
    error(upload, 403, "origin")


def test_the_own_page_can_write(client):
    headers = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/annotate", json={"text": "x"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", "Bearer é"]
)
@pytest.mark.parametrize("path", ["/v1/review/articles", "/metrics", "/openapi.json", "/v1/guidelines"])
def test_the_token_is_needed(tmp_path, given, path):
    with serving(tmp_path, host="0.0.0.0", token=TOKEN) as client:
        headers = {} if given is None else {"Authorization": given.encode()}
        answer = client.get(path, headers=headers)
        error(answer, 401, "token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_security_headers_stand_on_everything(client):
    for path in ("/healthz", "/nothing", "/v1/annotate"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_addresses_and_methods(client):
    error(client.get("/v1/nothing"), 404, "not_found")
    answer = client.get("/v1/annotate")
    error(answer, 405, "method")
    assert answer.headers["Allow"] == "POST"


def test_openapi_names_every_route(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/healthz",
        "/metrics",
        "/v1/annotate",
        "/v1/annotate/batch",
        "/v1/guidelines",
        "/v1/review/agreement",
        "/v1/review/articles",
        "/v1/review/articles/{identifier}",
        "/v1/review/articles/{identifier}/corrections",
        "/v1/review/articles/{identifier}/history",
        "/v1/review/export",
        "/v1/review/people",
    }
    answers = document["paths"]["/v1/annotate"]["post"]["responses"]
    assert {"200", "401", "413", "415", "422", "429", "503"} <= set(answers)


def test_metrics_count(client):
    client.post("/v1/annotate", json={"text": OTHER})
    client.get("/nothing")
    text = client.get("/metrics").text
    assert 'khabar_requests_total{method="POST",route="/v1/annotate",status="200"} 1.0' in text
    # Addresses that are not there are one label, so that a scanner cannot fill the memory with them.
    assert 'route="other",status="404"' in text
    assert "nothing" not in text
    assert "khabar_annotated_articles_total 1.0" in text
    assert f"khabar_annotated_characters_total {float(len(OTHER))}" in text


@pytest.mark.parametrize(
    ("language", "name", "version"),
    [("en", "annotation-guidelines.md", "version"), ("ar", "annotation-guidelines.ar.md", "الإصدار")],
)
def test_guidelines_are_the_documents(client, language, name, version):
    from pathlib import Path

    document = Path(__file__).parents[3] / "docs" / name
    packaged = GUIDELINES[language]
    assert packaged.read_bytes() == document.read_bytes(), f"cp {document} {packaged}"
    answer = client.get("/v1/guidelines", params={"language": language}).json()
    assert answer["language"] == language
    assert f"{version} {answer['version']}" in answer["markdown"].splitlines()[0]
    assert "<h1>" in answer["html"]
    assert "<table>" in answer["html"]
    if language == "en":
        assert client.get("/v1/guidelines").json() == answer


def test_guidelines_of_another_language_are_refused(client):
    error(client.get("/v1/guidelines", params={"language": "fr"}), 422, "invalid")


def test_people_have_names(client):
    body = {"articles": [{"text": OTHER}]}
    error(client.post("/v1/review/articles", json=body), 400, "annotator_missing")
    for name in ("%FF", "a" * 81, "a%00b", "%0A"):
        headers = {"X-Khabar-Annotator": name}
        answer = client.post("/v1/review/articles", json=body, headers=headers)
        assert answer.status_code == 400, name
    identifier = client.add(OTHER, name="هدى سالم")
    client.saved(identifier, {"op": "done"}, name="هدى سالم")
    assert client.get("/v1/review/people").json() == {"people": ["هدى سالم"]}


def test_files_and_lines_are_added_and_problems_have_a_place(client):
    lines = [
        json.dumps({"text": OTHER, "id": "arrival", "outlet": "الميناء", "split": "test"}),
        "{",
        "",
        json.dumps({"title": "بلا نص"}),
        json.dumps({"text": OTHER, "id": "again"}),
    ]
    files = [
        ("files", ("wall.txt", ARTICLE.encode(), "text/plain")),
        ("files", ("old.txt", "وصل الوزير".encode("windows-1256"), "text/plain")),
        ("files", ("empty.txt", b" \n", "text/plain")),
        ("files", ("news.jsonl", "\n".join(lines).encode(), "application/x-ndjson")),
    ]
    answer = client.post("/v1/review/articles", files=files, headers=named("Huda"))
    assert answer.status_code == 201
    found = answer.json()
    assert [entry["name"] for entry in found["added"]] == ["wall", "arrival"]
    assert [entry["name"] for entry in found["known"]] == ["arrival"]
    assert [entry["place"] for entry in found["refused"]] == [
        "old.txt",
        "empty.txt",
        "news.jsonl, line 2",
        "news.jsonl, line 4",
    ]
    assert "iconv -f WINDOWS-1256" in found["refused"][0]["message"]
    article = client.article(found["added"][1]["id"])
    assert (article["outlet"], article["split"], article["added_by"]) == ("الميناء", "test", "Huda")


def test_when_all_are_refused_it_is_an_error(client):
    answer = client.post("/v1/review/articles", json={"articles": [{"text": ""}]}, headers=named("Huda"))
    assert "articles[0]" in error(answer, 422, "refused")
    assert answer.json()["added"] == []


def test_an_article_shows_what_the_model_says(client):
    article = client.article(client.add())
    assert article["text"] == ARTICLE
    for unit in article["units"]:
        assert ARTICLE[unit["start"] : unit["end"]] == unit["text"]
        assert (unit["by"], unit["mine"], unit["mine_given"]) == (None, None, False)
        assert (unit["model"] is None) == unit["furniture"]
    assert [unit["headline"] for unit in article["units"]] == [True, False, False, False, False, False]
    assert [unit["label"] for unit in article["units"]] == [
        "claim", "casualty_report", "official_statement", None, "claim", "background",
    ]  # fmt: skip
    assert (article["labelled"], article["total"], article["revision"]) == (0, 6, 0)


def test_the_loop_of_corrections(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    after = client.saved(identifier, label(units[0], "casualty_report"), label(units[3], "claim"))
    assert after["revision"] == 1
    changed = [(unit["label"], unit["by"], unit["mine"]) for unit in after["units"]]
    assert changed[0] == ("casualty_report", "Huda", "casualty_report")
    assert changed[3] == ("claim", "Huda", "claim")
    assert changed[1] == ("casualty_report", None, None)

    first, second = units[1], units[2]
    merge = {"op": "merge", "part": "body", "start": first["start"], "end": first["end"]}
    after = client.saved(identifier, merge | {"with": {"start": second["start"], "end": second["end"]}})
    whole = next(unit for unit in after["units"] if unit["start"] == first["start"])
    assert whole["text"] == ARTICLE[first["start"] : second["end"]]
    assert whole["label"] == "casualty_report"
    # The model has read the new sentence, too.
    assert whole["model"]["label"] == "casualty_report"

    split = {"op": "split", "part": "body", "start": whole["start"], "end": whole["end"], "at": first["end"]}
    after = client.saved(identifier, split)
    assert [unit["text"] for unit in after["units"]] == [unit["text"] for unit in units]

    after = client.saved(identifier, {"op": "done"})
    assert after["done"]
    assert after["done_by"] == "Huda"
    assert after["labelled"] == after["total"] == 6
    assert after["split"] == "train"

    rows = client.get(f"/v1/review/articles/{identifier}/history").json()["corrections"]
    assert [row["op"] for row in rows] == ["label", "label", "merge", "split", *["label"] * 4, "done"]
    assert rows[0]["before"] == "claim"
    assert rows[0]["after"] == "casualty_report"
    assert rows[1]["before"] == "furniture"
    assert all(row["by"] == "Huda" and row["at"].endswith("Z") for row in rows)
    assert {row["model"]["name"] for row in rows} == {"model"}


def test_what_is_saved_is_there_after_a_restart_and_a_new_model_shows_its_labels(tmp_path):
    with serving(tmp_path) as client:
        identifier = client.add()
        unit = client.article(identifier)["units"][4]
        before = client.saved(identifier, label(unit, "background"))
    with serving(tmp_path) as client:
        assert client.article(identifier) == before
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    other = tmp_path / "newer"
    other.mkdir()
    (other / "config.json").write_text('{"of": "another model"}', encoding="utf-8")
    with serving(tmp_path, model="newer") as client:
        after = client.article(identifier)
        assert after["model"]["name"] == "newer"
        assert after["model"]["fingerprint"] != before["model"]["fingerprint"]
        assert after["units"][4]["label"] == "background"
        assert after["units"][4]["model"]["label"] == "claim"


def test_two_people_on_one_sentence_conflict(client):
    identifier = client.add()
    unit = client.article(identifier)["units"][1]
    assert client.save(identifier, 0, label(unit, "claim"), name="Huda").status_code == 200
    answer = client.save(identifier, 0, label(unit, "background"), name="Sami")
    assert "Huda changed the same sentences" in error(answer, 409, "conflict")
    (change,) = answer.json()["changes"]
    assert (change["by"], change["before"], change["after"]) == ("Huda", "casualty_report", "claim")
    current = answer.json()["article"]
    assert current == client.article(identifier, name="Sami")
    assert current["units"][1]["label"] == "claim"
    # Having seen it, Sami decides.
    answer = client.save(identifier, current["revision"], label(unit, "background"), name="Sami")
    assert answer.json()["units"][1]["by"] == "Sami"
    metrics = client.get("/metrics").text
    assert 'khabar_saves_total{outcome="conflict"} 1.0' in metrics
    assert 'khabar_saves_total{outcome="saved"} 2.0' in metrics


def test_two_people_on_different_sentences_do_not(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    client.save(identifier, 0, label(units[1], "claim"), name="Huda")
    answer = client.save(identifier, 0, label(units[2], "claim"), name="Sami")
    assert answer.status_code == 200
    assert [unit["by"] for unit in answer.json()["units"]][1:3] == ["Huda", "Sami"]


def test_a_merge_over_what_somebody_labelled_conflicts(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    client.save(identifier, 0, label(units[2], "claim"), name="Huda")
    merge = {"op": "merge", "part": "body", "start": units[1]["start"], "end": units[1]["end"]}
    merge["with"] = {"start": units[2]["start"], "end": units[2]["end"]}
    error(client.save(identifier, 0, merge, name="Sami"), 409, "conflict")
    # The other way round: the unit that somebody labels is not there any more.
    merged = client.saved(identifier, merge, name="Sami")
    error(client.save(identifier, merged["revision"] - 1, label(units[2], "claim")), 409, "conflict")
    error(client.save(identifier, merged["revision"], label(units[2], "claim")), 422, "no_such_unit")


def test_a_save_is_whole_or_not_at_all(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    bad = {"op": "split", "part": "body", "start": units[1]["start"], "end": units[1]["end"], "at": 10_000}
    error(client.save(identifier, 0, label(units[0], "claim"), bad), 422, "bad_split")
    assert client.article(identifier)["labelled"] == 0


def test_a_repeated_request_is_saved_once(client):
    identifier = client.add()
    unit = client.article(identifier)["units"][1]
    first = client.save(identifier, 0, label(unit, "claim"), request_id="one").json()
    again = client.save(identifier, 0, label(unit, "claim"), request_id="one").json()
    assert first == again
    assert len(client.get(f"/v1/review/articles/{identifier}/history").json()["corrections"]) == 1


def test_a_second_opinion_does_not_hear_of_labels_in_between(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    client.save(identifier, 0, label(units[1], "background"), name="Huda")
    answer = client.save(identifier, 0, label(units[1], "claim"), name="Sami", blind=True)
    assert answer.status_code == 200
    # That the sentence is not there any more it has to hear.
    split = {"op": "split", "part": "body", "start": units[1]["start"], "end": units[1]["end"]}
    client.saved(identifier, split | {"at": units[1]["start"] + 3}, name="Huda")
    answer = client.save(identifier, 1, label(units[1], "claim"), name="Sami", blind=True)
    error(answer, 409, "conflict")
    assert [change["op"] for change in answer.json()["changes"]] == ["split"]


def test_a_revision_of_the_future_is_refused(client):
    identifier = client.add()
    assert "the article is at 0" in error(client.save(identifier, 5, {"op": "reopen"}), 422, "invalid")


def test_files_of_the_same_name_are_told_apart_and_chosen_ids_are_not_changed(client):
    for text in (ARTICLE, OTHER):
        files = [("files", ("article.txt", text.encode(), "text/plain"))]
        answer = client.post("/v1/review/articles", files=files, headers=named("Huda"))
        assert answer.status_code == 201
    added = answer.json()["added"][0]
    assert added["name"] == f"article-{added['id'][:8]}"
    body = {"articles": [{"text": OTHER * 2, "id": "article"}]}
    answer = client.post("/v1/review/articles", json=body, headers=named("Huda"))
    assert "'article' is taken" in error(answer, 422, "refused")


def test_work_for_a_client_that_went_away_is_dropped(tmp_path):
    gate = threading.Event()
    model = CueAnnotator(tmp_path / "model", gate=gate)
    app = create_app(model, Store(tmp_path / "review.db"))
    body = json.dumps({"text": OTHER}).encode()
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/annotate",
        "headers": headers,
        "query_string": b"",
    }

    async def ask(leave):
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent = []

        async def receive():
            if messages:
                return messages.pop()
            await leave.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await app(dict(scope), receive, send)
        return sent

    async def scenario():
        async with running(app):
            stay, leave = asyncio.Event(), asyncio.Event()
            first = asyncio.ensure_future(ask(stay))
            await asyncio.sleep(0.05)
            others = [asyncio.ensure_future(ask(leave)) for _ in range(5)]
            await asyncio.sleep(0.05)
            leave.set()
            await asyncio.gather(*others)
            gate.set()
            assert (await first)[0]["status"] == 200

    asyncio.run(scenario())
    assert model.batches == [1]


def test_a_second_opinion_sees_and_changes_nothing(client):
    identifier = client.add()
    units = client.article(identifier)["units"]
    client.saved(identifier, label(units[1], "claim"), {"op": "done"}, name="Huda")
    seen = client.article(identifier, name="Sami", blind=True)
    assert {unit["by"] for unit in seen["units"]} == {None}
    assert seen["units"][1]["label"] == "casualty_report"
    assert seen["disagreements"] == 0
    after = client.saved(identifier, label(units[2], "claim"), {"op": "done"}, name="Sami", blind=True)
    assert {unit["by"] for unit in after["units"]} == {"Sami"}
    shared = client.article(identifier, name="Huda")
    assert {unit["by"] for unit in shared["units"]} == {"Huda"}
    assert shared["units"][1]["label"] == "claim"
    assert shared["disagreements"] == 2
    listed = client.get("/v1/review/articles", params={"state": "disagreement"}).json()
    assert [entry["id"] for entry in listed["articles"]] == [identifier]

    figures = client.get("/v1/review/agreement").json()
    assert (figures["units"], figures["people"]) == (6, ["Huda", "Sami"])
    assert figures["independent"]["pairs"][0]["agreed"] == 4
    assert len(figures["differing"]) == 2
    assert figures["differing"][0]["labels"] == {"Huda": "claim", "Sami": "casualty_report"}

    client.saved(identifier, label(units[1], "casualty_report"), label(units[2], "official_statement"))
    assert client.article(identifier)["disagreements"] == 0
    error(client.save(identifier, 9, {"op": "reopen"}, name="Sami", blind=True), 422, "invalid")


def test_the_queue_has_the_most_doubtful_first(client):
    sure = client.add()
    doubtful = client.add(OTHER)
    for identifier in (sure, doubtful):
        client.article(identifier)
    listed = client.get("/v1/review/articles").json()
    assert [entry["id"] for entry in listed["articles"]] == [doubtful, sure]
    assert listed["counts"] == {"all": 2, "open": 2, "done": 0, "disagreement": 0, "unread": 0}
    assert listed["articles"][0]["confidence"] < 0.5 < listed["articles"][1]["confidence"]
    client.saved(doubtful, {"op": "done"})
    listed = client.get("/v1/review/articles", params={"state": "open", "order": "added", "limit": 1}).json()
    assert [entry["id"] for entry in listed["articles"]] == [sure]
    assert listed["total"] == 1
    listed = client.get("/v1/review/articles", params={"state": "done"}).json()
    assert listed["articles"][0]["people"] == ["Huda"]
    error(client.get("/v1/review/articles", params={"order": "size"}), 422, "invalid")


def test_the_queue_is_read_behind_the_scenes(client):
    import time

    for number in range(3):
        client.add(f"{OTHER} العدد {number}.")
    for _ in range(100):
        counts = client.get("/v1/review/articles").json()["counts"]
        if counts["unread"] == 0:
            break
        time.sleep(0.02)
    assert counts["unread"] == 0


def test_labels_that_an_upload_brings_along_are_taken_over(client):
    line = {
        "id": "labelled",
        "text": OTHER,
        "sentences": [
            {"part": "body", "start": 0, "end": 36, "label": "claim"},
            {"part": "body", "start": 37, "end": len(OTHER), "label": None},
        ],
    }
    identifier = client.add(**line)
    article = client.article(identifier)
    assert [(unit["label"], unit["by"], unit["furniture"]) for unit in article["units"]] == [
        ("claim", "Huda", False),
        (None, "Huda", True),
    ]
    assert article["done"]
    line["sentences"][0]["end"] = 9999
    answer = client.post(
        "/v1/review/articles", json={"articles": [line | {"text": OTHER + " "}]}, headers=named("Huda")
    )
    assert "offsets 0 to 9999" in error(answer, 422, "refused")


def test_missing_articles(client):
    for path in ("", "/history"):
        error(client.get(f"/v1/review/articles/0123456789abcdef{path}"), 404, "not_found")
    error(client.save("0123456789abcdef", 0, {"op": "done"}), 404, "not_found")
    error(client.save("0123456789abcdef", 0, {"op": "reopen"}), 404, "not_found")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "delete"},
        {"op": "label", "part": "body", "start": 0, "end": 5},
        {"op": "label", "part": "body", "start": 0, "end": 5, "label": "claims"},
        {"op": "label", "part": "body", "start": -1, "end": 5, "label": "claim"},
        {"op": "label", "part": "body", "start": 0, "end": 5, "label": "claim", "also": "x"},
        {"op": "split", "part": "body", "start": 0, "end": 5, "at": 2.5},
    ],
)
def test_wrong_operations_are_refused(client, operation):
    identifier = client.add()
    error(client.save(identifier, 0, operation), 422, "invalid")


def test_the_page_is_there_or_said_to_be_missing(client):
    answer = client.get("/")
    assert answer.status_code in (200, 404)
    assert client.get("/static/../options.py").status_code == 404


def test_labels_of_the_contract_are_those_of_the_library():
    assert [label.value for label in Label] == [
        "casualty_report",
        "official_statement",
        "claim",
        "background",
    ]
    assert ServeOptions().max_characters >= 200_000
