"""The report as files: what is escaped, what is made again, and what is refused."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
import report_run
from command import talkbench

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports.html.page import write_report
from talkbench.reports.table import table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = report_run.shared(tmp_path_factory)
    return run, write_report(Results.load(run), tmp_path_factory.mktemp("made") / "report")


@pytest.fixture
def run(made, tmp_path):
    """A copy of the run whose videos are the test's own to spoil."""
    shutil.copytree(made[0].parent, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    old, new = str(made[0].parent), str(run.parent)
    file = run / "run.json"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    rows = pd.read_parquet(run / "clips.parquet")
    for side in ("gt_video", "gen_video"):
        rows[side] = [path.replace(old, new) for path in rows[side]]
    rows.to_parquet(run / "clips.parquet")
    return run


class Page(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.raw = [], [], [], {}
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self._inside = tag if tag in ("script", "style") else None
        self._key = dict(attributes).get("id", tag)

    def handle_data(self, text):
        if self._inside:
            self.raw[self._key] = text
        else:
            self.texts.append(text)

    def handle_endtag(self, tag):
        self._inside = None

    @property
    def data(self):
        return json.loads(self.raw["data"])


def page(report):
    return Page(report.index.read_text(encoding="utf-8"))


def test_hostile_names_are_text_and_nothing_else(made):
    shown = page(made[1])
    assert report_run.SCRIPT in shown.texts
    assert report_run.IMAGE in shown.texts
    assert shown.tags.count("script") == 2
    assert shown.tags.count("img") == 2  # the figures
    assert not [name for name, _ in shown.attributes if name.startswith("on") or name == "style"]
    assert shown.data["methods"] == [report_run.IMAGE, report_run.PLAIN]
    assert {scene["clip"] for scene in shown.data["scenes"]} == {report_run.SCRIPT, "tame"}
    assert "<" not in shown.raw["data"]


def test_the_policy_lets_only_the_pages_own_script_and_style_in(made):
    shown = page(made[1])
    policy = next(value for name, value in shown.attributes if name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(shown.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_nothing_points_out_of_the_folder(made):
    shown = page(made[1])
    links = [value for name, value in shown.attributes if name in ("src", "href", "data", "poster")]
    links += [scene["video"] for scene in shown.data["scenes"]]
    assert all(re.fullmatch(r"#[\w-]*|data:,|figures/[\w-]+\.svg|media/[0-9a-f]{24}\.mp4", link) for link in links)
    assert all((made[1].index.parent / link).is_file() for link in links if "/" in link)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", made[1].index.read_text(encoding="utf-8"))


def test_no_path_of_this_machine_is_told(made):
    text = made[1].index.read_text(encoding="utf-8")
    assert str(made[0].parent) not in text
    assert "plain/tame.avi: cannot be decoded" in " ".join(page(made[1]).texts)


def test_the_numbers_are_those_of_the_table_with_signature_and_notes(made):
    shown, summary = page(made[1]), table(Results.load(made[0]))
    assert summary.signature in shown.texts
    for note in summary.notes:
        assert note in shown.texts
    scene = next(scene for scene in shown.data["scenes"] if scene["clip"] == report_run.SCRIPT)
    frames = Results.load(made[0]).frames.query("clip == @report_run.SCRIPT and method == 'plain'")
    names = [column["name"] for column in shown.data["columns"]]
    assert scene["values"][1][names.index("SSIM")] == pytest.approx(frames["SSIM"].tolist(), abs=1e-4)
    assert scene["state"][1] == "." * 8 + "b" * 3 + "." * 9
    assert [value is None for value in scene["values"][1][0]] == [at in report_run.FACELESS for at in range(20)]


def stamps(folder):
    return {file.name: file.stat().st_mtime_ns for file in (folder / "media").iterdir()}


def test_a_second_call_makes_no_video_again_and_the_same_page(run, tmp_path):
    out = tmp_path / "report"
    first = write_report(Results.load(run), out)
    text, before = first.index.read_bytes(), stamps(out)
    assert len(before) == 2
    write_report(Results.load(run), out)
    assert (first.index.read_bytes(), stamps(out)) == (text, before)

    lost = sorted(before)[0]
    whole = (out / "media" / lost).read_bytes()
    (out / "media" / lost).unlink()
    write_report(Results.load(run), out)
    assert (out / "media" / lost).read_bytes() == whole
    assert {name: at for name, at in stamps(out).items() if name != lost} == {
        name: at for name, at in before.items() if name != lost
    }

    write_report(Results.load(run), out, clips=1)
    assert len(stamps(out)) == 1


def test_a_changed_or_missing_video_is_named_and_its_numbers_stay(run, tmp_path):
    copy = run.parent
    (copy / "real" / "tame.mp4").unlink()
    changed = copy / "image" / f"{report_run.SCRIPT}.mkv"
    changed.write_bytes(changed.read_bytes() + b"\0")
    report = write_report(Results.load(run), tmp_path / "report")
    told = "\n".join(report.warnings)
    assert f"clip tame: Ground Truth is not shown. {copy}/real/tame.mp4: is no longer there" in told
    assert f"clip {report_run.SCRIPT}: {report_run.IMAGE} is not shown. {changed}: has changed" in told
    by_clip = {scene["clip"]: scene for scene in page(report).data["scenes"]}
    assert [place["side"] for place in by_clip[report_run.SCRIPT]["pictures"]] == [-1, 1]
    assert [place["side"] for place in by_clip["tame"]["pictures"]] == [0]
    assert all(value is not None for value in by_clip["tame"]["values"][0][3])
    assert str(copy) not in "".join(note for scene in by_clip.values() for note in scene["notes"])


def test_a_folder_with_anything_else_in_it_is_left_alone(made, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(TalkbenchError, match=r"holds 'thesis\.tex'"):
        write_report(Results.load(made[0]), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_command_tells_where_the_report_is_and_what_it_could_not_show(made, tmp_path):
    done = talkbench("report", made[0], "-o", tmp_path / "report", "--no-videos")
    assert (done.code, str(tmp_path / "report" / "index.html") in done.out) == (0, True)
    assert "0 of 2 clips" in done.out
    refused = talkbench("report", made[0], "-o", tmp_path / "other", "--clips", "few")
    assert (refused.code, (tmp_path / "other").exists()) == (2, False)
    assert "--clips few: expected a number or all" in refused.err
    assert talkbench("report", tmp_path, "-o", tmp_path / "other").code == 2


def test_a_run_in_which_every_pair_failed_has_a_report(made, tmp_path):
    results = Results.load(made[0])
    failures = [
        {"clip": clip, "method": method, "file": "f", "reason": "cut short"}
        for clip in ("a", "b")
        for method in results.run["methods"]
    ]
    report = write_report(
        Results(results.run, results.clips.iloc[:0], results.frames.iloc[:0], failures), tmp_path / "report"
    )
    assert page(report).texts.count("cut short") == 4
