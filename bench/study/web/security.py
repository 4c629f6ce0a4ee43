"""What protects the pages: headers, a limit on request bodies, cookies, form tokens, and limits on how often."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE, ADMIN_COOKIE = "talkbench_rater", "talkbench_admin"
_LARGEST_BODY = 64 * 1024
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_ADMIN_HOURS = 12


class Guard:
    """ASGI middleware: security headers on every answer; cross-site writes and large bodies are refused."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, secure=scope["scheme"] == "https")
            await send(message)

        refusal = None if scope["method"] in ("GET", "HEAD") else _refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self.app(scope, receive, send_guarded)


def _add_headers(message: MutableMapping[str, Any], *, secure: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
    if secure:
        headers["strict-transport-security"] = "max-age=31536000"


def _refusal(scope: Scope, headers: MutableMapping[str, str]) -> Response | None:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "null")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:  # an old browser; it sends "null" for our own forms, whose token is checked in any case
        ours = origin == "null" or origin.partition("://")[2] == headers.get("host")
    if not ours:
        return PlainTextResponse("This form was sent from another site.", 403)
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return PlainTextResponse("The length of the request is missing.", 411)
    return PlainTextResponse("The request is too large.", 413) if int(length) > _LARGEST_BODY else None


class Keys:
    """Signs with the study's secret: form tokens and the researcher's cookie."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def form_token(self, cookie: str | None) -> str:
        """Return what a form of this browser must send along."""
        return self._sign(f"form|{cookie or ''}")

    def check_form(self, cookies: Sequence[str | None], token: str) -> None:
        """Raise 403 unless a form came from one of our pages, shown to a browser with one of these cookies."""
        if not any(hmac.compare_digest(token.encode(), self.form_token(cookie).encode()) for cookie in cookies):
            raise HTTPException(403, "This page is out of date. Please go back to the study and try again.")

    def admin_cookie(self) -> str:
        """Return a cookie that proves a researcher's log-in for some hours."""
        until = str(int(time.time() + _ADMIN_HOURS * 3600))
        return f"{until}.{self._sign(f'admin|{until}')}"

    def is_admin(self, cookie: str | None) -> bool:
        """Say whether a cookie is a researcher's and still holds."""
        until, _, signature = (cookie or "").partition(".")
        fits = hmac.compare_digest(signature.encode(), self._sign(f"admin|{until}").encode())
        return fits and until.isdecimal() and int(until) > time.time()

    def _sign(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


class Limit:
    """At most so many requests in so many seconds, whoever sends them: a rater's address is not looked at."""

    def __init__(self, requests: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests, self._seconds, self._clock = requests, seconds, clock
        self._at: deque[float] = deque()
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a request. Raises 429 where there were too many."""
        with self._lock:
            now = self._clock()
            while self._at and self._at[0] <= now - self._seconds:
                self._at.popleft()
            if len(self._at) >= self._requests:
                raise HTTPException(429, "Too many attempts. Wait a minute.")
            self._at.append(now)


def set_cookie(response: Response, request: Request, name: str, value: str, *, days: float, strict: bool) -> None:
    """Set a cookie that scripts cannot read, and that only travels encrypted where the page does."""
    response.set_cookie(
        name,
        value,
        max_age=int(days * 86400),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict" if strict else "lax",
    )
