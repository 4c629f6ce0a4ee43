"""The study in a real browser: headless Chromium, driven through Playwright, against the served application."""

import re

import clips
import made_study
import pytest
import study_rater
from browser import launched, needs_chromium
from sqlalchemy import func, select, update

from talkbench.bench.encode import write_video
from talkbench.bench.study.database import built_config
from talkbench.bench.study.export import ratings
from talkbench.bench.study.schema import Participant, Rating, Trial

pytestmark = needs_chromium
WAIT = 20_000


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture
def study(tmp_path_factory):
    return made_study.copy(tmp_path_factory)


@pytest.fixture
def address(study):
    with made_study.served(study) as address:
        yield address


@pytest.fixture
def open_page(chromium, address):
    """Return what opens a page in a browser of its own; whatever its console complains of is a failure."""
    trouble, contexts = [], []

    def open_page(*, context=None, width=1280, height=900, quiet=False):
        if context is None:
            context = chromium.new_context(viewport={"width": width, "height": height}, base_url=address)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        if not quiet:
            page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def rows(study, statement):
    with made_study.database(study) as db, db.reading() as session:
        return session.execute(statement).all()


def visible(locator):
    from playwright.sync_api import expect

    expect(locator).to_be_visible(timeout=WAIT)
    return locator


def ready(page):
    """Wait until the player can play."""
    from playwright.sync_api import expect

    expect(page.locator("#play")).to_be_enabled(timeout=WAIT)


def watched(page):
    """Wait until the form is open."""
    from playwright.sync_api import expect

    expect(page.locator("#answer")).to_have_attribute("data-open", "yes", timeout=WAIT)


def locked(page):
    """Stop the video, and say whether the form is locked."""
    return page.evaluate("""() => {
        document.getElementById("video").pause();
        return document.querySelector(".gated").disabled;
    }""")


def check_answer(page, study):
    """Look up the right answer to the device check on the page."""
    content = page.request.get(page.locator("#video").get_attribute("data-src")).body()
    return study_rater.check_clips(study)[content]


def pass_check(page, study):
    """Do the device check."""
    ready(page)
    page.locator("#play").click()
    watched(page)
    tones, digit = check_answer(page, study)
    page.get_by_label("How many tones").fill(tones)
    page.get_by_label("Which digit").fill(digit)
    page.get_by_role("button", name="Continue").click()
    visible(page.locator("#broken"))


def begin(page, study, path="/"):
    """Go as far as the first video, past what comes before by a short cut."""
    page.goto(path)
    page.get_by_role("button", name="I agree").click()
    visible(page.get_by_role("heading", name="What you will do"))
    with made_study.database(study) as db, db.writing() as session:
        session.execute(update(Participant).values(read_instructions=True, state="ready"))
    page.goto("/")
    ready(page)


def watch(page):
    ready(page)
    page.locator("#play").click()
    watched(page)


def choose(page, score):
    for scale in ("LS", "EE", "VPQ"):
        page.locator(f'input[name="{scale}"][value="{score}"]').check()


def token(page):
    return page.locator("#answer").get_attribute("data-token")


def gone(page, old):
    from playwright.sync_api import expect

    expect(page.locator(f'[data-token="{old}"]')).to_have_count(0, timeout=WAIT)


def save(page):
    old = token(page)
    page.get_by_role("button", name="Save").click()
    gone(page, old)


def tab_to(page, selector):
    """Press Tab until an element that fits has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


@pytest.fixture
def short_study(tmp_path_factory):
    return made_study.copy(tmp_path_factory, per_rater=1, training=0, attention=0, repeats=0)


def test_a_whole_study_by_keyboard_alone(chromium, short_study):
    with made_study.served(short_study) as address:
        page = chromium.new_page(base_url=address)
        _finish_by_keyboard(page, short_study)
        page.close()
    with made_study.database(short_study) as db, db.reading() as session:
        found = ratings(session, built_config(session))
    assert sorted(zip(found["scale"], found["score"], strict=True)) == sorted(
        [("LS", 3.0)] * 3 + [("EE", 5.0)] * 3 + [("VPQ", 2.0), ("VPQ", 3.0), ("VPQ", 4.0)]
    )
    assert found["completed"].all()
    assert (found["frames"] >= 14).all()
    assert (found["covered"] >= 0.95).all()
    assert (found["seconds"] >= 0.57).all()


def _finish_by_keyboard(page, study):
    page.set_default_timeout(WAIT)
    page.goto("/?PROLIFIC_PID=5f0")
    tab_to(page, "button[value=yes]")
    page.keyboard.press("Enter")
    visible(page.get_by_role("heading", name="What you will do"))
    tab_to(page, "main button")
    page.keyboard.press("Enter")
    ready(page)
    tones, digit = check_answer(page, study)
    tab_to(page, "#play")
    page.keyboard.press("Space")
    watched(page)
    tab_to(page, "#tones")
    page.keyboard.type(tones)
    tab_to(page, "#digit")
    page.keyboard.type(digit)
    page.keyboard.press("Enter")
    visible(page.locator("#broken"))
    for number in range(3):
        visible(page.get_by_label(f"video {number + 1} of 3"))
        ready(page)
        tab_to(page, "#play")
        page.keyboard.press("Enter")
        watched(page)
        old = token(page)
        for scale, presses in (("LS", 2), ("EE", 4), ("VPQ", number % 3 + 1)):
            tab_to(page, f'input[name="{scale}"]')
            page.keyboard.press("Space")
            for _ in range(presses):
                page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        gone(page, old)
    visible(page.get_by_role("heading", name="Thank you!"))
    (person,) = rows(study, select(Participant.state, Participant.code))
    assert person.state == "completed"
    assert page.locator("#code").inner_text() == person.code


def test_a_rater_goes_on_in_a_second_browser(study, open_page):
    page = open_page()
    begin(page, study, "/?PROLIFIC_PID=5f0")
    watch(page)
    choose(page, 4)
    save(page)
    first = token(page)
    page.reload()
    assert token(page) == first
    other = open_page()
    other.goto("/?PROLIFIC_PID=5f0")
    other.get_by_role("button", name="I agree").click()
    visible(other.get_by_label("video 2 of 9"))
    assert token(other) == first
    third = open_page()
    third.goto(page.get_by_role("link", name="continue later").get_attribute("href"))
    assert token(third) == first


def test_a_second_tab_a_double_click_and_back_store_one_rating(study, open_page):
    page = open_page()
    begin(page, study)
    other = open_page(context=page.context)
    other.goto("/")
    for tab in (page, other):
        tab.bring_to_front()
        watch(tab)
    page.bring_to_front()
    choose(page, 8)
    old = token(page)
    page.get_by_role("button", name="Save").dblclick()
    gone(page, old)
    choose(other, 2)
    other.get_by_role("button", name="Save").click()
    gone(other, old)
    assert rows(study, select(Rating.score).distinct()) == [(8.0,)]
    page.go_back()
    page.goto("/")
    assert token(page) == token(other)
    assert len(rows(study, select(Rating.id))) == 3


def test_a_lost_network_loses_no_answer(study, open_page):
    page = open_page(quiet=True)
    begin(page, study)
    watch(page)
    choose(page, 6)
    page.context.set_offline(True)
    old = token(page)
    page.get_by_role("button", name="Save").click()
    visible(page.get_by_text("Not saved yet"))
    assert rows(study, select(Rating.id)) == []
    page.context.set_offline(False)
    gone(page, old)
    assert rows(study, select(Rating.score, func.count()).group_by(Rating.score)) == [(6.0, 3)]


def test_an_answer_that_was_not_acknowledged_is_sent_again_after_a_reload(study, open_page):
    page = open_page(quiet=True)
    begin(page, study)
    watch(page)
    choose(page, 6)
    old = token(page)
    page.route("**/rate/*", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    visible(page.get_by_text("Not saved yet"))
    page.unroute("**/rate/*")
    page.reload()
    gone(page, old)
    assert rows(study, select(Rating.score, func.count()).group_by(Rating.score)) == [(6.0, 3)]


CHEATS = (
    "video => { video.currentTime = video.duration; }",
    "video => { video.playbackRate = 16; video.play(); }",
    "video => { video.play(); setTimeout(() => { video.currentTime = 0.55; }, 50); }",
    "video => { video.defaultPlaybackRate = 8; video.load(); video.play(); }",
)


OPENED_AFTER = """async (cheat) => {
    const video = document.getElementById("video"), gated = document.querySelector(".gated");
    const start = performance.now();
    cheat(video);
    while (gated.disabled && performance.now() - start < 450) await new Promise((next) => setTimeout(next, 10));
    video.pause();
    return gated.disabled ? null : (performance.now() - start) / 1000;
}"""


def test_cheats_stay_locked(study, open_page):
    page = open_page(quiet=True)
    begin(page, study)
    for cheat in CHEATS:
        page.reload()
        ready(page)
        opened = page.evaluate(f"() => ({OPENED_AFTER})({cheat})")
        assert opened is None or opened >= 0.95 * made_study.SECONDS, cheat
    page.reload()
    ready(page)
    page.evaluate("() => { document.querySelector('.gated').disabled = false; }")
    choose(page, 9)
    page.get_by_role("button", name="Save").click()
    visible(page.get_by_text("Please watch the video to its end before you rate it."))
    assert rows(study, select(Rating.id)) == []


@pytest.mark.parametrize("damage", ["mp4v", "missing"])
def test_a_video_that_does_not_work_never_stops_a_rater(study, open_page, damage):
    page = open_page(quiet=True)
    begin(page, study)
    old = token(page)
    (trial,) = rows(study, select(Trial).where(Trial.token == old))
    with made_study.database(study) as db, db.reading() as session:
        file = study / "stimuli" / session.get(Trial, trial[0].id).stimulus.file
    file.unlink()
    if damage == "mp4v":
        sound = made_study.tone(made_study.SECONDS, 200)
        write_video(file, clips.moving(15, size=96), fps=25, audio=sound, codec="mpeg4")
    page.evaluate("() => fetch(document.getElementById('video').dataset.src, {cache: 'reload'}).then(() => null)")
    page.reload()
    if damage == "mp4v":
        ready(page)
        page.locator("#play").click()
    visible(page.get_by_text(re.compile("does not play here")))
    assert locked(page)
    page.get_by_role("button", name="The video does not work").click()
    gone(page, old)
    visible(page.get_by_label("video 2 of 10"))
    assert rows(study, select(Trial.state).where(Trial.token == old)) == [("failed",)]


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits_the_screen(study, open_page, width):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(width=width, height=844)

    def look(name):
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        for narrow in {width, min(width, 320)}:
            page.set_viewport_size({"width": narrow, "height": 844})
            assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), (name, narrow)

    page.goto("/")
    look("consent")
    page.get_by_role("button", name="I agree").click()
    look("instructions")
    page.get_by_role("button", name="Continue").click()
    ready(page)
    look("check")
    pass_check(page, study)
    ready(page)
    look("a video, locked")
    watch(page)
    choose(page, 7)
    look("a video, rated")
    for size in page.evaluate("() => [...document.querySelectorAll('.points label')].map((l) => l.offsetHeight)"):
        assert size >= 44
    page.goto("/admin")
    look("log-in")
    page.get_by_label("Token").fill(made_study.TOKEN)
    page.get_by_role("button", name="Log in").click()
    visible(page.get_by_role("heading", name="How far the study is"))
    look("dashboard")
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_role("button", name="I do not want").click()
    visible(page.get_by_role("heading", name="Thank you for your time"))
    look("end")
