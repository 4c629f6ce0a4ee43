"""200 raters at once on this machine, clients included: every answer is stored once, and how long saving one takes."""

from collections import Counter

import made_study
import sqlalchemy as sa
import study_load

from talkbench.bench.study.schema import Rating, Slot, Stimulus, Trial

RATERS = 200


def test_200_raters_at_once(tmp_path_factory, capsys):
    study = made_study.copy(tmp_path_factory, raters=RATERS, per_rater=1, repeats=0)
    with study_load.process(study) as (address, _):
        load = study_load.rate_all(study, address, RATERS, pause=(5.0, 15.0))
    with made_study.database(study) as db, db.reading() as session:
        ratings = session.execute(sa.select(Trial.token, Rating.score).join(Rating, Rating.trial_id == Trial.id)).all()
        slots = session.scalars(sa.select(Slot.state)).all()
        cells = session.execute(
            sa.select(sa.func.count())
            .select_from(Trial)
            .join(Stimulus, Trial.stimulus_id == Stimulus.id)
            .where(Trial.kind == "main")
            .group_by(Stimulus.clip, Stimulus.method)
        ).all()
    assert load.errors == []
    with capsys.disabled():
        shown = ", ".join(f"p{100 * share:g} {1000 * load.percentile(share):.0f} ms" for share in (0.5, 0.95, 0.99, 1))
        print(f"\n{RATERS} raters, {len(load.seconds)} answers; saving one: {shown}")  # noqa: T201
    assert load.finished == RATERS
    assert Counter((token, int(score)) for token, score in ratings) == Counter(dict.fromkeys(load.acknowledged, 3))
    assert len(load.acknowledged) == RATERS * 5
    assert set(slots) == {"done"}
    assert {count for (count,) in cells} == {RATERS // 2}
