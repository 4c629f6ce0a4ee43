from pathlib import Path

import pytest

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.pairing import plan_folders, plan_manifest


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def paired(plan: object) -> list[tuple[str, str, str]]:
    return [(pair.take.method, pair.clip.video.name, pair.take.video.name) for pair in plan.pairs]


def test_pairs_are_by_name_whatever_the_order_or_suffix(tmp_path: Path) -> None:
    gt = touch(tmp_path / "gt", "a.mp4", "b.mp4", "c.mp4")
    gen = touch(tmp_path / "gen", "c.avi", "b.mov", "a/1.png")
    assert paired(plan_folders(gt, {"Ours": gen})) == [
        ("Ours", "a.mp4", "a"),
        ("Ours", "b.mp4", "b.mov"),
        ("Ours", "c.mp4", "c.avi"),
    ]


def test_the_mead_folders_pair_with_flat_names_and_label_the_clip(tmp_path: Path) -> None:
    gt = touch(tmp_path / "mead", "W015/video/front/angry/level_3/001.mp4")
    flat = touch(tmp_path / "flat", "W015_ang_3_001.mp4")
    plan = plan_folders(gt, {"EAT": flat})
    clip = plan.pairs[0].clip
    assert (clip.id, clip.speaker, clip.emotion, clip.level, clip.sentence) == (
        "W015/angry/level_3/001",
        "W015",
        "angry",
        "3",
        "001",
    )


def test_two_single_videos_pair_whatever_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    assert paired(plan_folders(tmp_path / "a.mp4", {"Ours": tmp_path / "b.mp4"})) == [("Ours", "a.mp4", "b.mp4")]


def test_missing_and_surplus_files_are_refused_by_name(tmp_path: Path) -> None:
    gt = touch(tmp_path / "gt", "a.mp4", "b.mp4")
    lacks = plan_folders(gt, {"Ours": touch(tmp_path / "one", "a.mp4")})
    assert "Ours lacks 1 of 2 clips: b" in lacks.refusal()
    surplus = plan_folders(gt, {"Ours": touch(tmp_path / "three", "a.mp4", "b.mp4", "c.mp4")})
    assert "Ours has 1 file that no ground-truth clip matches: c" in surplus.refusal()
    assert "--allow-missing" in lacks.refusal()
    whole = plan_folders(gt, {"Ours": touch(tmp_path / "two", "a.mp4", "b.mp4")})
    assert whole.refusal() is None


def test_nothing_in_common_shows_both_sides_and_the_way_out(tmp_path: Path) -> None:
    gt = touch(tmp_path / "gt", "deep/a.mp4")
    with pytest.raises(TalkbenchError, match="pass --key stem"):
        plan_folders(gt, {"Ours": touch(tmp_path / "gen", "a.mp4")})
    assert len(plan_folders(gt, {"Ours": tmp_path / "gen"}, key="stem").pairs) == 1
    with pytest.raises(TalkbenchError, match=r"called deep/a, its files z\. .*--manifest"):
        plan_folders(gt, {"Ours": touch(tmp_path / "other", "z.mp4")})


def test_no_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TalkbenchError, match="at least one --gen NAME=DIR"):
        plan_folders(touch(tmp_path, "a.mp4"), {})


def manifest(folder: Path, text: str) -> Path:
    file = folder / "pairs.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_manifest_names_everything_and_may_leave_gaps(tmp_path: Path) -> None:
    touch(tmp_path, "r/1.mp4", "r/2.mp4", "x.mp4", "y é.mp4")
    text = "\ufeffclip,gt,Ours,speaker\nk2,r/2.mp4,,S\nk1,r/1.mp4,y é.mp4,S\n"
    plan = plan_manifest(manifest(tmp_path, text))
    assert paired(plan) == [("Ours", "1.mp4", "y é.mp4")]
    assert plan.missing == {"Ours": ("k2",)}
    assert plan.pairs[0].clip.speaker == "S"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the header"),
        ("clip,Ours\n", "expected the header"),
        ("clip,gt\na,x.mp4\n", "at least one --gen"),
        ("clip,gt,Ours\n", "lists no clip"),
        ("clip,gt,Ours\na,x.mp4\n", r"line 2: expected 3 cells, found 2"),
        ("clip,gt,Ours\na,,x.mp4\n", r"line 2: the columns clip and gt must be filled"),
        ("clip,gt,Ours\na,x.mp4,x.mp4\na,x.mp4,x.mp4\n", r"line 3: clip 'a' is already on line 2"),
        ("clip,gt,Ours\na,gone.mp4,x.mp4\n", r"line 2: .*gone.mp4 does not exist"),
        ("clip,gt,Ours,Ours\na,x.mp4,x.mp4,x.mp4\n", "distinct names"),
        ("clip,gt,Ground Truth\na,x.mp4,x.mp4\n", "a printable name other than"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    touch(tmp_path, "x.mp4")
    with pytest.raises(TalkbenchError, match=message):
        plan_manifest(manifest(tmp_path, text))


def test_a_manifest_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(TalkbenchError, match="not a CSV in UTF-8"):
        plan_manifest(file)
