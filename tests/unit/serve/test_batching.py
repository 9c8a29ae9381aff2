"""The queue in front of the model."""

import asyncio
import threading

import pytest
from served import ARTICLE, OTHER, CueAnnotator

from khabar.errors import InputError
from khabar.serve._batching import BATCH_ARTICLES, BATCH_CHARACTERS, FIRST_GUESS, Batcher
from khabar.serve._problems import ProblemError
from khabar.serve.options import ServeOptions


class Watcher:
    def __init__(self):
        self.batches = []

    def batch(self, articles, characters, seconds):
        self.batches.append(articles)


class Model(CueAnnotator):
    """Lets a test hold the model back, and says no to one text, or fails at another."""

    def __init__(self, folder):
        super().__init__(folder, gate=threading.Event())
        self.gate.set()
        self.slow = threading.Event()

    def read(self, articles):
        for article in articles:
            if any("ببطء" in sentence for sentence in article):
                self.slow.wait(20)
            if any("مرفوض" in sentence for sentence in article):
                raise InputError("this text is refused.")
            if any("عطل" in sentence for sentence in article):
                raise RuntimeError("a bug")
        return super().read(articles)


def run(tmp_path, scenario, **options):
    async def main():
        model, watcher = Model(tmp_path / "model"), Watcher()
        batcher = Batcher(model, ServeOptions(**options), watcher)
        batcher.start()
        try:
            return await asyncio.wait_for(scenario(batcher, model, watcher), 20)
        finally:
            model.gate.set()
            await batcher.close()

    return asyncio.run(main())


async def settled(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_everybody_gets_their_own_article(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        texts = [f"وصل الوزير رقم {number} إلى المدينة اليوم." for number in range(100)]
        asked = [asyncio.ensure_future(batcher.annotate([(text, None)])) for text in texts]
        await settled(lambda: batcher.waiting == 100)
        model.gate.set()
        found = await asyncio.gather(*asked)
        assert [article.text for (article,) in found] == texts
        # One by one would have been a hundred batches.
        assert max(watcher.batches) == BATCH_ARTICLES
        assert len(watcher.batches) <= 6

    run(tmp_path, scenario)


def test_sentences_and_articles_can_be_mixed(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        first = asyncio.ensure_future(batcher.annotate([(ARTICLE, "عنوان"), (OTHER, None)]))
        second = asyncio.ensure_future(batcher.label(["قتل رجلان.", "وقال الوزير."]))
        await settled(lambda: batcher.waiting == 3)
        model.gate.set()
        articles, sentences = await first, await second
        assert [article.title for article in articles] == ["عنوان", None]
        assert [sentence.label for sentence in sentences] == ["casualty_report", "official_statement"]

    run(tmp_path, scenario)


def test_one_bad_article_costs_only_its_own_request(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        asked = [
            asyncio.ensure_future(batcher.annotate([(text, None)])) for text in (OTHER, "نص مرفوض.", ARTICLE)
        ]
        await settled(lambda: batcher.waiting == 3)
        model.gate.set()
        good, bad, other = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(bad, InputError)
        assert (good[0].text, other[0].text) == (OTHER, ARTICLE)

    run(tmp_path, scenario)


def test_a_bug_costs_only_the_request_that_hit_it(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        asked = [asyncio.ensure_future(batcher.annotate([(text, None)])) for text in (OTHER, "عطل هنا.")]
        await settled(lambda: batcher.waiting == 2)
        model.gate.set()
        (good,), bad = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(bad, RuntimeError)
        assert good.text == OTHER
        (article,) = await batcher.annotate([(OTHER, None)])
        assert len(article) == 2

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (OTHER, {"max_waiting": 4}),
        (OTHER, {"max_waiting_characters": 4 * len(OTHER)}),
        # At the rate that is assumed before the model has been measured, what waits takes longer than that.
        ("وصل الوزير. " * int(FIRST_GUESS / 12), {"time_limit": 3.5}),
    ],
)
def test_too_much_is_told_to_come_back(tmp_path, text, limit):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        asked = [asyncio.ensure_future(batcher.annotate([(text, None)])) for _ in range(4)]
        await settled(lambda: batcher.waiting == 4)
        with pytest.raises(ProblemError) as caught:
            await batcher.annotate([(OTHER, None)])
        assert (caught.value.status, caught.value.code) == (429, "busy")
        assert 1 <= caught.value.retry_after <= 60
        model.gate.set()
        assert len(await asyncio.gather(*asked)) == 4
        await batcher.annotate([(OTHER, None)])

    run(tmp_path, scenario, **limit)


def test_a_request_that_is_alone_is_always_taken(tmp_path):
    async def scenario(batcher, model, watcher):
        assert len(await batcher.annotate([(OTHER, None)] * 3)) == 3

    run(tmp_path, scenario, max_waiting=2)


def test_long_articles_do_not_share_a_batch(tmp_path):
    async def scenario(batcher, model, watcher):
        long = "وصل الوزير. " * (BATCH_CHARACTERS // 15)
        model.gate.clear()
        asked = [asyncio.ensure_future(batcher.annotate([(long, None)])) for _ in range(3)]
        await settled(lambda: batcher.waiting == 3)
        model.gate.set()
        await asyncio.gather(*asked)
        assert watcher.batches == [1, 1, 1]

    run(tmp_path, scenario)


def test_a_single_article_does_not_wait_for_all_of_a_batch(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        many = asyncio.ensure_future(batcher.annotate([(f"{OTHER} {number}", None) for number in range(200)]))
        await settled(lambda: batcher.waiting == 200)
        single = asyncio.ensure_future(batcher.annotate([(ARTICLE, None)]))
        await settled(lambda: batcher.waiting == 201)
        model.gate.set()
        done, _ = await asyncio.wait({many, single}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {single}
        assert len(watcher.batches) <= 2
        articles = await many
        assert [article.text for article in articles] == [f"{OTHER} {number}" for number in range(200)]

    run(tmp_path, scenario)


def test_a_short_article_does_not_wait_for_a_long_one(tmp_path):
    async def scenario(batcher, model, watcher):
        words = "وصل الوزير ببطء. "
        long = asyncio.ensure_future(batcher.annotate([(words * (BATCH_CHARACTERS // len(words) + 1), None)]))
        await settled(lambda: batcher.waiting == 1)
        (short,) = await batcher.annotate([(OTHER, None)])
        assert short.text == OTHER
        assert not long.done()
        assert batcher.waiting == 1
        model.slow.set()
        assert len(await long) == 1

    run(tmp_path, scenario)


def test_who_waits_too_long_is_told_and_not_worked_for(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        first = asyncio.ensure_future(batcher.annotate([(OTHER, None)]))
        await settled(lambda: batcher.waiting == 1)
        with pytest.raises(ProblemError) as caught:
            await batcher.annotate([(ARTICLE, None)])
        assert (caught.value.status, caught.value.code) == (503, "time_limit")
        assert (await asyncio.gather(first, return_exceptions=True))[0].code == "time_limit"
        model.gate.set()
        await batcher.annotate([(OTHER, None)])
        # The first one was with the model already; the second one never got there.
        assert watcher.batches == [1, 1]

    run(tmp_path, scenario, time_limit=0.2)


@pytest.mark.parametrize("turns", range(5))
def test_being_stopped_is_not_lost_when_the_result_comes_at_the_same_moment(tmp_path, turns):
    # A reader whose stop is lost reads on, and a server that is closing waits for it for ever.
    accepted = []

    async def scenario(batcher, model, watcher):
        loop = asyncio.get_running_loop()

        def stop(turns):
            if turns:
                loop.call_soon(stop, turns - 1)
            else:
                accepted.append(asked.cancel())

        # The model is done with its batch, and the result is on its way through the event loop.
        watcher.batch = lambda *_: loop.call_soon(stop, turns)
        asked = asyncio.ensure_future(batcher.label(["وصل الوزير اليوم."]))
        await asyncio.wait({asked})
        await settled(lambda: accepted)
        assert asked.cancelled() == accepted[0]

    run(tmp_path, scenario)


def test_stopping_finishes_what_waits_and_takes_nothing_new(tmp_path):
    async def scenario(batcher, model, watcher):
        model.gate.clear()
        asked = [asyncio.ensure_future(batcher.annotate([(OTHER, None)])) for _ in range(3)]
        await settled(lambda: batcher.waiting == 3)
        closing = asyncio.ensure_future(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as caught:
            await batcher.annotate([(OTHER, None)])
        assert (caught.value.status, caught.value.code) == (503, "stopping")
        model.gate.set()
        await closing
        assert len(await asyncio.gather(*asked)) == 3

    run(tmp_path, scenario)
