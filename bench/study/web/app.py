"""The web application of one study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from ...errors import TalkbenchError
from ..build import SECRET, STIMULI
from ..config import Config, parse
from ..database import Database
from ..schema import Stimulus, Study
from .security import Guard, Keys, Limit

_HERE = Path(__file__).parent
SHORTEST_TOKEN = 32


@dataclass(frozen=True)
class Site:
    """What the pages need: the study's configuration and database, where its videos are, and its keys."""

    config: Config
    database: Database
    stimuli: Path
    keys: Keys
    admin_token: str
    logins: Limit
    entries: Limit
    pages: jinja2.Environment

    def render(self, name: str, status: int = 200, **values: object) -> HTMLResponse:
        """Return a page made from a template."""
        text = self.pages.get_template(f"{name}.html.j2").render(config=self.config, **values)
        return HTMLResponse(text, status)


def create_app(study: Path, database: Database, admin_token: str) -> FastAPI:
    """Return the application. Raises TalkbenchError where the token is too short or a stimulus is missing."""
    from . import admin, rater

    if len(admin_token) < SHORTEST_TOKEN:
        raise TalkbenchError(
            f"STUDY_ADMIN_TOKEN: expected at least {SHORTEST_TOKEN} characters, got {len(admin_token)}. Set it to what "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` prints."
        )
    site = _site(study, database, admin_token)
    app = FastAPI(title="talkbench study", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = site
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    app.include_router(rater.router)
    app.include_router(admin.router)
    app.add_exception_handler(HTTPException, _explain)
    app.add_exception_handler(RequestValidationError, _explain)
    app.add_middleware(Guard)
    return app


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    site = request.app.state.site
    assert isinstance(site, Site)  # noqa: S101  # set by create_app
    return site


def _site(study: Path, database: Database, admin_token: str) -> Site:
    with database.reading() as session:
        built = session.get(Study, 1)
        files = list(session.query(Stimulus.file))
    if built is None:
        raise TalkbenchError(f"{study}: holds no study. Run `talkbench study build {study}` first.")
    missing = [file for (file,) in files if not (study / STIMULI / file).is_file()]
    if missing:
        raise TalkbenchError(
            f"{study / STIMULI}: {len(missing)} of {len(files)} videos are missing, such as {missing[0]}. "
            "Put them back, or run `talkbench study build` again."
        )
    try:
        secret = (study / SECRET).read_bytes()
    except OSError as error:
        raise TalkbenchError(
            f"{study / SECRET}: cannot be read ({error.strerror}). Raters who come back are known by it: put it back."
        ) from error
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["paragraphs"] = lambda text: [part.strip() for part in text.split("\n\n") if part.strip()]
    return Site(
        parse(built.config, study),
        database,
        study / STIMULI,
        Keys(secret),
        admin_token,
        Limit(10, 60),
        Limit(1000, 60),
        pages,
    )


def _explain(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be served: JSON for our script, a page for a person."""
    status = error.status_code if isinstance(error, HTTPException) else 422
    message = str(error.detail) if isinstance(error, HTTPException) else "The form is incomplete."
    if status == 404:
        message = "There is nothing here."
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"message": message}, status)
    return site_of(request).render("message", status, heading="That did not work", message=message)
