"""Many raters at once, and a server killed in the middle: what was acknowledged is in the database, once."""

import threading
import time
from collections import Counter

import made_study
import sqlalchemy as sa
import study_load

from talkbench.bench.study.schema import Rating, Trial


def stored(study):
    """(token, score) of every rating."""
    with made_study.database(study) as db, db.reading() as session:
        statement = sa.select(Trial.token, Rating.score).join(Rating, Rating.trial_id == Trial.id)
        return Counter((token, int(score)) for token, score in session.execute(statement))


def test_a_server_killed_under_load_has_what_it_acknowledged(tmp_path_factory):
    study = made_study.copy(tmp_path_factory, raters=12, per_rater=1, repeats=0)
    with study_load.process(study) as (address, server):

        def kill():
            while sum(stored(study).values()) < 60:
                time.sleep(0.05)
            server.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        load = study_load.rate_all(study, address, 12, pause=(0.6, 0.7))
        killer.join()
    assert load.errors
    assert len(load.acknowledged) >= 8
    found = stored(study)
    assert set(found.values()) == {3}
    assert set(load.acknowledged) <= found.keys()
    assert len(found) - len(load.acknowledged) <= 12  # each rater may have one answer on the way
    with study_load.process(study) as (address, _):
        again = study_load.rate_all(study, address, 12, pause=(0.6, 0.7))
    assert again.errors == []
    assert again.finished == 12
    assert stored(study) == Counter(dict.fromkeys([*found, *again.acknowledged], 3))
    assert len(stored(study)) == 12 * 5
