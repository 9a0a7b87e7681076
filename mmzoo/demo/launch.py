"""The page behind HTTP, in threads of its own."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from mmzoo.aliases import Untyped
from mmzoo.answers.rows.answered import Answerer
from mmzoo.data.records import Records
from mmzoo.demo.page import CSS, page_of
from mmzoo.errors import MMZooError
from mmzoo.serving.app import Counted

POLICY = (
    b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self' data: blob:; object-src 'none'; "
    b"base-uri 'self'; form-action 'self'"
)
"""What a browser may load: nothing from elsewhere."""
FETCHED = ("/proxy=", "/file=http:", "/file=https:", "/file=ftp:")
"""In paths by which Gradio would fetch something for whoever asks."""


class Demo:
    """A page that is there until it is closed.

    Args:
        hosts: the names that it may be asked by.

    Raises:
        MMZooError: it cannot listen there.
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        title: str,
        records: Records | None,
        host: str,
        port: int | None,
        megabytes: float,
        hosts: tuple[str, ...],
    ) -> None:
        home, limit = Path(uploads().name), int(megabytes * 1e6)
        self.shown = tempfile.TemporaryDirectory(dir=home)
        middleware = [
            Middleware(Guard),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(Counted, limit=limit),
        ]
        self.page = page_of(answerer, home, title, records, Path(self.shown.name))
        try:
            _, self.address, _ = self.page.launch(
                server_name=host,
                server_port=port,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                max_file_size=limit,
                allowed_paths=[],
                app_kwargs={"middleware": middleware, "docs_url": None, "redoc_url": None},
                enable_monitoring=False,
                mcp_server=False,
                num_workers=0,
                pwa=False,
                ssr_mode=False,
                run_history=False,
                footer_links=[],
                theme=gr.themes.Default(primary_hue="blue"),
                css=CSS,
            )
        except (OSError, ValueError) as error:
            self.shown.cleanup()
            where = f"port {port} of '{host}'" if port else f"'{host}'"
            raise MMZooError(f"The page cannot be shown at {where} ({error}); give another.") from error

    def __repr__(self) -> str:
        return f"<the page at {self.address}; .close() ends it>"

    def close(self) -> None:
        """End it; what was uploaded is removed."""
        self.page.close(verbose=False)
        self.shown.cleanup()


class Guard:
    """Lets browsers load nothing from elsewhere, and Gradio fetch nothing for others."""

    def __init__(self, app: Untyped) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", POLICY)]
            await send(message)

        path = unquote(scope.get("path", ""))
        if any(each in path for each in FETCHED):
            await PlainTextResponse("Nothing is fetched from elsewhere.", 403)(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)


@cache
def uploads() -> tempfile.TemporaryDirectory[str]:
    """What Gradio is told to put uploaded files into, for this user alone: one a process, because it asks the
    environment where that is whenever a file comes."""
    folder = tempfile.TemporaryDirectory(prefix="mmzoo-demo-")
    os.environ["GRADIO_TEMP_DIR"] = folder.name = os.path.realpath(folder.name)
    os.environ["GRADIO_EXAMPLES_CACHE"] = str(Path(folder.name, "examples"))
    return folder
