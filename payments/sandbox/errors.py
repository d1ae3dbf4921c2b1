"""Errors as Stripe words them: HTTP status, type, code, parameter, message."""

from typing import Any

DOC_URL = "https://docs.stripe.com/error-codes#"


class ApiError(Exception):
    """An answer other than 2xx. With ``keeps_work`` what was written before it stands: a failed charge is a fact."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        keeps_work: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_work = keeps_work
        self.body: dict[str, Any] = {"type": kind, "message": message, **details}
        if code:
            self.body |= {"code": code, "doc_url": DOC_URL + code.replace("_", "-")}
        if param:
            self.body["param"] = param

    def as_json(self) -> dict[str, Any]:
        """The body Stripe would send."""
        return {"error": self.body}


class InvalidParameters(ApiError):
    """Parameters that do not read. Stripe stores no idempotent result for these: nothing has been executed."""


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> ApiError:
    """The request reads, yet asks for what cannot be."""
    return ApiError(status, "invalid_request_error", message, code=code, param=param)


def unreadable(message: str, *, code: str | None = None, param: str | None = None) -> InvalidParameters:
    """The request does not read."""
    return InvalidParameters(400, "invalid_request_error", message, code=code, param=param)


def missing(kind: str, key: str, param: str = "id") -> ApiError:
    """No such object in this account."""
    return invalid(f"No such {kind.replace('.', '_')}: '{key}'", code="resource_missing", param=param, status=404)


def unauthorized(message: str) -> ApiError:
    """The key is missing or of the wrong sort."""
    return ApiError(401, "invalid_request_error", message)
