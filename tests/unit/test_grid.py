import pytest

from khabar._grid import percent_cell


@pytest.mark.parametrize(
    ("shares", "signed", "cell"),
    [
        ((0.783, 0.75, 0.812), False, "78.3 [75.0, 81.2]"),
        ((0.783,), False, "78.3"),
        ((None, None, None), False, "–"),
        ((0.012, -0.004, 0.03), True, "+1.2 [-0.4, +3.0]"),
        ((-0.0001, -0.0, 0.0), True, "+0.0 [+0.0, +0.0]"),
    ],
)
def test_shares_are_set_in_percent(shares, signed, cell):
    assert percent_cell(*shares, signed=signed) == cell
