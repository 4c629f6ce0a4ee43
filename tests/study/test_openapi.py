"""The study's server under fire: schemathesis makes requests out of the server's own OpenAPI description.

The description is made here alone: a served study has no page that shows it. Every request is sent twice, as it is and
with the cookie and the form token of a rater who is under way, since without those most are refused at the door.
"""

import os
import re

import made_study
import pytest
import schemathesis
import study_rater
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks
from starlette.testclient import TestClient

from talkbench.bench.study.web.app import create_app

EXAMPLES = int(os.environ.get("TALKBENCH_FUZZ_EXAMPLES", "25"))
OURS = {"Sec-Fetch-Site": "same-origin"}
SECRETS = re.compile(r"Traceback|sqlalchemy|blurrynet|Sharp Method|secret\.key|study\.db|/stimuli/")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    study = made_study.copy(tmp_path_factory)
    with made_study.database(study) as db:
        yield create_app(study, db, made_study.TOKEN)


@pytest.fixture(scope="module")
def rater(app):
    client = TestClient(app, follow_redirects=False)
    rater = study_rater.Rater(client, {})
    rater.open()
    rater.post("/consent", 303, agree="yes", entry=rater.hidden("entry"))
    rater.open()
    return {"cookies": dict(client.cookies), "form": rater.hidden("form")}


@pytest.fixture(scope="module")
def described(app):
    assert app.openapi_url is None
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return schema


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_no_request_breaks_the_server_or_shows_what_it_hides(described, rater):
    seen = set()
    for operation in (result.ok() for result in described.get_all_operations()):
        anything = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=anything)
        def holds(case):
            answers = [case.call(headers=OURS)]
            if isinstance(case.body, dict):
                case.body["form"] = rater["form"]
            answers.append(case.call(headers=OURS, cookies=rater["cookies"]))
            for answer in answers:
                seen.add((case.operation.label, answer.status_code))
                case.validate_response(answer, checks=[checks.not_a_server_error])
                assert answer.headers["content-security-policy"][0].startswith("default-src 'none'")
                if not "".join(answer.headers.get("content-type", ())).startswith("video"):
                    assert not SECRETS.search(answer.content.decode("utf-8", "replace"))

        holds()
    assert {(f"POST /{page}", 200) for page in ("consent", "check", "instructions")} <= seen, "all stopped at the door"


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_all_of_the_servers_addresses_are_tried(described, app):
    operations = [result.ok() for result in described.get_all_operations()]
    written = {(route.path, method) for route in app.routes for method in getattr(route, "methods", None) or ()}
    assert {(one.path, one.method.upper()) for one in operations} >= {
        (path, method) for path, method in written if method != "HEAD"
    }
    assert len(operations) >= 8
