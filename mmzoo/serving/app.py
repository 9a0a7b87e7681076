"""The application: `/health`, `/predict` for JSON, `/predict/files` for a form, `/docs` and `/openapi.json`.

What a client has done wrong is 4xx, and one sentence in "detail"; where there is too much to do it is 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Message, Receive, Scope, Send

from mmzoo.aliases import Raw, Untyped
from mmzoo.answers.rows.answered import Answerer
from mmzoo.errors import DataError, MMZooError
from mmzoo.serving.batcher import Batcher, FullError
from mmzoo.serving.values import form_schema_of, from_form, parsed, records_of, schema_of


@dataclass(frozen=True)
class Limits:
    """What one request may take.

    Args:
        megabytes: of its body.
        records: in it.
        seconds: until it is answered.
    """

    megabytes: float = 16.0
    records: int = 256
    seconds: float = 30.0


def create_app(
    answerer: Answerer, *, model: str, limits: Limits | None = None, hosts: tuple[str, ...] = ("*",)
) -> FastAPI:
    """A FastAPI application that answers records.

    Args:
        answerer: with `on_error="skip"`.
        model: what tells the model from others, which `/health` says.
        hosts: the names that it may be asked by; those of the loopback keep pages of other names from it.

    """
    limits = limits or Limits()
    spec = answerer.spec
    batcher: list[Batcher] = []

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        batcher.append(Batcher(answerer))
        yield
        await asyncio.to_thread(batcher.pop().close)

    app = FastAPI(title="mmzoo", description="Answers of a multimodal model.", lifespan=lifespan)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Counted, limit=int(limits.megabytes * 1e6))

    async def answered(records: list[dict[str, Raw]]) -> dict[str, object]:
        try:
            waiting = asyncio.wrap_future(batcher[0].submit(records))
            rows = await asyncio.wait_for(waiting, limits.seconds)
        except FullError:
            raise HTTPException(503, "There are too many requests; ask again.", {"Retry-After": "1"}) from None
        except TimeoutError:
            said = f"It took more than {limits.seconds:g} s; ask again, or for fewer records."
            raise HTTPException(503, said, {"Retry-After": "1"}) from None
        except MMZooError as error:
            raise HTTPException(422, str(error)) from None
        if all(row["error"] for row in rows):
            raise HTTPException(422, rows[0]["error"])
        return {"answers": [{**row, "id": k} for k, row in enumerate(rows)]}

    @app.get("/health")
    async def health() -> dict[str, object]:
        """Is it there, and what does it answer?"""
        inputs = {item.name: item.kind for item in spec.inputs}
        return {"status": "ok", "model": model, "inputs": inputs, "tasks": {t.name: t.kind for t in spec.tasks}}

    json_body = {"type": "object", "properties": {item.name: schema_of(item) for item in spec.inputs}}
    wanted = {"type": "array", "minItems": 1, "maxItems": limits.records, "items": {**json_body, "minProperties": 1}}
    body = {"type": "object", "properties": {"records": wanted}, "required": ["records"]}
    refused = {code: {"description": said} for code, said in REFUSED.items()}

    @app.post("/predict", responses=refused, openapi_extra=content("application/json", body))
    async def predict(request: Request) -> dict[str, object]:
        """Answer records: any of the inputs each. A file is written in base64."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "Send application/json, or a form to /predict/files.")
        try:
            records = records_of(spec, parsed(await request.body()), limits.records)
        except DataError as error:
            raise HTTPException(422, str(error)) from None
        return await answered(records)

    form = {"type": "object", "properties": {item.name: form_schema_of(item) for item in spec.inputs}}

    @app.post("/predict/files", responses=refused, openapi_extra=content("multipart/form-data", form))
    async def predict_files(request: Request) -> dict[str, object]:
        """Answer one record, whose inputs are the fields of a form: files, texts, a row as JSON."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
            raise HTTPException(415, "Send multipart/form-data, or JSON to /predict.")
        items = {item.name: item for item in spec.inputs}
        record: dict[str, Raw] = {}
        async with request.form(max_files=64, max_fields=64, max_part_size=int(limits.megabytes * 1e6)) as fields:
            for name, value in fields.multi_items():
                if name not in items or name in record:
                    raise HTTPException(422, f"Each field is one of {', '.join(items)}, once.")
                data = await value.read() if isinstance(value, UploadFile) else value.encode("utf-8", "replace")
                try:
                    record[name] = from_form(items[name], data)
                except DataError as error:
                    raise HTTPException(422, str(error)) from None
        if not record:
            raise HTTPException(422, f"Give at least one of the inputs {', '.join(items)}.")
        return await answered([record])

    return app


REFUSED: dict[int | str, str] = {
    400: "The form is damaged, or the host is none that may be asked by.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The body, or every record in it, cannot be used.",
    503: "There is too much to do, or it took too long.",
}


def content(kind: str, schema: Mapping[str, object]) -> dict[str, object]:
    """What OpenAPI says of a body."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}


class Counted:
    """Refuses bodies that are too large, by what they say of themselves or when that much has come."""

    def __init__(self, app: Untyped, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self.limit:
                raise HTTPException(413, f"The body has over {self.limit / 1e6:g} MB.")
            return message

        await self.app(scope, counted if scope["type"] == "http" else receive, send)
