"""Reading a corpus from its names: MEAD's, CREMA-D's, anybody's; what is not said is not guessed."""

import pytest

from talkbench.bench.errors import TalkbenchError
from talkbench.reference_model.corpus import find_corpus


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def read(root, *names, **options):
    found = find_corpus(touch(root, *names), **options)
    return [(clip.id, clip.speaker, clip.emotion, clip.level, clip.sentence) for clip in found.clips]


def test_meads_own_folders_with_the_sound_beside_them(tmp_path):
    root = touch(
        tmp_path,
        "M003/video/front/angry/level_3/001.mp4",
        "M003/video/left_30/angry/level_3/001.mp4",
        "M003/video/front/angry/level_1/001.mp4",
        "M003/video/front/neutral/level_1/007.mp4",
        "M003/audio/angry/level_3/001.m4a",
        "M003/audio/angry/level_1/001.m4a",
    )
    found = find_corpus(root)
    assert [clip.id for clip in found.clips] == ["M003/angry/level_3/001", "M003/neutral/level_1/007"]
    assert [clip.audio for clip in found.clips] == [root / "M003/audio/angry/level_3/001.m4a", None]
    assert [str(clip.path) for clip in found.clips] == [
        "M003/video/front/angry/level_3/001",
        "M003/video/front/neutral/level_1/007",
    ]
    reasons = {str(file.relative_to(root)): reason for file, reason in found.left_out}
    assert reasons.keys() == {"M003/video/left_30/angry/level_3/001.mp4", "M003/video/front/angry/level_1/001.mp4"}
    assert "left_30" in reasons["M003/video/left_30/angry/level_3/001.mp4"]
    assert "level 1 was not asked for" in reasons["M003/video/front/angry/level_1/001.mp4"]
    assert len(find_corpus(root, levels=(1, 2, 3)).clips) == 3


def test_flat_mead_names_and_a_sound_file_of_the_same_name(tmp_path):
    root = touch(tmp_path, "W015_ang_3_001.mp4", "W015_ang_3_001.wav", "M003_44_3_output_02.mp4")
    found = find_corpus(root)
    assert [clip.id for clip in found.clips] == ["M003/sad/level_3/44_02", "W015/angry/level_3/001"]
    assert [clip.audio for clip in found.clips] == [None, root / "W015_ang_3_001.wav"]


def test_crema_d(tmp_path):
    assert read(
        tmp_path, "1001_DFA_ANG_XX.flv", "1001_IEO_HAP_HI.flv", "1001_IEO_HAP_LO.flv", "1001_TAI_NEU_XX.flv"
    ) == [
        ("1001/angry/DFA", "1001", "angry", None, "DFA"),
        ("1001/happy/level_3/IEO", "1001", "happy", 3, "IEO"),
        ("1001/neutral/TAI", "1001", "neutral", None, "TAI"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anna/happy/03.mp4", ("anna/happy/03", "anna", "happy", None, "03")),
        ("sad/anna_take2_05.mov", ("anna/sad/take2_05", "anna", "sad", None, "take2_05")),
        ("s1-fear-level_3-hello.avi", ("s1/fear/level_3/hello", "s1", "fear", 3, "hello")),
        ("Zoë/Surprise/Level3/été.mp4", ("Zoë/surprised/level_3/été", "Zoë", "surprised", 3, "été")),
        ("x/../x/a_disgust_1.mp4", ("a/disgusted/1", "a", "disgusted", None, "1")),
    ],
)
def test_other_names(tmp_path, name, expected):
    touch(tmp_path, "x/keep")
    (tmp_path / "x" / "keep").unlink()
    assert read(tmp_path / "x" if ".." in name else tmp_path, name.rpartition("../x/")[2]) == [expected]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("anna_01.mp4", "no emotion"),
        ("anna_happy_sad_01.mp4", "several emotions: happy, sad"),
        ("anna_happy_level1_level3_01.mp4", "several levels"),
        ("happy_01.mp4", "not both a speaker and a sentence"),
    ],
)
def test_what_a_name_does_not_say_is_not_guessed(tmp_path, name, reason):
    found = find_corpus(touch(tmp_path, name, "anna_sad_02.mp4"))
    assert [clip.id for clip in found.clips] == ["anna/sad/02"]
    assert [(file.name, reason in said) for file, said in found.left_out] == [(name, True)]
    with pytest.raises(TalkbenchError, match=r"none of its 1 videos can be used") as error:
        find_corpus(touch(tmp_path / "alone", name))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_no_clip_of_the_level_asked_for(tmp_path):
    touch(tmp_path, "M003/video/front/angry/level_1/001.mp4", "M003/video/front/sad/level_2/001.mp4")
    with pytest.raises(TalkbenchError, match=r"no clip of level 3; there are clips of level 1, 2"):
        find_corpus(tmp_path)


def test_two_files_of_one_clip_are_refused(tmp_path):
    with pytest.raises(TalkbenchError, match="clip a/happy/1"):
        find_corpus(touch(tmp_path, "a_happy_1.mp4", "happy/a_1.mp4"))


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(TalkbenchError, match="does not exist"):
        find_corpus(tmp_path / "nowhere")
