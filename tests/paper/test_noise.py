"""Noise never changes, and stays within its bounds."""

import itertools

from app.paper.noise import SCALE, draw, fractal, salt_of, smooth


def test_a_draw_is_the_same_in_every_process() -> None:
    """The market of a seed may never change, or a restart would see other prices: these numbers are pinned."""
    assert draw(1, 0) == 0x910A2DEC89025CC1
    assert salt_of(20, "path", "BTC-USDT") == salt_of(20, "path", "BTC-USDT")
    assert salt_of(20, "path", "BTC-USDT") != salt_of(20, "pathBTC-USDT")


def test_a_curve_passes_through_its_lattice_without_jumps() -> None:
    """From one moment to the next a curve of period 16 moves by a small part of its height."""
    values = [smooth(7, moment, 4) for moment in range(2_000)]
    assert all(-SCALE <= value <= SCALE for value in values)
    assert max(abs(right - left) for left, right in itertools.pairwise(values)) < SCALE // 4


def test_a_fractal_is_no_higher_than_its_octaves_together() -> None:
    """Heights of 3 and 2 millionths bound the sum to 5."""
    values = [fractal(7, moment * 1_009, ((8, 3), (4, 2))) for moment in range(2_000)]
    assert max(map(abs, values)) <= SCALE * 5 // 1_000_000
    assert len(set(values)) > 100
