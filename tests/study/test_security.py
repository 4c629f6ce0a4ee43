"""What protects raters and results: headers, forms from elsewhere, other people's videos, the token, and blinding."""

import re
import stat

import made_study
import pytest
import study_rater
from command import talkbench
from starlette.testclient import TestClient

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.study import flow
from talkbench.bench.study.web.app import create_app
from talkbench.bench.study.web.security import Keys, Limit


@pytest.fixture
def study(tmp_path_factory):
    return made_study.copy(tmp_path_factory)


@pytest.fixture
def another(study, monkeypatch):
    now = [1_800_000_000.0]

    class Clock:
        time = staticmethod(lambda: now[0])

    def watch():
        now[0] += 2

    monkeypatch.setattr(flow, "time", Clock)
    with study_rater.visitors(study, watch) as another:
        yield another


def test_no_answer_to_a_rater_names_a_method_a_clip_or_the_order(another, study):
    rater = another()
    answers = []
    rater.client.event_hooks = {"response": [lambda response: answers.append(response)]}
    rater.begin(PROLIFIC_PID="5f0")
    while rater.token:
        for token in re.findall(r'(?:data-src|data-next)="(/m/[^"]+)"', rater.page):
            assert rater.client.get(token).status_code == 200
        assert rater.client.get("/static/study.js").status_code == 200
        rater.rate()
    assert len(answers) > 40
    named = re.compile("|".join([*made_study.METHODS, *made_study.CLIPS, "ground.truth", "attention"]), re.I)
    for response in answers:
        text = f"{response.url} {response.headers}"
        if not response.headers.get("content-type", "").startswith("video"):
            text += response.content.decode()
        else:
            assert not re.search(b"sharp|blurrynet|speech-|ground.truth", response.content, re.I)
        assert not named.search(text), text[:500]
        assert not re.search(r"\.mp4|stimul", str(response.headers))
    tokens = {token for response in answers for token in re.findall(r'data-token="([^"]+)"', response.text)}
    assert len(tokens) == 9  # each of its own, so that none can be recognised


def test_every_answer_carries_the_headers(another):
    client = another().client
    for path in ("/", "/admin", "/nothing", "/static/study.js", "/m/x"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers
    assert client.get("/").headers["cache-control"] == "no-store"
    assert "/docs" not in str(client.get("/").text)
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_cookies_are_out_of_reach_of_scripts_and_travel_encrypted(study):
    with made_study.database(study) as db:
        app = create_app(study, db, made_study.TOKEN)
        for address, secure in (("http://testserver", False), ("https://testserver", True)):
            rater = study_rater.Rater(TestClient(app, base_url=address, follow_redirects=False), {})
            rater.open()
            response = rater.post("/consent", 303, agree="yes", entry=rater.hidden("entry"))
            cookie = response.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "samesite=lax" in cookie.lower()
            assert ("Secure" in cookie) == secure
            assert ("strict-transport-security" in response.headers) == secure


def test_forms_from_elsewhere_are_refused(another):
    rater = another()
    rater.begin()
    fields = {"form": rater.hidden("form"), "LS": 5, "EE": 5, "VPQ": 5, "playback": made_study.FULL_REPORT}
    path = f"/rate/{rater.token}"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        assert rater.client.post(path, data=fields, headers=headers).status_code == 403
    assert rater.client.post(path, data=fields | {"form": "0" * 64}).status_code == 403
    assert rater.client.post(path, data={name: fields[name] for name in ("LS", "EE", "VPQ")}).status_code == 422
    assert another().client.post(path, data=fields).status_code == 403  # another browser
    assert rater.client.post(path, data=fields | {"x": "x" * 70_000}).status_code == 413
    assert rater.client.post(path, content=iter([b"form=1"])).status_code == 411


def test_a_video_is_sent_to_its_rater_alone(another):
    one, two = another(), another()
    one.begin()
    two.begin()
    path = f"/m/{one.token}"
    whole = one.client.get(path)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "video/mp4"
    assert "content-disposition" not in whole.headers
    assert "private" in whole.headers["cache-control"]
    part = one.client.get(path, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, whole.content[:2])
    assert one.client.head(path).headers["content-length"] == str(len(whole.content))
    for client in (two.client, another().client):
        assert client.get(path).status_code == 404
    two.open()
    two.send(one.token, 422, LS=5, EE=5, VPQ=5)


@pytest.mark.parametrize(
    "path",
    [
        "/m/..%2fstudy.db",
        "/m/%2e%2e%2fsecret.key",
        "/static/..%2f..%2f..%2fstudy.toml",
        "/static/%2e%2e/app.py",
        "/study.db",
    ],
)
def test_no_path_leads_out_of_the_folders(another, path):
    rater = another()
    rater.begin()
    assert rater.client.get(path).status_code == 404


def test_the_dashboard_needs_the_token_and_shows_no_rating(another):
    rater = another()
    rater.begin()
    rater.finish()
    client = another().client
    page = client.get("/admin").text
    assert "blurrynet" not in page
    form = re.search(r'name="form" value="(\w+)"', page)[1]
    assert client.post("/admin/login", data={"form": form, "token": "wrong"}).status_code == 403
    assert "blurrynet" not in client.get("/admin").text
    page = client.post("/admin/login", data={"form": form, "token": made_study.TOKEN}).text
    assert "blurrynet" in page
    assert "1</b> completed" in page
    assert "Log out" in page
    rater.client.cookies.set("talkbench_admin", "9999999999.0000")
    assert "blurrynet" not in rater.client.get("/admin").text


def test_tokens_cannot_be_guessed_by_trying(another):
    client = another().client
    form = re.search(r'name="form" value="(\w+)"', client.get("/admin").text)[1]
    codes = [client.post("/admin/login", data={"form": form, "token": str(n)}).status_code for n in range(12)]
    assert codes == [403] * 10 + [429] * 2


def test_limits_forget_what_is_long_past():
    now = [0.0]
    limit = Limit(2, 10, clock=lambda: now[0])
    limit.count()
    limit.count()
    with pytest.raises(Exception, match="Too many"):
        limit.count()
    now[0] = 10
    limit.count()


def test_an_admin_cookie_ends_and_cannot_be_made_up(monkeypatch):
    keys = Keys(b"secret")
    cookie = keys.admin_cookie()
    assert keys.is_admin(cookie)
    assert not Keys(b"other").is_admin(cookie)
    assert not any(keys.is_admin(wrong) for wrong in (None, "", ".", "x.y", f"9{cookie}", cookie[:-1], "9" * 12))
    monkeypatch.setattr("talkbench.bench.study.web.security.time.time", lambda: 9e9)
    assert not keys.is_admin(cookie)


def test_a_short_token_does_not_start_a_server(study, monkeypatch):
    monkeypatch.delenv("STUDY_ADMIN_TOKEN", raising=False)
    outcome = talkbench("study", "serve", study)
    assert outcome.code == 2
    assert "STUDY_ADMIN_TOKEN: expected at least 32 characters, got 0" in outcome.err
    with made_study.database(study) as db, pytest.raises(TalkbenchError, match="got 3"):
        create_app(study, db, "abc")


def test_a_missing_stimulus_does_not_start_a_server(study):
    file = next((study / "stimuli").iterdir())
    file.unlink()
    with made_study.database(study) as db, pytest.raises(TalkbenchError, match=f"missing, such as {file.name}"):
        create_app(study, db, made_study.TOKEN)


def test_the_secret_is_for_its_owner_alone(study):
    mode = (study / "secret.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_texts_are_escaped(tmp_path_factory):
    hostile = "<script>alert(1)</script>"
    study = made_study.copy(tmp_path_factory, title=hostile, contact=hostile)
    with study_rater.visitor(study) as rater:
        rater.open(f"/?STUDY_ID={hostile}")
        assert hostile not in rater.page
        assert rater.page.count("&lt;script&gt;alert(1)") >= 3
