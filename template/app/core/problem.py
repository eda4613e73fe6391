"""How errors reach the client: `application/problem+json` (RFC 9457), one shape for all."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses as PHRASES  # noqa: N812 - a mapping, not a module
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from app.core.errors import AppError, GatewayTimeout, Unauthorized, Unavailable
from app.core.observability.logging import request_id

MEDIA_TYPE = "application/problem+json"


class InvalidField(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[InvalidField] | None = None


def problem_response(
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **extensions: object,
) -> Response:
    """Render a problem; `extensions` are further members of the body."""
    body = {
        "type": kind,
        "title": PHRASES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "request_id": request_id.get(),
        **extensions,
    }
    # In ASCII: a request may hold text that has no UTF-8, and the answer quotes its field names.
    return Response(json.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


async def on_app_error(_request: Request, error: AppError) -> Response:
    """Render an error that the service raised on purpose."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
    headers = None
    if isinstance(error, Unavailable):
        headers = {"Retry-After": str(error.retry_after_seconds)}
    elif isinstance(error, Unauthorized):
        headers = {"WWW-Authenticate": "Bearer"}
    return problem_response(error.status, error.detail, kind=f"urn:problem:{kind}", headers=headers)


async def on_timeout(request: Request, _error: TimeoutError) -> Response:
    """Render what took too long, and said no more about it."""
    return await on_app_error(request, GatewayTimeout())


async def on_disconnect(_request: Request, _error: ClientDisconnect) -> Response:
    """Say nothing to a client that left while it was sending; 499 is nginx's word for that."""
    return Response(status_code=499)


async def on_http_exception(request: Request, error: HTTPException) -> Response:
    """Render what routing, the framework and `raise HTTPException` say: 404, 405 and their like."""
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = {*(headers or {}).get("Allow", "").split(", "), *methods_of(request)}
        headers = {"Allow": ", ".join(sorted(methods - {""}))}
    # FastAPI lets the detail be anything, whatever the type says.
    return problem_response(error.status_code, f"{error.detail}", headers=headers)


def methods_of(request: Request) -> set[str]:
    """Collect what a path can be asked with. The router names the methods of one route alone."""
    return {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is Match.PARTIAL
        for method in getattr(route, "methods", None) or ()
    }


async def on_invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """Name each field that is wrong. Its value isn't repeated: it may be secret, or huge."""
    errors = [
        {"field": ".".join(str(part) for part in detail["loc"]), "message": detail["msg"]}
        for detail in error.errors()
    ]
    return problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The request doesn't validate.", errors=errors
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Give every error of the application the same shape."""
    app.exception_handler(AppError)(on_app_error)
    app.exception_handler(TimeoutError)(on_timeout)
    app.exception_handler(ClientDisconnect)(on_disconnect)
    app.exception_handler(HTTPException)(on_http_exception)
    app.exception_handler(RequestValidationError)(on_invalid_request)


def problem_responses(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Describe errors in OpenAPI: `@router.get(…, responses=problem_responses(PostNotFound))`."""
    sentences: dict[int | str, list[str]] = {}
    for error in errors:
        sentences.setdefault(error.status, []).append(error.__doc__ or error.__name__)
    return {
        status: {"description": " ".join(said), "content": CONTENT}
        for status, said in sentences.items()
    }


def problem_schema() -> dict[str, Any]:
    """Describe a problem in one piece: OpenAPI would look for parts of it elsewhere."""
    schema = Problem.model_json_schema()
    schema["properties"]["errors"]["anyOf"][0]["items"] = schema.pop("$defs")["InvalidField"]
    return schema


CONTENT = {MEDIA_TYPE: {"schema": problem_schema()}}

# For every route. It also keeps FastAPI from describing a 422 of its own shape.
ANY_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {"description": "Any error.", "content": CONTENT},
}
