import json
import runpy
import sys
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_articles import (
    BUDGET,
    CLAIM,
    CONTEXT,
    ELECTION,
    FERRY,
    FERRY_FOLLOWED_UP,
    FERRY_REWORKED,
    OFFICIAL,
    article,
    corpus,
    made_up,
)

from khabar.corpus._checks import check
from khabar.corpus._findings import Problem, ProblemKind
from khabar.corpus._splits import SPLITS, split
from khabar.corpus._summary import summary
from khabar.labels import Label
from khabar.schema import LabelledSentence

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_data.py"
DATA = Path(__file__).parents[1] / "data" / "articles.jsonl"


def good():
    """Nine articles without a problem where three sentences of a label are enough."""
    random = Random(0)
    return [
        made_up(f"{name}-{n}", random, list(Label), split=name, outlet=f"outlet {n}", guidelines="1.1")
        for name in SPLITS
        for n in range(3)
    ]


def found(*more, splits=SPLITS, **options):
    """The problems of the good articles and some more."""
    return check([*good(), *more], **{"splits": splits, "min_per_label": 3} | options)


def ferry(name="a", units=FERRY, **facts):
    return article(name, units, **{"split": "train", "guidelines": "1.1"} | facts)


def with_sentence(index, **changes):
    """The ferry's report with one sentence changed."""
    whole = ferry(title="غرق عبّارة قبالة جزيرة المرجان")
    sentences = list(whole.sentences)
    sentences[index] = replace(sentences[index], **changes)
    return replace(whole, sentences=tuple(sentences))


def problem_of(problems):
    (problem,) = problems
    return problem


def test_good_articles_have_no_problem():
    assert found() == []
    assert found(ferry(), article("b", BUDGET, split="test", guidelines="1.1")) == []


FERRY_TEXT = "\n".join(text for text, _ in FERRY)

CASES = {
    ProblemKind.REPEATED_ID: (
        [ferry("train-1")],
        'article "train-1": is the id of 2 articles; ids are unique, so rename or drop all but one.',
    ),
    ProblemKind.NO_SENTENCES: (
        [replace(ferry(), sentences=())],
        'article "a": has no sentences; label some or drop the article.',
    ),
    ProblemKind.EMPTY_SENTENCE: (
        [with_sentence(1, end=0, text="")],
        'article "a", sentences[1]: offsets 0 to 0 hold no character; drop the sentence or move them.',
    ),
    ProblemKind.WRONG_OFFSETS: (
        [with_sentence(6, end=999)],
        'article "a", sentences[6]: offsets 350 to 999 are not within the body, which has 419 char',
    ),
    ProblemKind.OVERLAP: (
        [with_sentence(2, start=80, text=FERRY_TEXT[80:154])],
        'article "a", sentences[2]: offsets 80 to 154 reach back before 83, where a sentence',
    ),
    ProblemKind.UNKNOWN_LABEL: (
        [with_sentence(3, label="Claims")],
        'article "a", sentences[3]: "Claims" is no label; use "casualty_report", '
        '"official_statement", "claim", "background" or None for furniture; did you mean "claim"?',
    ),
    ProblemKind.TEXT_IN_TWO_SPLITS: (
        [ferry(), ferry("b", split="test"), ferry("c", split="validation")],
        'article "a": in "train" has the same text as "b" in "test" and "c" in "validation", so that scores '
        "tell what was learnt by heart; keep one of them.",
    ),
    ProblemKind.NEAR_DUPLICATES_IN_TWO_SPLITS: (
        [ferry(), ferry("b", FERRY_REWORKED, split="validation"), ferry("c", FERRY[:3])],
        'article "a": in "train" is a version of "c" in "train" and "b" in "validation", so that scores '
        "tell what was learnt by heart; keep them in one split, or deal the articles out with khabar.corpus",
    ),
    ProblemKind.NO_SPLIT: (
        [ferry(split=None)],
        'article "a": names no split, so nothing is learnt from it or scored on it; name one,',
    ),
    ProblemKind.UNKNOWN_SPLIT: (
        [ferry(split="validaton")],
        'article "a": split "validaton" is none of "train", "validation", "test", and nothing is learnt from '
        'it or scored on it; did you mean "validation"?',
    ),
    ProblemKind.TEXT_TWICE: (
        [ferry(), ferry("b")],
        'article "a": has the same text as "b" of its split and counts more than once; keep one.',
    ),
    ProblemKind.NO_LABELS: (
        [ferry(units=[(text, None) for text, _ in FERRY])],
        'article "a": none of 6 sentences has a label, so nothing is learnt from it; label it or drop it.',
    ),
    ProblemKind.MOSTLY_FURNITURE: (
        [ferry(units=[*FERRY[:2], *((text, None) for text, _ in FERRY[2:])])],
        'article "a": 4 of 6 sentences have no label, which means page furniture; label the '
        "sentences among them.",
    ),
    ProblemKind.LONG_SENTENCE: (
        [ferry(units=[*FERRY, ("والجو صحو " * 71, CONTEXT)])],
        'article "a", sentences[6]: has 710 characters, more than 700, of which a model may',
    ),
    ProblemKind.MIXED_GUIDELINES: (
        [ferry(guidelines="1.0"), article("b", BUDGET, split="train")],
        'articles are labelled under several guidelines, 9 under "1.1", 1 under "1.0", 1 under no',
    ),
    ProblemKind.ONE_LABEL_OUTLET: (
        [made_up("a", Random(9), [OFFICIAL] * 20, split="train", outlet="بيانات", guidelines="1.1")],
        'all 20 sentences of the outlet "بيانات" are official_statement; see whether they',
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_is_found_named_and_placed(kind):
    more, expected = CASES[kind]
    problem = problem_of(found(*more))
    assert problem.kind is kind
    assert str(problem).startswith(expected)


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        (
            {"min_per_label": 4, "splits": ["test"]},
            ProblemKind.FEW_EXAMPLES,
            'split "test" has 3 sentences of casualty_report and needs 4; label more, or deal',
        ),
        (
            {"splits": [*SPLITS, "blind"]},
            ProblemKind.EMPTY_SPLIT,
            'no article is in split "blind"; deal the articles out with khabar.corpus.split.',
        ),
    ],
)
def test_kinds_that_depend_on_what_is_asked_for(options, kind, expected):
    problems = [problem for problem in found(**options) if problem.severity == "error"]
    assert {problem.kind for problem in problems} == {kind}
    assert str(problems[0]).startswith(expected)


def test_no_kind_is_without_a_case():
    assert {*CASES, ProblemKind.FEW_EXAMPLES, ProblemKind.EMPTY_SPLIT} == set(ProblemKind)


@pytest.mark.parametrize(
    ("index", "changes", "kind", "expected"),
    [
        (0, {"part": "lead"}, ProblemKind.WRONG_OFFSETS, '"lead" is no part; use "title", "body"'),
        (1, {"start": -2}, ProblemKind.WRONG_OFFSETS, "offsets -2 to 83 are not within the body"),
        (1, {"start": 83, "end": 2}, ProblemKind.WRONG_OFFSETS, "offsets 83 to 2 are not within the body"),
        (1, {"text": "غرقت"}, ProblemKind.WRONG_OFFSETS, 'and not "غرقت"; take the text of a sentence from'),
        (2, {"start": 83, "end": 84}, ProblemKind.EMPTY_SENTENCE, "offsets 83 to 84 hold only white space"),
        (2, {"also": ("toll",)}, ProblemKind.UNKNOWN_LABEL, '"toll" is no label'),
    ],
)
def test_offsets_and_labels_of_articles_that_were_built(index, changes, kind, expected):
    problem = problem_of(found(with_sentence(index, **changes)))
    assert (problem.kind, problem.article, problem.sentence) == (kind, "a", index)
    assert expected in problem.message


def test_a_title_that_is_not_there_and_one_behind_the_body():
    title = LabelledSentence("title", 0, 4, "خبر", CLAIM)
    problem = problem_of(found(replace(ferry(), sentences=(title, *ferry().sentences))))
    assert 'the part is "title", but the article has no title' in problem.message
    whole = with_sentence(0)
    turned = replace(whole, sentences=(*whole.sentences[1:], whole.sentences[0]))
    assert "a title stands behind a body sentence" in problem_of(found(turned)).message


def test_severity_is_that_of_the_kind():
    assert problem_of(found(ferry(split=None))).severity == "warning"
    assert problem_of(found(ferry("train-1"))).severity == "error"


def test_values_say_what_was_found():
    problem = problem_of(found(*CASES[ProblemKind.NEAR_DUPLICATES_IN_TWO_SPLITS][0]))
    assert (problem.article, problem.sentence, problem.value) == ("a", None, ("a", "c", "b"))
    assert problem_of(found(with_sentence(6, end=999))).value == (350, 999)
    assert problem_of(found(*CASES[ProblemKind.ONE_LABEL_OUTLET][0])).value == "بيانات"


def test_long_groups_and_ids_are_shown_as_far_as_they_help():
    long = "x" * 150
    many = [ferry(f"{long}{n}", split="test" if n else "train") for n in range(9)]
    problems = {problem.kind: problem for problem in found(*many)}
    message = str(problems[ProblemKind.TEXT_IN_TWO_SPLITS])
    assert f'"{long}4" and 4 more in "test"' in message
    assert len(problems[ProblemKind.TEXT_IN_TWO_SPLITS].value) == 9


def test_without_any_split_there_is_one_problem_and_labels_are_counted_over_all():
    articles = [replace(one, split=None) for one in good()]
    problem = problem_of(check(articles, min_per_label=9))
    assert problem.kind is ProblemKind.EMPTY_SPLIT
    assert problem.value == SPLITS
    assert problem.message.startswith('no article names a split, one of "train", "validation", "test"; deal')
    few = [one for one in check(articles, min_per_label=10) if one.kind is ProblemKind.FEW_EXAMPLES]
    assert [one.value for one in few] == [9] * 4
    assert few[0].message.startswith("the corpus has 9 sentences of casualty_report and needs 10")


def test_a_label_that_a_split_lacks_is_told_once_and_only_of_splits_that_are_there():
    problems = check([ferry()], splits=["train", "test"], min_per_label=1)
    assert [one.kind for one in problems] == [ProblemKind.EMPTY_SPLIT, ProblemKind.FEW_EXAMPLES]
    assert "has 0 sentences of casualty_report and needs 1" in problems[1].message


def test_an_article_set_aside_may_be_a_near_duplicate():
    kinds = [one.kind for one in found(ferry(split="test"), ferry("b", FERRY_REWORKED, split=None))]
    assert kinds == [ProblemKind.NO_SPLIT]


def test_the_same_text_in_another_spelling_is_the_same_and_with_other_figures_a_version():
    spelt = [(text.replace("ة", "ه").replace("أ", "ا"), label) for text, label in FERRY]
    assert problem_of(found(ferry(), ferry("b", spelt))).kind is ProblemKind.TEXT_TWICE
    figures = [(text.replace("48", "51"), label) for text, label in FERRY]
    assert found(ferry(), ferry("b", figures)) == []
    problem = problem_of(found(ferry(), ferry("b", figures, split="test")))
    assert problem.kind is ProblemKind.NEAR_DUPLICATES_IN_TWO_SPLITS


def test_follow_ups_may_stand_in_another_split():
    assert found(ferry(), ferry("b", FERRY_FOLLOWED_UP, split="test")) == []


def test_an_outlet_of_one_label_is_suspicious_only_beside_others_and_with_many_sentences():
    random = Random(9)
    one = [made_up("a", random, [CLAIM] * 30, split="train", outlet="x")]
    assert check(one, splits=["train"], min_per_label=0) == []
    few = made_up("a", random, [CLAIM] * 19, split="train", outlet="x", guidelines="1.1")
    assert found(few) == []
    nowhere = made_up("a", random, [CLAIM] * 30, split="train", guidelines="1.1")
    assert found(nowhere) == []


def test_all_problems_come_at_once_single_articles_first():
    articles = [
        replace(ferry("a", split="trian"), sentences=()),
        with_sentence(3, label="x"),
        ferry("b", BUDGET, guidelines="2"),
        ferry("b", BUDGET, split="test"),
    ]
    kinds = [problem.kind for problem in check(articles, min_per_label=0)]
    assert kinds == [
        ProblemKind.UNKNOWN_SPLIT,
        ProblemKind.NO_SENTENCES,
        ProblemKind.UNKNOWN_LABEL,
        ProblemKind.REPEATED_ID,
        ProblemKind.REPEATED_ID,
        ProblemKind.TEXT_IN_TWO_SPLITS,
        ProblemKind.EMPTY_SPLIT,
        ProblemKind.MIXED_GUIDELINES,
    ]


def test_nothing_at_all_is_a_problem_and_no_crash():
    assert {problem.kind for problem in check([])} == {ProblemKind.EMPTY_SPLIT}


def test_what_split_deals_out_passes():
    problems = check(split(corpus(120)), min_per_label=5)
    assert [str(problem) for problem in problems] == []
    copies = [*corpus(120), article("x", FERRY), article("y", FERRY_REWORKED), article("z", FERRY[:3])]
    assert check(split(copies), min_per_label=5) == []


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([FERRY, FERRY_REWORKED, FERRY_FOLLOWED_UP, BUDGET, ELECTION]),
            st.sampled_from([*SPLITS, None, "dev"]),
            st.sampled_from(["a", "b", "c", "d", "e"]),
        ),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_the_articles_every_problem_is_placed_and_said_in_a_sentence(parts, random):
    articles = []
    for units, name, identifier in parts:
        one = article(identifier, units, split=name)
        shifted = [
            replace(
                unit, start=unit.start + random.choice([0, 0, -3, 5]), label=random.choice([unit.label, "x"])
            )
            for unit in one.sentences
        ]
        articles.append(replace(one, sentences=tuple(shifted)))
    ids = {one.id for one in articles}
    problems = check(articles)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert problem.article is None or problem.article in ids
        assert problem.message
        assert "\n" not in str(problem)
        assert str(problem)[-1] in ".?"
        asdict(problem)
    assert check(articles) == problems


def test_summary_counts_by_split_and_outlet():
    articles = [
        ferry("a", outlet="الرصيف"),
        ferry("b", FERRY_REWORKED, outlet="Al-Marfa"),
        ferry("c", FERRY_FOLLOWED_UP, split="test", outlet="الرصيف"),
        ferry("d", BUDGET, split=None),
    ]
    counted = summary(articles)
    assert (counted["articles"], counted["sentences"], counted["furniture"]) == (4, 18, 1)
    assert counted["labels"] == {"casualty_report": 1, "official_statement": 9, "claim": 5, "background": 3}
    assert counted["shares"] == {name: count / 18 for name, count in counted["labels"].items()}
    assert list(counted["splits"]) == ["train", "test", "no split"]
    train = counted["splits"]["train"]
    assert (train["articles"], train["sentences"], train["furniture"]) == (2, 10, 1)
    assert list(train["outlets"]) == ["الرصيف", "Al-Marfa"]
    assert train["outlets"]["الرصيف"]["labels"]["official_statement"] == 3
    assert list(counted["outlets"]) == ["الرصيف", "Al-Marfa", "no outlet"]
    assert json.loads(json.dumps(counted)) == counted


def test_summary_of_nothing_has_shares_of_zero():
    counted = summary([])
    assert counted["splits"] == counted["outlets"] == {}
    assert set(counted["shares"].values()) == {0}


def write(path, articles):
    """As khabar's own JSON Lines."""
    records = []
    for one in articles:
        record = asdict(one)
        for sentence in record["sentences"]:
            del sentence["text"]
        records.append(json.dumps(record, ensure_ascii=False))
    path.write_text("\n".join(records), encoding="utf-8")
    return path


def run(monkeypatch, *arguments):
    """The script's exit code."""
    monkeypatch.setattr(sys, "argv", ["check_data.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return caught.value.code


def test_script_says_that_all_is_well(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "good.jsonl", good())
    assert run(monkeypatch, path, "--min-per-label", 3) == 0
    printed = capsys.readouterr().out
    assert "0 errors, 0 warnings" in printed
    for heading in ("articles", "sentences", *Label, "furniture", "validation", "  outlet 2"):
        assert heading in printed
    assert "3  25.0" in printed


def test_script_counts_errors_and_groups_problems(tmp_path, monkeypatch, capsys):
    more = [ferry(), ferry("b", FERRY_REWORKED, split="test"), ferry("c", ELECTION, split="dev")]
    path = write(tmp_path / "bad.jsonl", [*good(), *more])
    assert run(monkeypatch, path, "--min-per-label", 3) == 1
    out = capsys.readouterr().out
    assert out.index("error: near-duplicates in two splits (1)") < out.index("warning: an unknown split (1)")
    assert '  article "a": in "train" is a version of "b" in "test"' in out
    assert out.endswith("\n1 error, 1 warning\n")


def test_script_with_warnings_alone_succeeds(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "mixed.jsonl", [*good(), ferry(guidelines="1.0")])
    assert run(monkeypatch, path, "--min-per-label", 3) == 0
    assert "0 errors, 1 warning" in capsys.readouterr().out


def test_script_shows_some_problems_of_a_kind_or_all(tmp_path, monkeypatch, capsys):
    random = Random(5)
    many = [made_up(f"m{n}", random, list(Label), split="dev", guidelines="1.1") for n in range(12)]
    path = write(tmp_path / "many.jsonl", [*good(), *many])
    assert run(monkeypatch, path, "--min-per-label", 3, "--show", 4) == 0
    out = capsys.readouterr().out
    assert '"m3"' in out
    assert '"m4"' not in out
    assert "… and 8 more, which --all shows." in out
    assert run(monkeypatch, path, "--min-per-label", 3, "--all") == 0
    assert '"m11"' in capsys.readouterr().out


def test_script_takes_the_splits_that_there_are_to_be(tmp_path, monkeypatch, capsys):
    articles = [one for one in good() if one.split != "test"]
    path = write(tmp_path / "two.jsonl", articles)
    assert run(monkeypatch, path, "--min-per-label", 3) == 1
    assert 'no article is in split "test"' in capsys.readouterr().out
    assert run(monkeypatch, path, "--min-per-label", 3, "--splits", "train", "validation") == 0


def test_script_names_what_it_cannot_read(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, tmp_path / "none.jsonl") == 2
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 7}', encoding="utf-8")
    assert run(monkeypatch, broken, "--format", "jsonl") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "check_data: " in captured.err
    assert "id: 7 is no string" in captured.err


def test_script_shows_some_problems_of_a_broken_file_or_all(tmp_path, monkeypatch, capsys):
    path = tmp_path / "broken.csv"
    rows = [f"a{number},وصل الوفد رقم {number}.,clam" for number in range(30)]
    path.write_text("\n".join(["article_id,sentence,label", *rows]), encoding="utf-8")
    assert run(monkeypatch, path) == 2
    assert "… and 10 more" in capsys.readouterr().err
    assert run(monkeypatch, path, "--all") == 2
    told = capsys.readouterr().err
    assert told.count(f"{path}: line ") == 30
    assert "the splits were not checked" in told


def test_script_prints_nothing_that_moves_a_cursor_or_is_markup(tmp_path, monkeypatch, capsys):
    evil = ferry("[red]\x1b[2J", outlet="[bold]‮\x1b[31m", split="dev")
    path = write(tmp_path / "evil.jsonl", [*good(), evil])
    run(monkeypatch, path)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "‮" not in out
    assert "[red]" in out
    assert "[bold]" in out


def test_own_articles_are_checked(monkeypatch, capsys):
    assert run(monkeypatch, DATA, "--min-per-label", 1) == 0
    assert "Sada al-Wadi" in capsys.readouterr().out
