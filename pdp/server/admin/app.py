"""The application for administrators: FastAPI behind the guard."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pdp.core.contract.errors import Refused, ToolgateError
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.revocation.store import RevocationsUnavailableError
from pdp.server.admin.authority import Authority, NotPermittedError
from pdp.server.admin.permission import AUTHORITY
from pdp.server.admin.problem import problem
from pdp.server.admin.revocations import NotRevokedError

OPENAPI_PATH: Final = "/admin/v1/openapi.json"

_STATUSES: Final = {ReasonCode.REQUEST_INVALID: 400, ReasonCode.LIMIT_EXCEEDED: 409}

Handler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]


def admin_app(routes: Sequence[APIRouter], *, authority: Authority) -> FastAPI:
    """The application with `routes`; it must stand behind a `Guard`.

    Its pages of documentation are off, since they load from elsewhere.
    """
    app = FastAPI(
        title="Toolgate administration",
        version="1",
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    setattr(app.state, AUTHORITY, authority)
    for router in routes:
        app.include_router(router)
    handlers: dict[type[Exception], Handler] = {
        RequestValidationError: _invalid,
        HTTPException: _http,
        ToolgateError: _refused,
        Exception: _refused,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - one form for every handler
    """Names the members that are wrong, never their values."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    where = sorted({".".join(str(step) for step in one["loc"][:3])[:100] for one in found})
    named = ", ".join(f"`{place}`" for place in where if place.isprintable())
    return _answer(400, f"the request is not as it must be: {named}", code=ReasonCode.REQUEST_INVALID)


async def _http(request: Request, error: Exception) -> Response:  # noqa: ARG001
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = {404: "no such path", 405: "no such method here"}.get(status, "the request cannot be answered")
    return _answer(status, text, code="path_unknown" if status == 404 else "request_invalid")  # noqa: PLR2004


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    match error:
        case NotPermittedError():
            return _answer(403, str(error), code="not_permitted")
        case NotRevokedError():
            return _answer(404, str(error), code="not_revoked")
        case Refused():
            return _answer(_STATUSES.get(error.code, 503), error.caller_text, code=error.code)
        case RevocationsUnavailableError():
            return _answer(503, "the revocations cannot be used now", code="revocations_unavailable")
        case _:
            return _answer(500, CALLER_TEXT[ReasonCode.INTERNAL_ERROR], code=ReasonCode.INTERNAL_ERROR)


def _answer(status: int, text: str, *, code: str) -> Response:
    answer = problem(status, text, code=code)
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type.decode())
