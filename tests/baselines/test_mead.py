from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.baselines.mead import EMOTIONS, PAGES, page_emotion, parse, parse_strongest

ACTORS = st.from_regex(r"\A[MW]0\d\d\Z")


@given(ACTORS, st.sampled_from(EMOTIONS), st.integers(1, 3), st.integers(1, 999))
def test_every_spelling_of_a_clip_is_the_same_clip(actor: str, emotion: str, level: int, sentence: int) -> None:
    names = [
        f"/data/{actor}/video/front/{emotion}/level_{level}/{sentence:03}",
        f"/data/{actor}/video-001/front/{emotion}/level_{level}/{sentence:03}",
        f"/out/{actor}_{emotion}_level_{level}_{sentence:03}",
        f"/out/{actor}_{emotion}_{level}_{sentence:03}",
        f"/out/{actor}_{emotion[:3]}_{level}_{sentence:03}",
        f"/out/{actor}/{emotion}_level_{level}_{sentence:03}",
    ]
    ids = {parse(PurePath(name)).clip_id for name in names}
    assert ids == {f"{actor}/{emotion}/level_{level}/{sentence:03}"}


def test_another_view_is_another_clip() -> None:
    front, left = (parse(PurePath(f"/MEAD/M003/video/{view}/sad/level_1/002")) for view in ("front", "left_30"))
    assert front.clip_id == "M003/sad/level_1/002"
    assert left.clip_id == "M003/left_30/sad/level_1/002"


def test_every_page_of_the_old_names_is_one_emotions() -> None:
    assert set(PAGES) == set(EMOTIONS)
    assert sorted(page for pages in PAGES.values() for page in pages) == list(range(1, 74))
    assert [page_emotion(page) for page in (0, 1, 8, 9, 73, 74)] == [
        None,
        "angry",
        "angry",
        "disgusted",
        "neutral",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "clip_id"),
    [
        ("M003_01_3_output_01", "M003/angry/level_3/01_01"),
        ("M003_44_3_output_02", "M003/sad/level_3/44_02"),
        ("M003_72_1_output_03", "M003/neutral/level_1/72_03"),
    ],
)
def test_an_old_name_keeps_its_page_and_gains_an_emotion(name: str, clip_id: str) -> None:
    assert parse(PurePath("/out") / name).clip_id == clip_id


def test_a_name_without_level_means_the_strongest() -> None:
    assert parse_strongest("M030_angry_001").clip_id == "M030/angry/level_3/001"
    assert parse_strongest("M030_neutral_001").clip_id == "M030/neutral/level_1/001"
    assert parse_strongest("M030_angry_3_001") is None


@pytest.mark.parametrize(
    "name",
    [
        "clip",
        "M003_74_3_output_01",
        "M003_00_1_output_01",
        "M030_angry_001",
        "M003_angry",
        "M003_cross_level_3_001",
        "X003_sad_level_3_001",
        "xM003_sad_3_001",
        "M003_sad_3_01",
    ],
)
def test_other_names_are_not_mead(name: str) -> None:
    assert parse(PurePath("/out") / name) is None
