import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.alignment import Alignment
from talkbench.bench.errors import TalkbenchError

LENGTHS = st.integers(1, 200)


@given(LENGTHS, LENGTHS)
def test_strict_pairs_equal_lengths_only(gt: int, gen: int) -> None:
    matches = Alignment("strict").matches(gt, gen)
    assert matches == ([(t, t) for t in range(gt)] if gt == gen else [])


@given(LENGTHS, LENGTHS)
def test_truncate_keeps_what_both_have(gt: int, gen: int) -> None:
    assert Alignment("truncate").matches(gt, gen) == [(t, t) for t in range(min(gt, gen))]


@given(LENGTHS, LENGTHS)
def test_resample_covers_the_clip_and_meets_both_ends(gt: int, gen: int) -> None:
    matches = Alignment("resample").matches(gt, gen)
    assert [t for t, _ in matches] == list(range(gt))
    assert matches[0][1] == 0
    assert gt == 1 or matches[-1][1] == gen - 1
    assert all(abs(u * (gt - 1) - t * (gen - 1)) <= (gt - 1) / 2 for t, u in matches)


@given(LENGTHS, LENGTHS, st.integers(-250, 250))
def test_offset_shifts_by_exactly_k(gt: int, gen: int, k: int) -> None:
    matches = Alignment(f"offset={k}").matches(gt, gen)
    assert all(u - t == k for t, u in matches)
    assert len(matches) == max(0, min(gt, gen - k) - max(0, -k))


@pytest.mark.parametrize("text", ["", "offset", "offset=", "offset=K", "offset=1.5", "linear", "Strict"])
def test_another_policy_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(TalkbenchError, match="expected strict, truncate, resample, linspace or offset=K"):
        Alignment(text)
