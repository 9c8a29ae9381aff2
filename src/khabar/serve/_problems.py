"""Errors as the clients see them: one code, one sentence, one shape."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from khabar._json import json_text
from khabar.errors import InputError

_SHOWN = 5

_JSON_NAMES: Final[Mapping[type, str]] = {
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class ProblemError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        more: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more or {}
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """Return the answer."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        body = {"error": {"code": self.code, "message": self.message}, **self.more}
        return PlainJSONResponse(body, self.status, headers)


class PlainJSONResponse(JSONResponse):
    """JSON that always encodes, whatever stands in a message: half a surrogate pair is escaped."""

    def render(self, content: object) -> bytes:
        """Return the bytes."""
        return json_text(content).encode()


def install(app: FastAPI) -> None:
    """Give every error of an app the one shape."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(InputError, _refused)
    app.add_exception_handler(SQLAlchemyError, _storage)
    app.add_exception_handler(Exception, _internal)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return error.response()


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return ProblemError(422, "invalid", _sentence(error.errors())).response()


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return ProblemError(422, "invalid", str(error)).response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    path = request.url.path
    code, message = {
        404: ("not_found", f"there is nothing at {path}; /openapi.json lists what there is."),
        405: ("method", f"{request.method} is no method of {path}; /openapi.json lists what there is."),
    }.get(error.status_code, ("invalid", f"{error.detail}."))
    problem = ProblemError(error.status_code, code, message).response()
    problem.headers.update(error.headers or {})
    return problem


async def _storage(request: Request, error: Exception) -> JSONResponse:
    return ProblemError(
        503, "storage", "the database does not answer, nothing was saved; try again.", retry_after=5
    ).response()


async def _internal(request: Request, error: Exception) -> JSONResponse:
    return ProblemError(
        500, "internal", "the server failed at this request; its log says how. It goes on."
    ).response()


def _sentence(errors: Sequence[Any]) -> str:
    """Return the problems of a body in one line, each with its place."""
    said = [f"{_place(error)}{_reason(error)}" for error in errors[:_SHOWN]]
    more = len(errors) - len(said)
    return "; ".join(said) + (f"; and {more} more." if more else ".")


def _place(error: Mapping[str, Any]) -> str:
    """Return where in the body something is wrong; of what is no JSON there is only the body."""
    location = () if error["type"] == "json_invalid" else error["loc"][1:]
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return f"{steps.lstrip('.')}: " if steps else "the body "


def _reason(error: Mapping[str, Any]) -> str:
    kind, value = error["type"], error.get("input")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is no key that is known"
    if kind == "json_invalid":
        return f"is no JSON ({error.get('ctx', {}).get('error', '')} at character {error['loc'][-1]})"
    if kind == "model_attributes_type":
        return f"is {_JSON_NAMES.get(type(value), type(value).__name__)}, expected an object"
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = f"{value!r} " if isinstance(value, str | int | float) and len(repr(value)) < 60 else ""
    return f"{shown}is wrong: {message[:1].lower()}{message[1:].rstrip('.')}"
