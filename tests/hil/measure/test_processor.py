"""What a slower processor does to figures, on constructed processors."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.measure.processor import (
    SLOWEST,
    Margin,
    find_margin,
    loss_uncertainty,
    widened,
)


class Processor:
    """Keeps up below a threshold, and remembers what was tried."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.tried: list[float] = []

    def known(self, *factors: float) -> dict[float, bool]:
        return {factor: factor < self.threshold for factor in factors}

    async def keeps_up(self, factor: float) -> bool:
        self.tried.append(factor)
        return factor < self.threshold


def margin_of(processor: Processor, *known: float) -> Margin:
    return asyncio.run(find_margin(processor.keeps_up, processor.known(*known)))


def test_what_one_sigma_of_the_processor_does_is_added_in_quadrature() -> None:
    assert widened(3e-3, 13e-3, 17e-3) == pytest.approx(5e-3)
    assert widened(3e-3, 17e-3, 13e-3) == pytest.approx(5e-3)
    assert widened(3e-3, 13e-3, 13e-3) == pytest.approx(3e-3)


def test_what_is_unknown_stays_unknown() -> None:
    assert widened(None, 13e-3, 17e-3) is None


def test_only_what_is_lost_beyond_counts_as_uncertainty_of_a_loss() -> None:
    assert loss_uncertainty(0.0, 0.15) == 0.15
    assert loss_uncertainty(0.1, 0.15) == pytest.approx(0.05)
    assert loss_uncertainty(0.1, 0.0) == 0.0


@given(threshold=st.floats(0.55, 3.9), spread=st.floats(1.05, 1.5))
def test_the_margin_lies_between_two_that_were_tried_and_close_together(
    threshold: float, spread: float
) -> None:
    processor = Processor(threshold)
    margin = margin_of(processor, 1.0, spread)
    assert margin.holds is not None
    assert margin.loses is not None
    assert margin.holds < threshold <= margin.loses <= 1.17 * margin.holds
    assert margin.value is not None
    assert margin.holds < margin.value < margin.loses
    assert margin.uncertainty == pytest.approx((margin.loses - margin.holds) / math.sqrt(12))
    assert len(processor.tried) <= 5
    assert not {1.0, spread} & set(processor.tried)
    assert margin.n == len(processor.tried) + 2


def test_a_processor_that_keeps_up_with_all_has_a_margin_of_at_least_that() -> None:
    processor = Processor(math.inf)
    margin = margin_of(processor, 1.0, 1.2)
    assert processor.tried == [SLOWEST]
    assert (margin.value, margin.uncertainty) == (SLOWEST, 0.0)
    assert str(margin) == "holds up to a processor at least 4 times slower"


def test_a_board_that_loses_whatever_the_processor_has_no_margin() -> None:
    margin = margin_of(Processor(0.0), 1.0, 1.2)
    assert (margin.value, margin.uncertainty) == (None, None)
    assert str(margin) == "does not hold on a processor 2 times faster either"


def test_a_board_that_loses_as_it_is_says_how_fast_a_processor_it_needs() -> None:
    margin = margin_of(Processor(0.8), 1.0, 1.2)
    assert margin.value == pytest.approx(0.8, rel=0.1)
    assert margin.holds is not None
    assert str(margin) == f"holds on a processor {1 / margin.holds:.3g} times faster"


def test_a_board_without_any_to_spare_says_what_it_does_not_hold_on() -> None:
    assert str(margin_of(Processor(1.01), 1.0, 1.1)) == (
        "does not hold on a processor 1.1 times slower"
    )


@pytest.mark.parametrize(
    ("threshold", "known"), [(math.inf, (1.0, SLOWEST)), (0.0, (0.5, 1.0)), (1.1, (1.0, 1.17))]
)
def test_what_was_tried_is_not_tried_again_nor_what_is_near_enough(
    threshold: float, known: tuple[float, float]
) -> None:
    processor = Processor(threshold)
    assert margin_of(processor, *known).n == 2
    assert processor.tried == []


@pytest.mark.parametrize(
    ("holds", "loses", "said"),
    [
        (0.8, 1.0, "holds on a processor 1.25 times faster"),
        (1.0, 1.25, "does not hold on a processor 1.25 times slower"),
        (1.0, None, "holds up to a processor at least 1 times slower"),
        (1.2, 1.4, "holds up to a processor 1.2 times slower"),
    ],
)
def test_a_margin_is_told_in_words(holds: float, loses: float | None, said: str) -> None:
    assert str(Margin(holds, loses, 3)) == said


def test_what_keeps_up_beyond_one_that_did_not_is_no_margin() -> None:
    # A stretch may be lucky: the slowest that holds has none below it that does not.
    async def keeps_up(factor: float) -> bool:
        return factor < 1.3 or factor == SLOWEST

    known = {1.0: True, 1.25: True, 1.5: False, SLOWEST: True}
    margin = asyncio.run(find_margin(keeps_up, known))
    assert margin.holds is not None
    assert 1.25 <= margin.holds < 1.3
