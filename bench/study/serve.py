"""`talkbench study serve`: the study on a port of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import TalkbenchError
from .database import opened

TOKEN = "STUDY_ADMIN_TOKEN"  # noqa: S105  # the variable's name


def serve(study: Path, host: str, port: int, trusted: str, ready: Callable[[], None]) -> None:
    """Serve until interrupted. `trusted` are the addresses of proxies whose X-Forwarded-Proto counts.

    `ready` is called when everything is checked. Raises TalkbenchError where the study cannot be served.
    """
    import uvicorn

    from .web.app import create_app

    token = os.environ.get(TOKEN, "")
    with opened(study) as database:
        app = create_app(study, database, token)
        ready()
        try:
            uvicorn.run(
                app,
                host=host,
                port=port,
                workers=1,  # one process: SQLite's writers wait for each other in any case
                log_level="warning",
                access_log=False,
                timeout_keep_alive=75,  # longer than a video: no answer may meet a connection that is just closing
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=trusted,
            )
        except SystemExit as stop:
            raise TalkbenchError(f"{host}:{port}: cannot be listened on. Choose another --port.") from stop
