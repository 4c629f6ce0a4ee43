"""The researcher's page: how far the study is. No ratings are shown, so that nobody stops at a result they like."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from ..status import status
from .app import Site, site_of
from .security import ADMIN_COOKIE, set_cookie

router = APIRouter(prefix="/admin")
OfSite = Annotated[Site, Depends(site_of)]
AdminCookie = Annotated[str | None, Cookie(alias=ADMIN_COOKIE)]


@router.get("")
def dashboard(site: OfSite, cookie: AdminCookie = None) -> Response:
    """Show the dashboard, or the log-in form."""
    if not site.keys.is_admin(cookie):
        return site.render("login", form=site.keys.form_token(None))
    with site.database.reading() as session:
        return site.render("dashboard", found=status(session, site.config), form=site.keys.form_token(cookie))


@router.post("/login")
def log_in(request: Request, site: OfSite, token: Annotated[str, Form()], form: Annotated[str, Form()]) -> Response:
    """Log a researcher in."""
    site.keys.check_form([None], form)
    site.logins.count()
    if not hmac.compare_digest(token.encode(), site.admin_token.encode()):
        raise HTTPException(403, "This is not the token.")
    response = RedirectResponse("/admin", 303)
    set_cookie(response, request, ADMIN_COOKIE, site.keys.admin_cookie(), days=0.5, strict=True)
    return response


@router.post("/logout")
def log_out(site: OfSite, form: Annotated[str, Form()], cookie: AdminCookie = None) -> Response:
    """Log a researcher out."""
    site.keys.check_form([cookie], form)
    response = RedirectResponse("/admin", 303)
    response.delete_cookie(ADMIN_COOKIE)
    return response
