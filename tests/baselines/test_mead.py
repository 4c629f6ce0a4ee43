from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.baselines.mead import EMOTIONS, parse

ACTORS = st.from_regex(r"\A[MW]0\d\d\Z")


@given(ACTORS, st.sampled_from(EMOTIONS), st.integers(1, 3), st.integers(1, 999))
def test_every_spelling_of_a_clip_is_the_same_clip(actor: str, emotion: str, level: int, sentence: int) -> None:
    names = [
        f"/data/{actor}/video/front/{emotion}/level_{level}/{sentence:03}",
        f"/data/{actor}/video-001/front/{emotion}/level_{level}/{sentence:03}",
        f"/out/{actor}_{emotion}_level_{level}_{sentence:03}",
        f"/out/{actor}_{emotion}_{level}_{sentence:03}",
        f"/out/{actor}_{emotion[:3]}_{level}_{sentence:03}",
    ]
    ids = {parse(PurePath(name)).clip_id for name in names}
    assert ids == {f"{actor}/{emotion}/level_{level}/{sentence:03}"}


def test_another_view_is_another_clip() -> None:
    front, left = (parse(PurePath(f"/MEAD/M003/video/{view}/sad/level_1/002")) for view in ("front", "left_30"))
    assert front.clip_id == "M003/sad/level_1/002"
    assert left.clip_id == "M003/left_30/sad/level_1/002"


@pytest.mark.parametrize(
    "name", ["clip", "M003_angry", "M003_cross_level_3_001", "X003_sad_level_3_001", "xM003_sad_3_001", "M003_sad_3_01"]
)
def test_other_names_are_not_mead(name: str) -> None:
    assert parse(PurePath("/out") / name) is None
