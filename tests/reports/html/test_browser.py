"""The report in a real browser, opened from disk: headless Chromium, driven through Playwright."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import report_run
from browser import launched, needs_chromium

from talkbench.bench.results import Results
from talkbench.reports.html.page import write_report

pytestmark = needs_chromium
LAST = report_run.FRAMES - 1


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    run = report_run.shared(tmp_path_factory)
    return write_report(Results.load(run), tmp_path_factory.mktemp("browser") / "a report").index.as_uri()


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium, address):
    """The page, loaded; whatever it asks for or complains of is a failure."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    trouble, asked = [], []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    at(page, 0)
    page.select_option("#scene", label=report_run.SCRIPT)
    at(page, 0)
    yield page
    page.close()
    assert trouble == []
    folder = address.rpartition("/")[0]
    assert [url for url in asked if not url.startswith((folder, "data:"))] == []


def at(page, frame):
    """Wait until the player shows a frame; return the numbers stamped on the pictures."""
    from playwright.sync_api import expect

    expect(page.locator("#stage")).to_have_attribute("data-painted", str(frame), timeout=20_000)
    return seen(page)


def seen(page):
    shots = [canvas.screenshot() for canvas in page.locator("#pictures canvas").all()]
    return [report_run.stamp(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)) for shot in shots]


def playhead(page):
    """Return the playhead's frame, from its place between the first and the last."""
    x, left, right = page.evaluate(
        """() => {
            const dots = [...document.querySelectorAll("#curve .line")].map((line) => line.getBBox());
            const x = Number(document.getElementById("playhead").getAttribute("x1"));
            return [x, Math.min(...dots.map((b) => b.x)), Math.max(...dots.map((b) => b.x + b.width))];
        }"""
    )
    return round((x - left) / (right - left) * LAST)


def test_every_side_shows_the_same_frame_after_steps_seeks_and_play(page):
    assert at(page, 0) == [0, 0, 0]
    for _ in range(3):
        page.click("#forward")
    assert at(page, 3) == [3, 3, 3]
    page.click("#back")
    assert at(page, 2) == [2, 2, 2]
    page.locator("#seek").fill("15")
    assert at(page, 15) == [15, 15, 15]
    page.click("#play")
    assert at(page, LAST) == [LAST, LAST, LAST]  # plays to the end
    page.click("#play")  # and from the beginning again
    page.wait_for_timeout(300)
    page.click("#play")
    stopped = int(page.get_attribute("#stage", "data-frame"))
    assert 0 < stopped <= LAST
    assert at(page, stopped) == [stopped] * 3


def test_the_keyboard_is_enough(page):
    page.locator("#list button.clip", has_text="tame").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "stage"
    assert at(page, 0) == [0, 0]  # the other clip, of which one take failed
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert at(page, 5) == [5, 5]
    page.keyboard.press("ArrowLeft")
    assert at(page, 4) == [4, 4]
    page.keyboard.press("End")
    assert at(page, LAST) == [LAST, LAST]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    assert at(page, 0) == [0, 0]
    page.keyboard.press("Space")
    assert at(page, LAST) == [LAST, LAST]
    page.focus("#seek")
    page.keyboard.press("ArrowLeft")
    at(page, LAST - 1)


def test_the_curve_follows_and_leads_and_says_why_it_has_a_gap(page):
    page.select_option("#metric", label="SSIM ↑")
    for frame in (4, 9, LAST):
        page.locator("#seek").fill(str(frame))
        at(page, frame)
        assert playhead(page) == frame
    box = page.locator("#curve svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    clicked = int(page.get_attribute("#stage", "data-frame"))
    assert at(page, clicked) == [clicked] * 3
    assert abs(clicked - LAST / 2) <= 1.5
    assert playhead(page) == clicked
    assert page.locator("#curve .gap").count() == 0  # pixels need no face
    page.select_option("#metric", label="F-LMD ↓ (px)")
    assert page.locator("#curve .gap").count() == 2
    gap = page.locator("#curve .gap").first.bounding_box()
    page.mouse.move(gap["x"] + gap["width"] / 2, gap["y"])
    assert page.locator("#tip").inner_text().count("no face on either side") == 2
    page.locator("#seek").fill(str(report_run.FACELESS[0]))
    assert page.locator("#pictures .value").nth(1).inner_text() == "no face on either side"


def column(page, number):
    return page.locator(f"#list tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_the_list_sorts_with_what_is_missing_last_and_filters(page):
    header = page.locator("#list thead button", has_text="PSNR")
    for direction, order in (("ascending", 1), ("descending", -1)):
        header.click()
        assert page.locator("#list [aria-sort]").get_attribute("aria-sort") == direction
        shown = page.evaluate(
            "[...document.querySelectorAll('#list tbody tr')].map((r) => r.querySelectorAll('td.n')[3]?.dataset.v)"
        )
        assert shown[-1] is None  # the failed take
        values = [float(value) * order for value in shown[:-1]]
        assert values == sorted(values)
    page.locator("#list thead button", has_text="Clip").click()
    names = column(page, 1)
    assert names == sorted(names)
    page.fill("#find", "TAME")
    assert column(page, 1) == ["tame", "tame"]
    page.select_option("#of-method", label="plain")
    assert column(page, 2) == ["plain"]
    assert "cannot be decoded" in page.locator("#list tr:visible .failure").inner_text()
    assert page.locator("#count").inner_text() == "1 of 4"


def test_hostile_names_are_shown_and_do_nothing(page):
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("h1 bdi").all_inner_texts() == [report_run.IMAGE, report_run.PLAIN]
    assert report_run.SCRIPT in column(page, 1)
    assert report_run.SCRIPT in page.locator("#scene option").all_inner_texts()
    assert page.locator("#pictures bdi").all_inner_texts() == ["Ground Truth", report_run.IMAGE, report_run.PLAIN]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_long_list_shows_its_beginning_until_asked(chromium, tmp_path_factory):
    results = Results.load(report_run.shared(tmp_path_factory))
    pair = results.clips.query("clip == @report_run.SCRIPT")
    many = pd.concat([pair.assign(clip=f"{number:03}") for number in range(110)], ignore_index=True)
    out = tmp_path_factory.mktemp("long") / "report"
    report = write_report(replace(results, clips=many, failures=[]), out, videos=False, clips=0)
    page = chromium.new_page()
    page.goto(report.index.as_uri())
    shown = page.locator("#list tbody tr:visible")
    assert shown.count() == 200
    page.locator("#list thead button", has_text="Clip").click()
    assert (shown.count(), column(page, 1)[0]) == (200, "109")
    page.get_by_role("button", name="Show all 220").click()
    assert shown.count() == 220
    page.close()
