"""Throttles: how often one client may try something within a stretch of time. Limits are in the settings.

Counted by one statement of the database, so that all processes share the count and none of two at once is lost; the
caches that we have do neither well (docs/adr/0172-throttles.md). No address is stored, only a blind index of it.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from datetime import UTC, datetime

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from .models import Attempts
from .vault import blind_index

log = logging.getLogger(__name__)


class TooMany(Exception):
    """The limit is reached; in `retry_after` seconds one may try again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"wait {retry_after} s")
        self.retry_after = retry_after


def count(kind: str, who: str) -> None:
    """Count one attempt of somebody; raises TooMany past its kind's limit. Without a limit nothing is counted."""
    limit = settings.THROTTLES.get(kind)
    if not limit or not who:
        return
    most, seconds = limit
    now = time.time()
    stretch = math.floor(now / seconds)
    ends = (stretch + 1) * seconds
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO fundraising_attempts AS attempts (key, number, ends_at) VALUES (%s, 1, %s)
               ON CONFLICT (key) DO UPDATE SET number = attempts.number + 1 RETURNING number""",
            [blind_index("attempts", kind, who, str(stretch)), datetime.fromtimestamp(ends, UTC)],
        )
        if cursor.fetchone()[0] > most:
            raise TooMany(math.ceil(ends - now))


def count_client(kind: str, request: HttpRequest) -> None:
    """Count one attempt of whoever asks; raises TooMany."""
    count(kind, client_of(request))


def client_of(request: HttpRequest) -> str:
    """The client's address as the proxy in front says it, of IPv6 the network; empty where nobody can tell."""
    try:
        address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    except (ImproperlyConfigured, PermissionDenied, ValueError) as error:
        log.warning("no limits, the client's address is unknown: %s", error)
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def forget_old() -> int:
    """Delete counts whose time is over; how many."""
    return Attempts.objects.filter(ends_at__lt=timezone.now()).delete()[0]


def told(response: HttpResponse, error: TooMany) -> HttpResponse:
    """The answer to somebody who must wait: 429, for nobody's cache, with how long."""
    response.status_code = 429
    response["Retry-After"] = str(error.retry_after)
    patch_cache_control(response, private=True, no_store=True)
    return response


def refuse(request: HttpRequest, error: TooMany) -> HttpResponse:
    """A page that says so, where there is no form whose contents must not be lost."""
    return told(render(request, "429.html", {"minutes": minutes(error)}), error)


def minutes(error: TooMany) -> int:
    """How long to wait, for people."""
    return math.ceil(error.retry_after / 60)


def api_throttle(kind: str) -> type[BaseThrottle]:
    """The same limit for a view of the REST API, which answers in its own shape."""

    class Throttle(BaseThrottle):
        retry_after = 0

        def allow_request(self, request: Request, view: APIView) -> bool:
            try:
                count_client(kind, request._request)
            except TooMany as error:
                self.retry_after = error.retry_after
                return False
            return True

        def wait(self) -> float:
            return float(self.retry_after)

    return Throttle
