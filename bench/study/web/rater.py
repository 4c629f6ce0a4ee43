"""The rater's pages. One address shows whatever comes next; forms lead back to it, so that Back and Reload are safe."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Cookie, Depends, Form, HTTPException, Request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from .. import flow
from ..schema import Participant, Trial
from .app import Site, site_of
from .security import COOKIE, set_cookie

router = APIRouter()
_COOKIE_DAYS = 30
_LONGEST_PARAMETER = 200
_NO_COOKIE = (
    "Your browser does not keep the cookie by which the study knows where you are. Please allow cookies for this page, "
    "then open the study by your link again."
)
OfSite = Annotated[Site, Depends(site_of)]
RaterCookie = Annotated[str | None, Cookie(alias=COOKIE)]
FormToken = Annotated[str, Form(alias="form")]


async def _fields(request: Request) -> FormData:
    return await request.form()


Fields = Annotated[FormData, Depends(_fields)]


@router.get("/")
def home(request: Request, site: OfSite, cookie: RaterCookie = None) -> Response:
    """Show what comes next for this browser: the consent form, or wherever its rater is."""
    number = _number(site, request.query_params)
    with site.database.reading() as session:
        participant = flow.who(session, cookie)
        if participant is None and "entered" in request.query_params:
            return site.render("message", heading="Please allow cookies", message=_NO_COOKIE)
        if participant is None or (number is not None and number != participant.external):
            return _consent(site, request, cookie)
        if request.query_params:
            return RedirectResponse("/", 303)  # the number in the link need not stay in the address
        page, trials = flow.page_of(session, participant)
        if page != "trial":
            return _page(site, participant, page, cookie)
        response = _trial_page(site, session, participant, trials, cookie)
        fresh, trial_id = trials[0].shown is None, trials[0].id
    if fresh:
        with site.database.writing() as session:
            flow.show(session, session.get_one(Trial, trial_id))
    return response


@router.post("/consent")
def consent(
    request: Request,
    site: OfSite,
    fields: Fields,
    form: FormToken,
    agree: Annotated[str, Form()],
    entry: Annotated[str, Form(min_length=16, max_length=64)],
    cookie: RaterCookie = None,
) -> Response:
    """Take the answer to the consent form; only this makes a participant, never a link that is merely opened.

    A form that is sent twice makes one participant, even where the first answer has already set a cookie.
    """
    site.keys.check_form([cookie, None], form)
    site.entries.count()
    given = {name: value for name, value in fields.items() if isinstance(value, str)}
    number = _number(site, given)
    kept = {name: given[name][:_LONGEST_PARAMETER] for name in site.config.recruiting.keep if name in given}
    external = number or flow.pseudonym(site.keys.secret, f"entry|{entry}")
    arrival = flow.Arrival(external, "open" if number is None else "link", kept)
    try:
        with site.database.writing() as session:
            entered = flow.enter(session, site.config, arrival, agreed=agree == "yes")
    except IntegrityError:  # the same link was sent twice at once: the other one made the participant
        with site.database.writing() as session:
            entered = flow.enter(session, site.config, arrival, agreed=agree == "yes")
    if entered is None:
        return site.render(
            "message",
            heading="All places are taken",
            message="Thank you for your interest. The study has all the raters it needs at the moment.",
        )
    response = RedirectResponse("/?entered=yes", 303)
    set_cookie(response, request, COOKIE, entered[1], days=_COOKIE_DAYS, strict=False)
    return response


@router.get("/continue/{resume}")
def resume(request: Request, site: OfSite, resume: str) -> Response:
    """Continue in another browser, by the personal link."""
    with site.database.writing() as session:
        cookie = flow.log_in_by_link(session, resume)
    if cookie is None:
        raise HTTPException(404)
    response = RedirectResponse("/", 303)
    set_cookie(response, request, COOKIE, cookie, days=_COOKIE_DAYS, strict=False)
    return response


@router.post("/instructions")
def instructions(site: OfSite, form: FormToken, cookie: RaterCookie = None) -> Response:
    """Note that the instructions were read."""
    site.keys.check_form([cookie], form)
    with site.database.writing() as session:
        flow.read_instructions(session, _known(session, cookie))
    return RedirectResponse("/", 303)


@router.post("/check")
def check(
    request: Request,
    site: OfSite,
    form: FormToken,
    tones: Annotated[str, Form()],
    digit: Annotated[str, Form()],
    playback: Annotated[str, Form()] = "{}",
    cookie: RaterCookie = None,
) -> Response:
    """Judge the device check."""
    site.keys.check_form([cookie], form)
    device = _report(playback) | {"agent": request.headers.get("user-agent", "")[:300]}
    with site.database.writing() as session:
        flow.answer_check(session, site.config, _known(session, cookie), f"{tones.strip()} {digit.strip()}", device)
    return _next(request)


@router.post("/rate/{token}")
def rate(
    request: Request,
    site: OfSite,
    token: str,
    form: FormToken,
    fields: Fields,
    playback: Annotated[str, Form()] = "{}",
    cookie: RaterCookie = None,
) -> Response:
    """Store the ratings of one video; the answer comes when they are on disk."""
    site.keys.check_form([cookie], form)
    scores = {name: value for name, value in fields.items() if isinstance(value, str)}
    try:
        with site.database.writing() as session:
            flow.rate(session, site.config, _known(session, cookie), token, scores, _report(playback))
    except flow.RefusedError as refusal:
        raise HTTPException(422, str(refusal)) from refusal
    return _next(request)


@router.post("/broken/{token}")
def broken(
    request: Request,
    site: OfSite,
    token: str,
    form: FormToken,
    playback: Annotated[str, Form()] = "{}",
    cookie: RaterCookie = None,
) -> Response:
    """Note that a video does not work."""
    site.keys.check_form([cookie], form)
    try:
        with site.database.writing() as session:
            flow.fail(session, site.config, _known(session, cookie), token, _report(playback))
    except flow.RefusedError as refusal:
        raise HTTPException(422, str(refusal)) from refusal
    return _next(request)


@router.api_route("/m/{token}", methods=["GET", "HEAD"])
def media(site: OfSite, token: str, cookie: RaterCookie = None) -> Response:
    """Send a video of one of this rater's trials, or of their device check."""
    with site.database.reading() as session:
        participant = flow.who(session, cookie)
        if participant is None:
            raise HTTPException(404)
        if token == f"check-{participant.check_attempts}":
            file = flow.check_clip(session, participant).file
        else:
            trial = session.scalar(select(Trial).where(Trial.token == token, Trial.participant_id == participant.id))
            if trial is None:
                raise HTTPException(404)
            file = trial.stimulus.file
    headers = {"cache-control": "private, max-age=86400, immutable"}
    return FileResponse(site.stimuli / file, media_type="video/mp4", headers=headers)


def _number(site: Site, parameters: Mapping[str, str]) -> str | None:
    """Return the keyed hash of the number that a link gives its rater; None where it gives none."""
    number = parameters.get(site.config.recruiting.rater, "")[:_LONGEST_PARAMETER]
    return flow.pseudonym(site.keys.secret, number) if number else None


def _consent(site: Site, request: Request, cookie: str | None) -> Response:
    names = (site.config.recruiting.rater, *site.config.recruiting.keep)
    given = {name: request.query_params[name][:_LONGEST_PARAMETER] for name in names if name in request.query_params}
    entry = secrets.token_urlsafe(16)
    return site.render("consent", form=site.keys.form_token(cookie), given=given, entry=entry)


def _page(site: Site, participant: Participant, page: flow.Page, cookie: str | None) -> Response:
    form = site.keys.form_token(cookie)
    if page == "instructions":
        return site.render("instructions", form=form, step=1)
    if page == "check":
        tried = participant.check_attempts
        return site.render("check", form=form, step=2, token=f"check-{tried}", left=site.config.device.attempts - tried)
    recruiting = site.config.recruiting
    code = {
        "completed": participant.code or "",
        "screened-out": recruiting.screened_out,
        "declined": recruiting.declined,
    }[page]
    back = recruiting.return_url.replace("{code}", quote(code, safe="")) if code else ""
    return site.render("end", page=page, code=code, back=back, label=participant.label)


def _trial_page(
    site: Site, session: Session, participant: Participant, trials: Sequence[Trial], cookie: str | None
) -> Response:
    done, total = flow.progress(session, participant)
    return site.render(
        "trial",
        form=site.keys.form_token(cookie),
        token=trials[0].token,
        following=trials[1].token if len(trials) > 1 else "",
        practice=trials[0].kind == "training",
        done=done,
        total=total,
        resume=participant.resume,
    )


def _known(session: Session, cookie: str | None) -> Participant:
    participant = flow.who(session, cookie)
    if participant is None:
        raise HTTPException(403, "We do not know this browser. Please open the study by your link again.")
    return participant


def _report(text: str) -> dict[str, object]:
    """Read what the player says of a playback; whatever is no flat JSON object counts as nothing."""
    try:
        report = json.loads(text[:8192])
    except ValueError:
        return {}
    if not isinstance(report, dict):
        return {}
    return {
        str(name)[:40]: value if isinstance(value, (int, float, bool)) or value is None else str(value)[:200]
        for name, value in list(report.items())[:40]
    }


def _next(request: Request) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"next": "/"})
    return RedirectResponse("/", 303)
