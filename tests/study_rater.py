"""A rater who answers pages over HTTP, as a browser's forms would."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import made_study

FORM = {"Sec-Fetch-Site": "same-origin"}


class Rater:
    """One browser. `client` is an httpx client; `wait` lets a video's length pass."""

    def __init__(
        self, client: Any, checks: dict[bytes, tuple[str, str]], wait: Callable[[], None] = lambda: None
    ) -> None:
        self.client, self.checks, self.wait = client, checks, wait
        self.page = ""

    def open(self, path: str = "/") -> str:
        """Load a page."""
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text)
        self.page = response.text
        return self.page

    def hidden(self, name: str) -> str:
        """The value of a hidden field on the page."""
        return re.search(rf'name="{name}" value="([^"]*)"', self.page)[1]

    @property
    def token(self) -> str | None:
        """The token of the trial on the page; None on another page."""
        found = re.search(r'data-token="([^"]+)"', self.page)
        return found and found[1]

    def post(self, path: str, expected: int = 200, **fields: object) -> Any:
        """Send a form of the page, and keep the page that it leads to."""
        response = self.client.post(path, data={"form": self.hidden("form"), **fields}, headers=FORM)
        assert response.status_code == expected, (path, response.status_code, response.text)
        self.page = response.text
        return response

    def consent(self, *, agree: str = "yes", **parameters: str) -> None:
        """Open the link and answer the consent form."""
        self.open("/?" + "&".join(f"{name}={value}" for name, value in parameters.items()))
        self.post("/consent", agree=agree, entry=self.hidden("entry"), **parameters)

    def check(self, *, right: bool = True, report: str = made_study.FULL_REPORT) -> None:
        """Answer the device check."""
        clip = re.search(r"/m/check-\d+", self.page)[0]
        content = self.client.get(clip).content
        tones, digit = self.checks[content] if right else ("9", "0")
        self.post("/check", tones=tones, digit=digit, playback=report)

    def begin(self, **parameters: str) -> None:
        """Go as far as the first video, or the one where this rater was."""
        self.consent(**parameters)
        if 'action="/instructions"' in self.page:
            self.post("/instructions")
        if 'action="/check"' in self.page:
            self.check()
        assert self.token

    def rate(self, score: int | str = 7, **scores: object) -> Any:
        """Watch and rate the video on the page."""
        self.wait()
        return self.send(self.token, **{"LS": score, "EE": score, "VPQ": score, **scores})

    def send(
        self, token: str | None, expected: int = 200, report: str = made_study.FULL_REPORT, **scores: object
    ) -> Any:
        """Send ratings."""
        return self.post(f"/rate/{token}", expected, playback=report, **scores)

    def finish(self) -> int:
        """Rate every video that comes; return how many there were."""
        count = 0
        while self.token:
            self.rate(1 + count % 10)
            count += 1
        return count


def check_clips(study: Path) -> dict[bytes, tuple[str, str]]:
    """(tones, digit) by the content of the device check's clips."""
    from sqlalchemy import select

    from talkbench.bench.study.schema import Stimulus

    with made_study.database(study) as db, db.reading() as session:
        rows = session.execute(select(Stimulus.file, Stimulus.expected).where(Stimulus.kind == "check")).all()
    return {(study / "stimuli" / file).read_bytes(): tuple(expected.split()) for file, expected in rows}


@contextlib.contextmanager
def visitors(study: Path, wait: Callable[[], None] = lambda: None) -> Iterator[Callable[[], Rater]]:
    """The study's application, called directly; yield what makes another browser."""
    from starlette.testclient import TestClient

    from talkbench.bench.study.web.app import create_app

    with made_study.database(study) as db:
        app = create_app(study, db, made_study.TOKEN)
        checks = check_clips(study)
        yield lambda: Rater(TestClient(app), checks, wait)


@contextlib.contextmanager
def visitor(study: Path, wait: Callable[[], None] = lambda: None) -> Iterator[Rater]:
    """One browser."""
    with visitors(study, wait) as another:
        yield another()
