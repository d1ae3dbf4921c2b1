"""Errors of the API, in one shape: {"error": {"code", "message", "fields"}}."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Conflict(APIException):
    status_code = 409
    default_code = "conflict"


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The request is too large."


class Unavailable(APIException):
    status_code = 503
    default_code = "unavailable"


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an error, in our shape; what is no API error stays a 500."""
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        body: dict[str, Any] = {"code": "invalid", "message": "Some fields need mending.", "fields": fields}
    elif isinstance(error, APIException):
        body = {"code": error.default_code, "message": str(error.detail)}
    else:
        body = {
            "code": "not_found" if isinstance(error, Http404) else "refused",
            "message": str(response.data["detail"]),
        }
    response.data = {"error": body}
    return response
