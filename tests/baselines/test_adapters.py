"""Every adapter on the layout that its system writes: built from empty files, and real outputs where they are."""

import shutil
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from clips import MEDIA
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.baselines.contract import Found
from talkbench.baselines.mead import EMOTIONS, PAGES
from talkbench.baselines.systems import ADAPTERS, detect
from talkbench.baselines.testing import check_adapter
from talkbench.bench.errors import TalkbenchError

LAYOUTS = {
    "folder": ("a/one.mp4", "b/00001.png", "b/00002.png", "a/one.landmarks.npy", "notes.txt"),
    "atvg": ("clip1.mp4", "clip1.mov", "fake.mp4", "obama_fake.npy"),
    "makeittalk": (
        "dali_pred_fls_M6_04_16k_audio_embed.mp4",
        "pred_fls_M6_04_16k_audio_embed.txt",
        "me_2_pred_fls_hi_audio_embed.mp4",
    ),
    "evp": (
        "results/M003/test_latest/M003_01_3_output_01/fake_B_000002.jpg",
        "results/M003/test_latest/M003_01_3_output_01/fake_B_000003.jpg",
        "results/M003/test_latest/M003_01_3_output_01/real_A_000002.jpg",
        "results/M003/test_latest/M030_angry_001/fake_B_000002.jpg",
        "landmarks/M003_01_3_output_01.npy",
        "result/M003.npy",
        "result/M003.avi",
        "test_keypoints_M003_pose/M030_angry_001/000000.txt",
        "test_keypoints_M003_pose/M030_angry_001/000002.txt",
    ),
    "audio2head": ("face_clip1.mp4", "my_face_M003_ang_3_001.mp4", "temp/face_clip1.mp4", "temp.wav"),
    "eamm": (
        "clip1/emotion.mp4",
        "clip1/emotion.mov",
        "clip1/neutral.mp4",
        "clip1/all.mp4",
        "clip2/all.mp4",
        "clip2/neutral.mp4",
        "M022/neutral_level_1_024/0.jpg",
        "M022/neutral_level_1_024/1.jpg",
    ),
    "eat": ("W015_W015_ang_3_001.mp4", "obama_sur_speech_1.mp4", "temp/W015_W015_ang_3_001.mp4"),
    "sadtalker": (
        "art_0##japanese.mp4",
        "art_0##japanese_full.mp4",
        "2023_04_05_17.28.01.mp4",
        "2023_04_05_17.28.01/art_0##english.mat",
        "2023_04_05_17.28.01/art_0##english.txt",
        "2023_04_05_17.28.01/first_frame_dir/art_0.png",
        "2023_04_05_18.00.00.mp4",
        "2023_04_05_18.00.00/art_0##french.mp4",
        "2023_04_05_18.00.00/temp_art_0##french.mp4",
    ),
    "wav2lip": ("clip1/result_voice.mp4", "clip2.mp4", "temp/result.avi"),
    "styletalk": ("clip1.mp4", "clip1.npy", "silent.mp4", "silent.npy"),
    "pc-avs": (
        "results/id_98_pose_473_audio_clip1/G_Pose_Driven_.mp4",
        "results/id_98_pose_473_audio_clip1/G_Pose_Driven_/G_Pose_Driven_0.jpg",
        "results/id_98_pose_473_audio_clip1/avconcat.mp4",
        "results/id_98_pose_473_audio_clip1/Mouth_Source_/Mouth_Source_0.jpg",
        "results/id_98_pose_473_audio_clip2/G_Fix_Pose_/G_Fix_Pose_0.jpg",
        "results/id_98_pose_473_audio_clip2/ref_id_0.jpg",
    ),
    "edtalk": ("clip1.mp4", "clip1_512.mp4", "clip1_temp.mp4", "clip2_512.mp4", "clip1_512.mp4.tmp.mp4"),
}
IDS = {
    "folder": ["a/one", "b"],
    "atvg": ["clip1"],
    "makeittalk": ["M6_04_16k", "hi"],
    "evp": ["M003/angry/level_3/01_01", "M030/angry/level_3/001"],
    "audio2head": ["M003/angry/level_3/001", "clip1"],
    "eamm": ["M022/neutral/level_1/024", "clip1", "clip2"],
    "eat": ["W015/angry/level_3/001", "speech_1"],
    "sadtalker": ["english", "french", "japanese"],
    "wav2lip": ["clip1", "clip2"],
    "styletalk": ["clip1"],
    "pc-avs": ["results/clip1", "results/clip2"],
    "edtalk": ["clip1", "clip2"],
}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path, adapter: str, *names: str) -> dict[str, Found]:
    touch(root, *(names or LAYOUTS[adapter]))
    return {take.id: take for take in ADAPTERS[adapter].find(root).files}


def test_every_adapter_is_tried_here() -> None:
    assert set(LAYOUTS) == set(IDS) == set(ADAPTERS)


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_an_adapter_keeps_its_contract_and_finds_each_clip_once(tmp_path: Path, name: str) -> None:
    touch(tmp_path, *LAYOUTS[name])
    check_adapter(ADAPTERS[name], tmp_path)
    assert list(found(tmp_path, name)) == IDS[name]
    assert detect(tmp_path).name == name


def test_atvg_landmarks_belong_to_a_single_result_only(tmp_path: Path) -> None:
    (take,) = found(tmp_path / "one", "atvg").values()
    assert (take.path.name, take.landmarks.name, take.scheme) == ("clip1.mp4", "obama_fake.npy", "atvg-68")
    for take in found(tmp_path / "two", "atvg", "a.mp4", "b.mp4", "obama_fake.npy").values():
        assert take.landmarks is None
    assert list(found(tmp_path / "old", "atvg", "clip1/results.mp4", "clip1/results.mov")) == ["clip1"]


def test_makeittalk_shows_three_panels_and_moves_its_head(tmp_path: Path) -> None:
    takes = found(tmp_path, "makeittalk")
    assert all(take.panel == (256, 0, 512, 256) and take.has_head_motion for take in takes.values())
    spoken = takes["M6_04_16k"]
    assert (spoken.landmarks.name, spoken.scheme) == ("pred_fls_M6_04_16k_audio_embed.txt", "makeittalk-68")
    assert takes["hi"].landmarks is None


def test_evp_frames_begin_with_the_clip_and_bring_their_landmarks(tmp_path: Path) -> None:
    takes = found(tmp_path, "evp")
    old, new = takes["M003/angry/level_3/01_01"], takes["M030/angry/level_3/001"]
    for take in (old, new):
        assert (take.fps, take.prefix, take.first_frame) == (Fraction(25), "fake_B_", 0)
    assert (old.landmarks.name, old.scheme) == ("M003_01_3_output_01.npy", "evp-106")
    assert (new.landmarks.name, new.scheme) == ("M030_angry_001", "vid2vid-106")
    assert new.also == ("M030_angry_001",)
    (late,) = found(tmp_path / "late", "evp", "M030_sad_002/fake_B_000060.jpg").values()
    assert late.first_frame == 58


@pytest.mark.parametrize("name", ["clip1/M003.npy", "M003_44_3_output_02.npy"])
def test_evp_landmarks_without_frames_are_the_take(tmp_path: Path, name: str) -> None:
    (take,) = found(tmp_path, "evp", name, "clip1/M003.mov", "clip1/eye_close.npy").values()
    assert take.id in ("clip1", "M003/sad/level_3/44_02")
    assert take.path == take.landmarks == tmp_path / name
    check_adapter(ADAPTERS["evp"], tmp_path)


def test_audio2head_gives_every_reading_of_an_ambiguous_name(tmp_path: Path) -> None:
    takes = found(tmp_path, "audio2head", "my_face_clip_1.mp4", "M003_ang_3_001.mp4", "M003_M003_ang_3_002.mp4")
    assert list(takes) == ["M003/angry/level_3/001", "M003/angry/level_3/002", "face_clip_1"]
    assert takes["face_clip_1"].also == ("clip_1", "1", "my_face_clip_1")
    assert all(take.has_head_motion for take in takes.values())


def test_eamm_is_read_at_25_frames_per_second_of_sound(tmp_path: Path) -> None:
    takes = found(tmp_path, "eamm")
    assert (takes["clip1"].path.name, takes["clip1"].fps, takes["clip1"].panel) == ("emotion.mp4", 25, None)
    assert (takes["clip2"].path.name, takes["clip2"].fps, takes["clip2"].panel) == ("all.mp4", None, (512, 0, 768, 256))
    assert takes["M022/neutral/level_1/024"].fps == 25


def test_sadtalker_names_are_told_by_what_verbose_leaves(tmp_path: Path) -> None:
    takes = found(tmp_path, "sadtalker")
    assert takes["english"].path == tmp_path / "2023_04_05_17.28.01.mp4"
    assert takes["french"].path.name == "art_0##french.mp4"
    assert takes["japanese"].path.name == "art_0##japanese.mp4"
    assert list(found(tmp_path / "plain", "sadtalker", "2023_04_05_17.28.01.mp4")) == ["2023_04_05_17.28.01"]


def test_pc_avs_begins_with_the_clips_third_frame(tmp_path: Path) -> None:
    takes = found(tmp_path, "pc-avs")
    assert all(take.first_frame == 2 for take in takes.values())
    assert (takes["results/clip1"].path.name, takes["results/clip1"].prefix) == ("G_Pose_Driven_.mp4", None)
    assert (takes["results/clip2"].path.name, takes["results/clip2"].prefix) == ("G_Fix_Pose_", "G_Fix_Pose_")


def test_edtalk_takes_the_large_video_only_where_it_is_the_only_one(tmp_path: Path) -> None:
    takes = found(tmp_path, "edtalk")
    assert [take.path.name for take in takes.values()] == ["clip1.mp4", "clip2_512.mp4"]


@pytest.mark.parametrize(
    ("adapter", "root", "names"),
    [
        ("eamm", "clip1", ("emotion.mp4", "all.mp4")),
        ("wav2lip", "clip1", ("result_voice.mp4",)),
        ("atvg", "clip1", ("results.mp4", "results.mov", "obama_fake.npy")),
        ("evp", "clip1", ("fake_B_000002.jpg", "real_A_000002.jpg")),
        ("evp", "clip1", ("M003.npy",)),
    ],
)
def test_the_folder_of_one_clip_is_a_single_take_of_its_name(
    tmp_path: Path, adapter: str, root: str, names: tuple[str, ...]
) -> None:
    listing = ADAPTERS[adapter].find(touch(tmp_path / root, *names))
    assert listing.single
    assert [take.id for take in listing.files] == ["clip1"]


def test_a_video_named_directly_is_read_as_in_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, *LAYOUTS["makeittalk"], "other_pred_fls_x_audio_embed.mp4")
    listing = ADAPTERS["makeittalk"].find(tmp_path / "dali_pred_fls_M6_04_16k_audio_embed.mp4")
    (take,) = listing.files
    assert listing.single
    assert (take.id, take.panel, take.scheme) == ("M6_04_16k", (256, 0, 512, 256), "makeittalk-68")
    check_adapter(ADAPTERS["makeittalk"], tmp_path / "dali_pred_fls_M6_04_16k_audio_embed.mp4")


MARKED = ("makeittalk", "evp", "sadtalker", "pc-avs")


@pytest.mark.parametrize(("name", "other"), [(n, o) for n in LAYOUTS for o in MARKED if n not in (o, "folder")])
def test_anothers_layout_is_refused_with_the_adapter_that_fits(tmp_path: Path, name: str, other: str) -> None:
    touch(tmp_path, *LAYOUTS[other])
    with pytest.raises(TalkbenchError, match="holds no") as caught:
        ADAPTERS[name].find(tmp_path)
    assert ADAPTERS[name].layout in str(caught.value)
    assert "Found" in str(caught.value)
    assert f"pass --adapter {other}" in str(caught.value)


@pytest.mark.parametrize("name", [*MARKED, "eamm"])
def test_plain_names_are_refused_with_the_adapter_for_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(TalkbenchError, match=r"Found clip1\.mp4\. Adapter folder fits: pass --adapter folder"):
        ADAPTERS[name].find(touch(tmp_path, "clip1.mp4"))


def test_by_stem_the_folders_of_an_audio_do_not_count(tmp_path: Path) -> None:
    touch(tmp_path, *LAYOUTS["pc-avs"], "results/id_a_pose_b_audio_M003_ang_3_001/G_Pose_Driven_.mp4")
    ids = [take.id for take in ADAPTERS["pc-avs"].find(tmp_path, key="stem").files]
    assert ids == ["M003/angry/level_3/001", "clip1", "clip2"]


MEAD_SPELLINGS: dict[str, Callable[[str, str, str, str], str]] = {
    "folder": lambda a, e, n, s: f"{a}/video/front/{e}/level_{n}/{s}.mp4",
    "atvg": lambda a, e, n, s: f"{a}_{e[:3]}_{n}_{s}.mp4",
    "makeittalk": lambda a, e, n, s: f"{a}_pred_fls_{a}_{e}_level_{n}_{s}_audio_embed.mp4",
    "evp": lambda a, e, n, s: f"{a}_{e}_level_{n}_{s}/fake_B_000002.jpg",
    "audio2head": lambda a, e, n, s: f"{a}_neu_{a}_{e[:3]}_{n}_{s}.mp4",
    "eamm": lambda a, e, n, s: f"{a}/{e}_level_{n}_{s}/0.jpg",
    "eat": lambda a, e, n, s: f"{a}_{a}_{e[:3]}_{n}_{s}.mp4",
    "sadtalker": lambda a, e, n, s: f"{a}##{a}_{e}_{n}_{s}.mp4",
    "wav2lip": lambda a, e, n, s: f"{a}_{e}_{n}_{s}/result_voice.mp4",
    "styletalk": lambda a, e, n, s: f"{a}_{e}_level_{n}_{s}.mp4",
    "pc-avs": lambda a, e, n, s: f"id_{a}_pose_{a}_audio_{a}_{e[:3]}_{n}_{s}/G_Pose_Driven_.mp4",
    "edtalk": lambda a, e, n, s: f"{a}/{a}_{e}_level_{n}_{s}_512.mp4",
}


@settings(max_examples=25)
@given(
    st.from_regex(r"\A[MW]0\d\d\Z"), st.sampled_from(EMOTIONS), st.sampled_from("123"), st.from_regex(r"\A[0-9]{3}\Z")
)
def test_a_mead_clip_keeps_its_id_in_every_systems_spelling(
    actor: str, emotion: str, level: str, sentence: str
) -> None:
    assert set(MEAD_SPELLINGS) == set(ADAPTERS)
    takes = {}
    with tempfile.TemporaryDirectory() as root:
        for adapter, spelled in MEAD_SPELLINGS.items():
            (takes[adapter],) = found(Path(root, adapter), adapter, spelled(actor, emotion, level, sentence)).values()
    for adapter, take in takes.items():
        assert take.id == f"{actor}/{emotion}/level_{level}/{sentence}", adapter
        assert take.name is not None
        assert take.name.emotion == emotion


@given(st.sampled_from(sorted(PAGES)), st.data())
def test_an_old_name_is_the_same_clip_for_evp_and_for_the_ground_truth(emotion: str, data: st.DataObject) -> None:
    clip = f"M003_{data.draw(st.sampled_from(PAGES[emotion])):02}_3_output_{data.draw(st.integers(0, 99)):02}"
    with tempfile.TemporaryDirectory() as root:
        (take,) = found(Path(root, "gen"), "evp", f"{clip}/fake_B_000002.jpg").values()
        (real,) = found(Path(root, "gt"), "folder", f"{clip}.mp4").values()
    assert take.id == real.id
    assert real.name.emotion == emotion


REAL = [
    ("evp", "outputs/evp", ["evp"]),
    ("atvg", "outputs/atvg", ["atvg"]),
    ("makeittalk", "outputs/makeittalk", ["M6_04_16k"]),
    ("sadtalker", "outputs/sadtalker", ["japanese", "japanese_es1"]),
    ("edtalk", "pairs/edtalk_lip_pose", ["gen", "real_lip_source"]),
    ("styletalk", "pairs/styletalk_reagan", ["gen", "real_identity", "real_speech"]),
    ("folder", "pairs/vox_id04570", ["rnth-gen", "rnth-real", "x2face-gen", "x2face-real"]),
]


@pytest.mark.parametrize(("name", "where", "ids"), REAL)
def test_real_outputs_are_found(tmp_path: Path, name: str, where: str, ids: list[str]) -> None:
    if not (MEDIA / where).exists():
        pytest.skip(f"no real outputs here: {MEDIA / where}")
    example = shutil.copytree(MEDIA / where, tmp_path / Path(where).name)  # away from folders that could lend a name
    check_adapter(ADAPTERS[name], example)
    assert [take.id for take in ADAPTERS[name].find(example).files] == ids
    detected = {"edtalk": "folder", "styletalk": "folder"}.get(name, name)
    assert detect(example).name == detected
