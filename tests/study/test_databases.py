"""SQLite and PostgreSQL hold the same study; many raters at once lose nothing, double nothing and share no place."""

import threading
import types
from collections import Counter

import made_study
import postgres
import pytest
import sqlalchemy as sa
import study_rater
from command import talkbench

from talkbench.bench.study import flow
from talkbench.bench.study.build import build
from talkbench.bench.study.database import FILE
from talkbench.bench.study.schema import Participant, Rating, Slot, Stimulus, Trial

RATERS = 12


@pytest.fixture(scope="module")
def postgresql():
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def study(request, tmp_path_factory, monkeypatch):
    """A study built in either database."""
    study = made_study.copy(tmp_path_factory, raters=RATERS)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        name = f"study_{abs(hash(study))}"
        engine = sa.create_engine(
            url.replace("postgresql:", "postgresql+psycopg:") + "postgres", isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        (study / FILE).unlink()
        monkeypatch.setenv("STUDY_DATABASE_URL", url + name)
        build(study)
    return study


def rows(study, statement):
    with made_study.database(study) as db, db.reading() as session:
        return session.execute(statement).all()


def in_threads(jobs):
    """Run them at once, and raise what any of them raises."""
    failures = []

    def run(job):
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_raters_at_once_get_a_place_each_and_lose_nothing(study, monkeypatch):
    monkeypatch.setattr(flow, "COVERAGE", 0.0)
    with study_rater.visitors(study) as another:
        raters = [another() for _ in range(RATERS + 2)]

        def go(number):
            raters[number].consent(PROLIFIC_PID=f"p{number}")
            if "All places are taken" in raters[number].page:
                return
            raters[number].post("/instructions")
            raters[number].check()
            raters[number].finish()

        in_threads([lambda number=number: go(number) for number in range(RATERS + 2)])
    assert sum("completion code" in rater.page for rater in raters) == RATERS
    places = rows(study, sa.select(Slot.seq, Slot.participant_id, Slot.state))
    assert len({person for _, person, _ in places}) == RATERS
    assert {state for _, _, state in places} == {"done"}
    assert Counter(rows(study, sa.select(Trial.state))) == {("rated",): RATERS * 9}
    assert rows(study, sa.select(sa.func.count()).select_from(Rating)) == [(RATERS * 9 * 3,)]
    cells = rows(
        study,
        sa.select(Stimulus.clip, Stimulus.method, sa.func.count())
        .join(Trial, Trial.stimulus_id == Stimulus.id)
        .where(Trial.kind == "main")
        .group_by(Stimulus.clip, Stimulus.method),
    )
    assert {count for *_, count in cells} == {RATERS}


def test_one_answer_sent_many_times_at_once_is_stored_once(study, monkeypatch):
    monkeypatch.setattr(flow, "COVERAGE", 0.0)
    with study_rater.visitors(study) as another:
        rater = another()
        rater.begin()
        fields = {"form": rater.hidden("form"), "playback": made_study.FULL_REPORT, "LS": 4, "EE": 4, "VPQ": 4}
        codes = []
        path = f"/rate/{rater.token}"
        in_threads([lambda: codes.append(rater.client.post(path, data=fields).status_code)] * 8)
        assert codes == [200] * 8
    assert rows(study, sa.select(Rating.scale, Rating.score).order_by(Rating.scale)) == [
        ("EE", 4),
        ("LS", 4),
        ("VPQ", 4),
    ]


def test_one_link_opened_many_times_at_once_makes_one_rater(study):
    with study_rater.visitors(study) as another:
        raters = [another() for _ in range(8)]
        in_threads([lambda rater=rater: rater.consent(PROLIFIC_PID="same") for rater in raters])
    assert rows(study, sa.select(sa.func.count()).select_from(Participant)) == [(1,)]
    assert rows(study, sa.select(sa.func.count()).where(Slot.state == "claimed")) == [(1,)]


def test_a_rater_is_forgotten_with_everything(study, monkeypatch):
    monkeypatch.setattr(flow, "COVERAGE", 0.0)
    with study_rater.visitors(study) as another:
        one, two = another(), another()
        one.begin(PROLIFIC_PID="5f0")
        one.finish()
        two.begin()
        assert talkbench("study", "forget", study, "--id", "5f0").code == 0
        assert "I agree" in one.open()
    assert len(rows(study, sa.select(Participant.label))) == 1
    assert rows(study, sa.select(Rating.id)) == []
    assert rows(study, sa.select(Slot.state).where(Slot.seq == 0)) == [("free",)]
    outcome = talkbench("study", "forget", study, "--rater", "nobody")
    assert outcome.code == 2
    assert "knows no rater 'nobody'" in outcome.err
    assert talkbench("study", "forget", study).code == 2


def test_a_place_left_for_long_goes_to_the_next_rater(study, monkeypatch):
    now = [1_800_000_000.0]
    monkeypatch.setattr(flow, "time", types.SimpleNamespace(time=lambda: now[0]))
    with study_rater.visitors(study) as another:
        one, two = another(), another()
        one.begin()
        now[0] += 4 * 3600
        two.begin()
        now[0] += 10
        one.rate()
    assert rows(study, sa.select(Slot.participant_id).where(Slot.state == "claimed")) == [(2,)]
    assert rows(study, sa.select(Participant.late).order_by(Participant.id)) == [(True,), (False,)]
    assert len(rows(study, sa.select(Rating.id))) == 3


def test_the_status_says_how_far_it_is(study, monkeypatch):
    monkeypatch.setattr(flow, "COVERAGE", 0.0)
    with study_rater.visitors(study) as another:
        one = another()
        one.begin()
        one.finish()
        another().consent()
        another().consent(agree="no")
    outcome = talkbench("study", "status", study)
    assert outcome.out.splitlines() == [
        "3 entered  →  2 consented  →  1 device ok  →  1 completed  →  1 kept",
        f"Places: 1 done, 1 claimed, {RATERS - 2} free. Ratings: 27. Rating now: 1.",
    ]


def test_sqlite_keeps_what_it_acknowledged(tmp_path_factory):
    study = made_study.copy(tmp_path_factory, raters=RATERS)
    with made_study.database(study) as db, db.writing() as session:
        pragma = {name: session.execute(sa.text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgresql://tester@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used_is_one_line(tmp_path_factory, monkeypatch, url):
    study = made_study.copy(tmp_path_factory, raters=RATERS)
    monkeypatch.setenv("STUDY_DATABASE_URL", url)
    outcome = talkbench("study", "status", study)
    assert outcome.code == 2
    assert "STUDY_DATABASE_URL" in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_a_folder_without_a_study_is_named(tmp_path):
    outcome = talkbench("study", "status", tmp_path)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"{tmp_path}: holds no study database. Run `talkbench study build {tmp_path}` first." in outcome.err
    assert not list(tmp_path.iterdir())
