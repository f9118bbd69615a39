"""Deterministic noise: integers computed from integers, without state and without floats.

``draw`` is a hash, ``smooth`` a curve through hashes, ``fractal`` a sum of such curves that moves like a price. The value at any
moment is computed without the moments before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

#: Noise runs from -SCALE to +SCALE. Thirty bits keep every product here within a machine word and a half.
BITS = 30
SCALE = 1 << BITS

_MASK = (1 << 64) - 1
#: The increment and the two multipliers of the SplitMix64 generator, chosen by its authors for their avalanche.
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def draw(salt: int, index: int) -> int:
    """64 well-mixed bits that depend on ``salt`` and ``index`` only."""
    bits = (salt + (index + 1) * _GOLDEN) & _MASK
    bits = ((bits ^ (bits >> 30)) * _MIX_1) & _MASK
    bits = ((bits ^ (bits >> 27)) * _MIX_2) & _MASK
    return bits ^ (bits >> 31)


def salt_of(seed: int, *names: str) -> int:
    """A salt for ``draw`` from a seed and names; the built-in ``hash`` would differ between processes."""
    salt = seed & _MASK
    for name in names:
        for byte in name.encode() + b"\0":
            salt = draw(salt, byte)
    return salt


def smooth(salt: int, moment: int, period_bits: int) -> int:
    """A smooth curve through a random value every ``2 ** period_bits`` moments, from -SCALE to +SCALE."""
    index = moment >> period_bits
    left, right = _lattice(salt, period_bits, index), _lattice(salt, period_bits, index + 1)
    along = ((moment & ((1 << period_bits) - 1)) << BITS) >> period_bits
    # Smoothstep, 3t^2 - 2t^3: level at the lattice points, so that the curve has no corners there.
    eased = (along * along * (3 * SCALE - 2 * along)) >> (2 * BITS)
    return left + (((right - left) * eased) >> BITS)


def fractal(salt: int, moment: int, octaves: Sequence[tuple[int, int]]) -> int:
    """The sum of curves: each octave is (bits of its period, its height in millionths of SCALE)."""
    return sum(smooth(salt, moment, bits) * height for bits, height in octaves) // 1_000_000


def fractals(salt: int, moments: Sequence[int], octaves: Sequence[tuple[int, int]]) -> list[int]:
    """``fractal`` at each of ``moments``, which are sorted: a third of the time, because neighbours share what they lie between."""
    sums = [0] * len(moments)
    for bits, height in octaves:
        index, left, rise = None, 0, 0
        for number, moment in enumerate(moments):
            if moment >> bits != index:
                index = moment >> bits
                left = _lattice(salt, bits, index)
                rise = _lattice(salt, bits, index + 1) - left
            along = ((moment & ((1 << bits) - 1)) << BITS) >> bits
            eased = (along * along * (3 * SCALE - 2 * along)) >> (2 * BITS)
            sums[number] += (left + ((rise * eased) >> BITS)) * height
    return [each // 1_000_000 for each in sums]


@lru_cache(
    maxsize=4096
)  # Neighbouring moments share their lattice points; 4096 serve a screen of candles on every pair.
def _lattice(salt: int, period_bits: int, index: int) -> int:
    return (draw(salt ^ period_bits, index) >> (63 - BITS)) - SCALE
