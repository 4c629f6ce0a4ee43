"""study.toml: the template is valid, and whatever is wrong is one line that names the field."""

import made_study
import pytest

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.study.config import digest, parse, template


def test_the_template_is_valid_and_holds_the_defaults():
    config = parse(template(), "template")
    assert [scale.id for scale in config.scales] == ["LS", "EE", "VPQ"]
    assert {(scale.low, scale.high) for scale in config.scales} == {(1, 10)}
    assert config.conditions == ("Ground Truth", "Ours", "Baseline")
    for name, section in (("design", config.design), ("device", config.device), ("screens", config.screens)):
        assert section == type(section)(), name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 0}, "clips.count"),
        ({"per_rater": 9}, r"per_rater \(9\) is more than count \(2\)"),
        ({"repeat_gap": 50}, "do not fit into 6 videos"),
        ({"order": "sorted"}, "design.order"),
        ({"return_url": "http://x.example/{code}"}, "return_url.*https"),
        ({"attention_text": "Choose three."}, "attention_text.*{score}"),
        ({"attention_text": "选择 {score}"}, "attention_text.*Western European"),
        ({"technical_failures": 2}, "screens.technical_failures"),
        ({"hidden_reference": False, "repeats": 0}, None),
    ],
)
def test_what_is_wrong_is_named(changes, said):
    text = made_study.configuration(**changes)
    if said is None:
        assert parse(text, "study.toml").conditions == made_study.METHODS
        return
    with pytest.raises(TalkbenchError, match=rf"^study\.toml: .*{said}"):
        parse(text, "study.toml")


def test_a_misspelt_name_and_broken_toml_are_named():
    with pytest.raises(TalkbenchError, match=r"design\.ratters"):
        parse(made_study.configuration().replace("raters = 6", "ratters = 6"), "study.toml")
    with pytest.raises(TalkbenchError, match=r"^study\.toml: cannot be read as TOML"):
        parse("title = ", "study.toml")


def test_a_screen_can_be_left_out():
    assert parse(made_study.configuration(pace=False), "x").screens.pace is False


def test_the_digest_is_that_of_the_text():
    assert digest("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
