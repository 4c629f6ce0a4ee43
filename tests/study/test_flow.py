"""A rater's way over HTTP: nothing lost, nothing doubled, and no code before every rating is in the database."""

from collections import Counter
from http.cookiejar import DefaultCookiePolicy

import made_study
import pytest
import study_rater
from sqlalchemy import func, select

from talkbench.bench.study import flow
from talkbench.bench.study.database import built_config
from talkbench.bench.study.export import ratings
from talkbench.bench.study.schema import Event, Participant, Rating, Slot, Trial

TRIALS = 9  # 1 practice, 2 clips x 3 conditions, 1 repeat, 1 attention


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def time(self):
        return self.now

    def watch(self):
        self.now += 2.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(flow, "time", clock)
    return clock


@pytest.fixture
def study(tmp_path_factory):
    return made_study.copy(tmp_path_factory)


@pytest.fixture
def another(study, clock):
    with study_rater.visitors(study, clock.watch) as another:
        yield another


@pytest.fixture
def rows(study):
    """Read rows from the database."""

    def read(statement):
        with made_study.database(study) as db, db.reading() as session:
            return session.execute(statement).all()

    return read


def table(study):
    with made_study.database(study) as db, db.reading() as session:
        return ratings(session, built_config(session))


def test_a_whole_study_stores_every_rating_and_then_gives_a_code(study, another, rows):
    rater = another()
    rater.begin(PROLIFIC_PID="5f0", STUDY_ID="s", OTHER="x")
    assert "completion code" not in rater.page
    assert rater.finish() == TRIALS
    assert "All your ratings are saved" in rater.page
    (person,) = rows(select(Participant.state, Participant.code, Participant.parameters, Participant.external))
    assert person[0] == "completed"
    assert person[1] in rater.page
    assert person[2] == {"STUDY_ID": "s"}
    assert "5f0" not in person[3]
    found = table(study)
    assert len(found) == TRIALS * 3
    assert Counter(found["kind"]) == {"main": 18, "training": 3, "repeat": 3, "attention": 3}
    assert found["score"].tolist() == [1 + n // 3 % 10 for n in range(TRIALS * 3)]
    main = found[found["kind"] == "main"]
    assert set(Counter(zip(main["clip"], main["method"], strict=True)).values()) == {3}
    assert set(main["method"]) == {"Ground Truth", *made_study.METHODS}


def test_reload_another_tab_back_and_replay_change_nothing(study, another, rows):
    rater = another()
    rater.begin()
    first = rater.token
    rater.open()  # reload
    assert rater.token == first
    rater.rate(3)
    second = rater.token
    assert second != first
    rater.send(first, LS=9, EE=9, VPQ=9)  # Back, and rated again; or a double click; or a replayed request
    assert rater.token == second
    assert rows(select(Rating.scale, Rating.score)) == [("LS", 3.0), ("EE", 3.0), ("VPQ", 3.0)]


def test_a_consent_form_sent_twice_makes_one_rater(another, rows):
    rater = another()
    rater.open("/")
    fields = {"form": rater.hidden("form"), "entry": rater.hidden("entry"), "agree": "yes"}
    for _ in range(2):
        assert rater.client.post("/consent", data=fields).status_code == 200
    rater.client.cookies.clear()
    assert rater.client.post("/consent", data=fields).status_code == 200
    assert rows(select(func.count()).select_from(Participant)) == [(1,)]
    assert rows(select(Slot.state, func.count()).where(Slot.state == "claimed").group_by(Slot.state)) == [
        ("claimed", 1)
    ]


def test_a_browser_without_cookies_is_told_so(another):
    rater = another()
    rater.open("/")
    rater.client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    rater.post("/consent", agree="yes", entry=rater.hidden("entry"))
    assert "Please allow cookies" in rater.page


def test_opening_the_link_makes_nobody(another, rows):
    another().open("/?PROLIFIC_PID=5f0")
    assert rows(select(Participant.id)) == []


def test_a_rater_goes_on_in_another_browser_by_number_or_by_personal_link(another, rows):
    rater = another()
    rater.begin(PROLIFIC_PID="5f0")
    rater.rate()
    token, link = rater.token, rater.page.split('href="/continue/')[1].split('"')[0]
    elsewhere = another()
    elsewhere.consent(PROLIFIC_PID="5f0")
    assert elsewhere.token == token
    third = another()
    third.open(f"/continue/{link}")
    assert third.token == token
    assert third.client.get("/continue/wrong").status_code == 404
    third.finish()
    assert "completion code" in rater.open()
    assert rows(select(func.count()).select_from(Participant)) == [(1,)]


def test_another_number_in_the_same_browser_is_another_rater(another, rows):
    rater = another()
    rater.begin(PROLIFIC_PID="one")
    assert "I agree" in rater.open("/?PROLIFIC_PID=two")
    rater.begin(PROLIFIC_PID="two")
    assert rows(select(func.count()).select_from(Participant)) == [(2,)]


@pytest.mark.parametrize(
    ("report", "scores"),
    [
        ('{"covered": 0.9, "wall": 9, "frames": 15, "videoWidth": 96}', {}),
        ('{"covered": 1, "wall": 0.1, "frames": 15, "videoWidth": 96}', {}),
        ('{"covered": 1, "wall": 9, "frames": 0, "videoWidth": 96}', {}),
        ('{"covered": 1, "wall": 9, "frames": 15, "videoWidth": 0}', {}),
        ('{"covered": true, "wall": true, "frames": true, "videoWidth": true}', {}),
        ("[1]", {}),
        ("no json", {}),
        (made_study.FULL_REPORT, {"LS": 11}),
        (made_study.FULL_REPORT, {"LS": 0}),
        (made_study.FULL_REPORT, {"LS": "7.5"}),
        (made_study.FULL_REPORT, {"LS": "²"}),
        (made_study.FULL_REPORT, {"LS": ""}),
    ],
)
def test_a_video_not_watched_or_a_score_off_the_scale_is_not_stored(another, rows, clock, report, scores):
    rater = another()
    rater.begin()
    clock.watch()
    rater.send(rater.token, 422, report, **{"LS": 5, "EE": 5, "VPQ": 5, **scores})
    assert rows(select(Rating.id)) == []
    rater.open()
    rater.rate()
    assert len(rows(select(Rating.id))) == 3


def test_a_rating_that_comes_before_the_video_can_have_ended_is_not_stored(another, rows, clock):
    rater = another()
    rater.begin()
    clock.now += 0.5 * made_study.SECONDS
    rater.send(rater.token, 422, LS=5, EE=5, VPQ=5)
    assert rows(select(Rating.id)) == []


def test_a_video_that_does_not_work_comes_again_at_the_end_and_is_then_missing(study, another):
    rater = another()
    rater.begin()
    rater.rate()
    broken = rater.token
    rater.post(f"/broken/{broken}")
    rater.post(f"/broken/{broken}")  # sent twice
    for _ in range(TRIALS - 2):
        assert "completion code" not in rater.page
        rater.rate()
    last = rater.token
    assert last is not None
    rater.post(f"/broken/{last}")
    assert "completion code" in rater.page
    found = table(study)
    missing = found[found["missing"] == "video-failed"]
    assert len(found) == TRIALS * 3
    assert len(missing) == 3
    assert missing["score"].isna().all()
    assert missing["retry"].all()


def test_a_video_that_works_the_second_time_is_rated_like_any_other(study, another):
    rater = another()
    rater.begin()
    rater.post(f"/broken/{rater.token}")
    assert rater.finish() == TRIALS
    found = table(study)
    assert len(found) == TRIALS * 3
    assert found["score"].notna().all()
    assert found["retry"].sum() == 3


def test_who_does_not_pass_the_check_is_screened_out_and_the_place_is_free_again(another, rows):
    rater = another()
    rater.consent()
    rater.post("/instructions")
    rater.check(right=False)
    assert "2 tries left" in rater.page
    rater.check(report='{"covered": 1, "wall": 9, "frames": 15, "videoWidth": 96, "width": 200}')  # window too narrow
    assert "1 try left" in rater.page
    rater.check(report='{"covered": 1, "wall": 9, "frames": 0, "videoWidth": 0, "width": 1280}')  # no picture
    assert "we cannot go on" in rater.page
    assert rows(select(Slot.state, func.count()).group_by(Slot.state)) == [("free", 6)]
    assert another is not None


def test_who_declines_leaves_nothing_but_the_refusal_and_may_change_their_mind(another, rows):
    rater = another()
    rater.consent(agree="no", PROLIFIC_PID="5f0")
    assert "chose not to take part" in rater.page
    assert rows(select(Participant.state)) == [("declined",)]
    assert rows(select(Trial.id)) == []
    other = another()
    other.begin(PROLIFIC_PID="5f0")
    assert rows(select(Participant.state)) == [("ready",)]


def test_places_are_given_in_order_and_once(another, rows):
    raters = [another() for _ in range(7)]
    for rater in raters[:6]:
        rater.consent()
    raters[6].consent()
    assert "All places are taken" in raters[6].page
    assert sorted(rows(select(Slot.seq, Slot.participant_id))) == [(n, n + 1) for n in range(6)]


def test_a_place_left_for_long_is_given_up_and_its_rater_may_still_finish(another, rows, clock):
    first = another()
    first.begin()
    first.rate()
    clock.now += 4 * 3600
    second = another()
    second.begin()
    assert rows(select(Slot.seq).where(Slot.participant_id == 2)) == [(0,)]
    first.finish()
    assert "completion code" in first.page
    second.finish()
    assert rows(select(Participant.late, Participant.state)) == [(True, "completed"), (False, "completed")]
    assert rows(select(Slot.state, Slot.participant_id).where(Slot.seq == 0)) == [("done", 2)]


def test_a_rater_who_is_at_it_keeps_the_place(another, rows, clock):
    first = another()
    first.begin()
    for _ in range(4):
        clock.now += 3600
        first.rate()
    another().consent()
    assert rows(select(Slot.participant_id).where(Slot.seq == 0)) == [(1,)]


def test_what_happens_is_logged(another, rows):
    rater = another()
    rater.begin()
    rater.finish()
    assert [kind for (kind,) in rows(select(Event.kind).order_by(Event.id))] == [
        "consented", "read-instructions", "device-ok", "completed",
    ]  # fmt: skip


def test_the_link_back_carries_the_code(tmp_path_factory, monkeypatch):
    study = made_study.copy(
        tmp_path_factory,
        return_url="https://app.prolific.com/submissions/complete?cc={code}",
        completed="DONE&1",
        declined="NO",
    )
    clock = Clock()
    monkeypatch.setattr(flow, "time", clock)
    with study_rater.visitors(study, clock.watch) as another:
        rater = another()
        rater.begin()
        rater.finish()
        assert 'href="https://app.prolific.com/submissions/complete?cc=DONE%261"' in rater.page
        assert '<code id="code">DONE&amp;1</code>' in rater.page
        other = another()
        other.consent(agree="no")
        assert "cc=NO" in other.page
