import pytest

from khabar.plots import confusion_matrix, search_history, training_curves, variants

PNG = b"\x89PNG\r\n\x1a\n"


def is_png(path):
    return path.read_bytes().startswith(PNG) and path.stat().st_size > 5000


def test_equal_counts_give_an_equal_picture_and_others_another(tmp_path):
    counts = [[5, 1], [0, 4]]
    for name, table in (("a", counts), ("b", counts), ("c", [[5, 1], [2, 2]])):
        confusion_matrix(table, ["claim", "casualty_report"], "test", tmp_path / f"{name}.png")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a.startswith(PNG)
    assert a == b != c
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png"]


def test_a_label_that_never_occurs_is_drawn_too(tmp_path):
    confusion_matrix([[0, 0], [1, 4]], ["claim", "background"], "test", tmp_path / "a.png")
    assert is_png(tmp_path / "a.png")


def test_a_picture_needs_its_folder(tmp_path):
    with pytest.raises(OSError, match="none"):
        confusion_matrix([[1]], ["claim"], "test", tmp_path / "none" / "a.png")


@pytest.mark.parametrize(
    "history",
    [
        [{"step": 5, "loss": 1.2}, {"step": 10, "loss": 0.8}],
        [{"step": 5, "loss": 1.2}, {"step": 5, "eval_loss": 1.1, "eval_macro_f1": 0.4}],
        [{"step": 5, "eval_macro_f1": 0.4}, {"step": 5, "eval_macro_f1": 0.5}],
    ],
)
def test_curves_are_drawn_of_what_there_is(tmp_path, history):
    assert training_curves(history, tmp_path / "a.png")
    assert is_png(tmp_path / "a.png")


def test_nothing_is_drawn_of_nothing(tmp_path):
    assert not training_curves([{"step": 3, "train_runtime": 2.0}], tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "panels",
    [
        {"validation": {"5 %": [0.7, 0.72], "10 %": [0.75], "100 %": [0.8, 0.8, 0.9]}},
        {"validation": {"none": [0.7, 0.72]}, "test": {"start": [0.6], "none": [0.7, 0.71]}},
        {"validation": {"0 articles": [0.7, 0.72], "1 article": [0.6, 0.5]}},
    ],
)
def test_variants_are_drawn(tmp_path, panels):
    variants(panels, tmp_path / "a.png", "share")
    assert is_png(tmp_path / "a.png")


def test_variants_named_by_numbers_are_a_curve():
    from matplotlib.figure import Figure

    from khabar.plots import _draw_variants

    axes = Figure().subplots()
    _draw_variants(axes, {"5 %": [0.7, 0.72], "100 %": [0.8]})
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5 %", "100 %"]
    assert list(axes.get_xticks()) == [5, 100]
    axes = Figure().subplots()
    _draw_variants(axes, {"left 1": [0.7, 0.72], "left 2": [0.8]})
    assert axes.get_xscale() == "linear"


@pytest.mark.parametrize(
    "trials", [[], [(0, 0.5, True)], [(0, 0.5, False)], [(0, 0.5, True), (2, 0.3, False)]]
)
def test_a_search_is_drawn(tmp_path, trials):
    search_history(trials, tmp_path / "a.png")
    assert is_png(tmp_path / "a.png")
