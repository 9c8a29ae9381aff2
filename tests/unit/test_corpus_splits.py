import sys
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from labelled_articles import (
    BUDGET,
    CLAIM,
    ELECTION,
    FERRY,
    FERRY_FOLLOWED_UP,
    FERRY_REWORKED,
    article,
    corpus,
    made_up,
    words,
)

from khabar.corpus._duplicates import Groups, near_duplicates
from khabar.corpus._splits import SHARES, SPLITS, folds, split
from khabar.errors import DataError, MissingExtraError
from khabar.labels import Label

SHARE = {"train": 0.8, "validation": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    "version",
    [
        FERRY_REWORKED,
        FERRY[:3],
        FERRY[2:],
        [(text.replace("48", "51").replace("62", "64"), label) for text, label in FERRY],
        [(text.replace("ة", "ه").replace("أ", "ا").replace("ّ", ""), label) for text, label in FERRY],
        [*FERRY, ("ولم تعرف أسباب الحادث بعد.", CLAIM)],
        [*ELECTION, *FERRY],
    ],
    ids=["reworked", "cut", "without its lead", "another toll", "spelling", "longer", "in a round-up"],
)
def test_versions_of_a_report_are_near_duplicates(version):
    articles = [article("first", FERRY), article("other", BUDGET), article("second", version)]
    assert near_duplicates(articles) == [("first", "second")]


@pytest.mark.parametrize("other", [FERRY_FOLLOWED_UP, BUDGET, ELECTION, [FERRY[1], *BUDGET[1:]]])
def test_reports_that_share_an_event_a_formula_or_one_sentence_are_not(other):
    assert near_duplicates([article("first", FERRY), article("second", other)]) == []


def test_formulas_of_their_own_and_short_sentences_that_share_one_are_not():
    short = [("وقال في بيان له اليوم", CLAIM)]
    longer = [("وقال في بيان له أمس", CLAIM)]
    assert near_duplicates([article("a", FERRY), article("b", short), article("c", longer)]) == []
    assert near_duplicates([article("b", short), article("c", short)]) == [("b", "c")]


def test_furniture_and_titles_do_not_make_articles_alike():
    page = [(text, None) for text, _ in FERRY]
    first = article("first", [*page, *BUDGET], title="الموازنة إلى البرلمان")
    assert near_duplicates([first, article("second", [*page, *ELECTION], title=first.title)]) == []
    assert near_duplicates([article("a", page), article("b", page)]) == []


def test_an_article_without_a_body_is_known_by_its_title():
    titles = [article(name, [], title="غرق عبّارة قبالة جزيرة المرجان") for name in "ab"]
    assert near_duplicates(titles) == [("a", "b")]


def test_groups_are_transitive_and_in_the_order_of_the_articles():
    parts = [FERRY[:3], FERRY, FERRY[3:]]
    articles = [article("budget", BUDGET), *(article(str(n), part) for n, part in enumerate(parts))]
    articles.append(article("again", BUDGET))
    assert near_duplicates(articles) == [("budget", "again"), ("0", "1", "2")]


def test_threshold_says_how_alike():
    articles = [article("a", [*FERRY[:2], *BUDGET]), article("b", [*FERRY[:2], *ELECTION])]
    assert near_duplicates(articles, threshold=0.3) == [("a", "b")]
    assert near_duplicates(articles, threshold=0.9) == []
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            near_duplicates(articles, wrong)


def test_no_articles_have_no_near_duplicates():
    assert near_duplicates([]) == []


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'datasketch'.*khabar\[train\]"):
        near_duplicates([article("a", FERRY)])


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_groups_are_the_connected_parts(pairs):
    groups = Groups(20)
    for pair in pairs:
        groups.join(*pair)
    listed = groups.listed()
    assert sorted(number for group in listed for number in group) == list(range(20))
    assert [group[0] for group in listed] == sorted(min(group) for group in listed)
    for one, other in pairs:
        assert groups.leader(one) == groups.leader(other)
    # As many as there are after each join that joined something.
    joined, seen = 0, {n: {n} for n in range(20)}
    for one, other in pairs:
        if seen[one] is not seen[other]:
            joined += 1
            union = seen[one] | seen[other]
            seen.update(dict.fromkeys(union, union))
    assert len(listed) == 20 - joined


@st.composite
def wire_corpora(draw):
    """Reports in one to four versions each, cut and with a word changed, in any order."""
    random = Random(draw(st.integers(0, 2**32)))
    articles = []
    for versions in draw(st.lists(st.integers(1, 4), min_size=8, max_size=16)):
        report = words(random, draw(st.integers(30, 80)))
        for _ in range(versions):
            version = report[: random.randint(len(report) // 2, len(report))]
            version[random.randrange(len(version))] = words(random, 1)[0]
            sentences = [" ".join(version[start : start + 9]) for start in range(0, len(version), 9)]
            units = [(text, random.choice(list(Label))) for text in sentences]
            outlet = random.choice(["Al-Marfa", "الرصيف", "Anba al-Sahil"])
            articles.append(article(f"a{len(articles)}", units, outlet=outlet))
    random.shuffle(articles)
    return articles


def assert_kept_together(before, after):
    """No article and no group in two splits; nothing but splits changed."""
    assert [replace(one, split=None) for one in after] == before
    split_of = {one.id: one.split for one in after}
    for group in near_duplicates(before):
        assert len({split_of[name] for name in group}) == 1, group


@settings(deadline=None, max_examples=25)
@given(wire_corpora(), st.integers(0, 100))
def test_no_article_and_no_near_duplicate_is_in_two_splits(articles, seed):
    after = split(articles, seed=seed)
    assert_kept_together(articles, after)
    assert {one.split for one in after} == set(SPLITS)


@settings(deadline=None, max_examples=15)
@given(wire_corpora(), st.integers(3, 6), st.integers(0, 100))
def test_folds_test_each_article_once_and_keep_near_duplicates_together(articles, k, seed):
    dealt = folds(articles, k, seed=seed)
    assert len(dealt) == k
    tested, validated = Counter(), Counter()
    for number, fold in enumerate(dealt):
        assert_kept_together(articles, fold)
        assert {one.split for one in fold} == set(SPLITS)
        tested.update(one.id for one in fold if one.split == "test")
        validated.update(one.id for one in fold if one.split == "validation")
        after = dealt[(number + 1) % k]
        assert [one.id for one in fold if one.split == "validation"] == [
            one.id for one in after if one.split == "test"
        ]
    names = {one.id for one in articles}
    assert set(tested) == set(validated) == names
    assert set(tested.values()) == set(validated.values()) == {1}


@settings(deadline=None, max_examples=15)
@given(wire_corpora())
def test_what_is_held_out_has_no_near_duplicate_elsewhere(articles):
    assume(any(one.outlet == "Al-Marfa" for one in articles))
    try:
        after = split(articles, hold_out_outlets=["Al-Marfa"])
    except DataError:
        reject()  # Too little is left over.
    assert [replace(one, split=None) for one in after] == articles
    split_of = {one.id: one.split for one in after}
    groups = near_duplicates(articles)
    for group in groups:
        assert len({split_of[name] for name in group} - {None}) == 1, group
    for one in after:
        assert (one.split == "test") == (one.outlet == "Al-Marfa")
        if one.split is None:
            (group,) = (group for group in groups if one.id in group)
            assert any(split_of[name] == "test" for name in group)


def deviation(articles, shares):
    """By how much a split misses its share of a label or of the articles, at worst, relative to the share."""
    counts = {name: Counter() for name in shares}
    for one in articles:
        counts[one.split].update(sentence.label for sentence in one.sentences)
        counts[one.split]["articles"] += 1
    worst = 0
    for of in (*Label, "articles"):
        total = sum(count[of] for count in counts.values())
        for name, share in shares.items():
            worst = max(worst, abs(counts[name][of] / (share * total) - 1))
    return worst


def test_labels_are_spread_by_their_shares():
    """A tenth of 300 articles is some 56 tolls and 178 claims, so that 5 % are 3 and 9 sentences."""
    articles = corpus(300)
    random = Random(0)
    by_chance = [replace(one, split=random.choices(SPLITS, [0.8, 0.1, 0.1])[0]) for one in articles]
    assert deviation(by_chance, SHARE) > 0.3
    for seed in range(3):
        assert deviation(split(articles, seed=seed), SHARE) < 0.05
    thirds = {"train": 0.5, "test": 0.5}
    assert deviation(split(articles, thirds), thirds) < 0.01


def test_folds_are_of_one_size_and_mixture():
    for fold in folds(corpus(200), 5):
        assert deviation(fold, {"train": 0.6, "validation": 0.2, "test": 0.2}) < 0.05


def test_a_large_group_does_not_unbalance_the_rest():
    random = Random(1)
    copies = [article(f"copy{n}", FERRY) for n in range(40)]
    after = split([*copies, *(made_up(f"a{n}", random, [*Label]) for n in range(160))])
    assert len({one.split for one in after if one.id.startswith("copy")}) == 1
    sizes = Counter(one.split for one in after)
    assert sizes["validation"] == pytest.approx(20, abs=2)
    assert sizes["test"] == pytest.approx(20, abs=2)


def test_same_seed_same_splits_other_seed_others():
    articles = corpus(60)
    assert split(articles, seed=4) == split(articles, seed=4)
    assert split(articles, seed=4) != split(articles, seed=5)
    assert folds(articles, 3, seed=4) == folds(articles, 3, seed=4)
    assert folds(articles, 3, seed=4) != folds(articles, 3, seed=5)


def test_splits_are_the_same_on_every_machine_and_from_release_to_release():
    after = split(corpus(30), seed=7)
    assert [one.id for one in after if one.split == "validation"] == ["a0", "a15", "a17"]
    assert [one.id for one in after if one.split == "test"] == ["a2", "a7", "a23"]


def test_splits_that_were_there_are_not_looked_at():
    articles = corpus(20)
    assert split([replace(one, split="test") for one in articles]) == split(articles)


def test_articles_of_one_id_stay_together():
    random = Random(2)
    twins = [made_up("twin", random, [CLAIM] * 3) for _ in range(8)]
    after = split([*corpus(20), *twins])
    assert len({one.split for one in after if one.id == "twin"}) == 1


def test_no_split_stays_empty_however_few_articles_there_are():
    after = split(corpus(3))
    assert {one.split for one in after} == set(SPLITS)
    uneven = split(corpus(4), {"train": 0.98, "validation": 0.01, "test": 0.01})
    assert Counter(one.split for one in uneven) == {"train": 2, "validation": 1, "test": 1}


def test_articles_without_labels_are_dealt_out_too():
    random = Random(3)
    after = split([made_up(f"a{n}", random, [None]) for n in range(20)])
    assert Counter(one.split for one in after) == {"train": 16, "validation": 2, "test": 2}


def test_outlets_are_held_out_and_the_rest_keeps_its_proportion():
    articles = corpus(200)
    after = split(articles, hold_out_outlets=["Al-Marfa", "الرصيف"])
    held = [one for one in after if one.split == "test"]
    assert {one.outlet for one in held} == {"Al-Marfa", "الرصيف"}
    assert len(held) == sum(one.outlet in {"Al-Marfa", "الرصيف"} for one in articles)
    rest = [one for one in after if one.split != "test"]
    assert deviation(rest, {"train": 8 / 9, "validation": 1 / 9}) < 0.08
    without_test = split(articles, {"train": 0.9, "validation": 0.1}, hold_out_outlets=["Al-Marfa"])
    assert {one.split for one in without_test if one.outlet != "Al-Marfa"} == {"train", "validation"}


def test_a_near_duplicate_of_what_is_held_out_is_set_aside():
    articles = [article("here", FERRY, outlet="Al-Marfa"), article("there", FERRY_REWORKED, outlet="الرصيف")]
    after = split([*articles, *corpus(20)], hold_out_outlets=["Al-Marfa"])
    assert (after[0].split, after[1].split) == ("test", None)
    assert sum(one.split is None for one in after) == 1


def test_later_days_are_held_out():
    articles = corpus(40)
    days = {one.id: date(2024, 1, 1) + timedelta(days=n) for n, one in enumerate(articles)}
    days["a33"] = datetime(2024, 2, 3, 23, 59)
    after = split(articles, hold_out_after=date(2024, 2, 2), dates=days)
    assert [one.id for one in after if one.split == "test"] == [f"a{n}" for n in range(33, 40)]
    both = split(articles, hold_out_after=date(2024, 2, 2), dates=days, hold_out_outlets=["Al-Marfa"])
    assert {one.id for one in both if one.split == "test"} == {
        *(f"a{n}" for n in range(33, 40)),
        *(one.id for one in articles if one.outlet == "Al-Marfa"),
    }


ARTICLES = corpus(6)
DAYS = dict.fromkeys((one.id for one in ARTICLES), date(2024, 5, 1))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"shares": {"train": 0.8, "test": 0.3}}, "shares sum to 1.1; make them sum to 1."),
        ({"shares": {}}, "shares sum to 0; make them sum to 1."),
        ({"shares": {"train": 1.2, "test": -0.2}}, 'the share of "test" is -0.2; make it greater than 0'),
        ({"shares": {"train": 0.5, "tets": 0.5}}, 'shares has "tets", which is no split; use "train"'),
        ({"shares": {"train": 0.5, "tets": 0.5}}, 'did you mean "test"?'),
        ({"hold_out_outlets": "Al-Marfa"}, 'hold_out_outlets is one string; write ["Al-Marfa"].'),
        ({"hold_out_after": date(2024, 1, 1)}, "hold_out_after needs the day of each article"),
        ({"dates": {}}, "dates are given and hold_out_after is not"),
        ({"shares": {"test": 1}, "hold_out_outlets": ["Al-Marfa"]}, 'what is held out is all of "test"'),
    ],
)
def test_options_that_are_wrong_in_themselves(options, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at below
        split(ARTICLES, **options)
    assert not isinstance(caught.value, DataError)
    assert expected in str(caught.value)


def test_all_wrong_options_come_at_once():
    with pytest.raises(ValueError, match="no split") as caught:
        split(ARTICLES, {"tset": 0.5}, hold_out_outlets="x", dates={})
    for part in ("no split", "sum to 0.5", "one string", "dates are given"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"hold_out_outlets": ["الرصيڤ"]}, 'no article is of the outlet "الرصيڤ"; did you mean "الرصيف"?'),
        ({"hold_out_outlets": ["al-marfaa"]}, 'did you mean "Al-Marfa"?'),
        ({"hold_out_outlets": ["Reuters"]}, "the outlets with the most articles are"),
        ({"hold_out_after": date(2024, 5, 1), "dates": DAYS}, "the latest is of 2024-05-01"),
        (
            {"hold_out_after": date(2024, 5, 1), "dates": {"a5": date(2024, 5, 2)}},
            'dates lacks "a0", "a1", "a2" and 2 more; give their days or leave the articles out.',
        ),
        ({"hold_out_outlets": {one.outlet for one in ARTICLES}}, "0 groups beside what is held out"),
    ],
)
def test_wishes_that_the_articles_do_not_allow(options, expected):
    with pytest.raises(DataError) as caught:
        split(ARTICLES, **options)
    assert expected in str(caught.value)


def test_unknown_outlets_and_missing_days_come_at_once():
    with pytest.raises(DataError) as caught:
        split(
            ARTICLES,
            hold_out_outlets=["Reuters", "Al-Marfaa"],
            hold_out_after=date(2024, 1, 1),
            dates={},
        )
    for part in ('"Reuters"', '"Al-Marfaa"', "dates lacks"):
        assert part in str(caught.value)


def test_too_few_groups_are_told():
    same = [article(str(n), FERRY) for n in range(5)]
    with pytest.raises(DataError, match=r'form 1 group that cannot be divided, too few for "train", "valid'):
        split(same)
    with pytest.raises(DataError, match="form 0 groups"):
        split([])
    with pytest.raises(
        DataError, match=r"form 6 groups that cannot be divided, too few for 7 folds; label more"
    ):
        folds(ARTICLES, 7)
    with pytest.raises(ValueError, match="k is 2; one fold tests"):
        folds(ARTICLES, 2)


def test_default_shares_are_whole_and_cannot_be_changed():
    assert sum(SHARES.values()) == pytest.approx(1)
    with pytest.raises(TypeError):
        SHARES["train"] = 0.5
