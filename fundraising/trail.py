"""The trail of staff's actions: append-only, each line carrying the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import LegalEntity, Membership, StaffAction
from .trail_words import VERBS

TRAIL_LOCK = 0x0A_7A_11  # any constant: one line is added at a time


def lines_of(entity: LegalEntity) -> QuerySet[StaffAction]:
    """What staff did for a legal entity; also what its staff did for none, such as signing in."""
    here = Membership.objects.filter(entity=entity).values("user")
    return StaffAction.objects.filter(Q(entity=entity) | Q(entity=None, actor__in=here))


@transaction.atomic(savepoint=False)
def record(
    verb: str,
    *,
    by: User | None,
    about: str = "",
    entity: LegalEntity | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> StaffAction:
    """Add a line, in the database transaction of what it tells of. Ids and figures only: no donor's name or address.

    `verb` is one of trail_words.py, `about` is `kind:id`. Raises ValueError for a verb without words.

    Call it last in a verb: lines wait for each other until their transactions end.
    """
    if verb not in VERBS:
        raise ValueError(f"no such verb in the trail: {verb}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TRAIL_LOCK])
    newest = StaffAction.objects.order_by("-pk").first()
    line = StaffAction(
        at=timezone.now(),
        actor=by,
        actor_name=by.get_username() if by else "",
        entity=entity,
        verb=verb,
        about=about,
        before=_plain(before or {}),
        after=_plain(after or {}),
        reason=reason,
        previous_hash=newest.hash if newest else "",
    )
    line.hash = hash_of(line)
    line.save(force_insert=True)
    return line


def _plain(values: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))


def hash_of(line: StaffAction) -> str:
    """SHA-256 over everything the line says and the hash of the one before."""
    at: datetime = line.at
    told = [
        line.previous_hash, at.isoformat(), line.actor_id, line.actor_name, line.entity_id,
        line.verb, line.about, line.before, line.after, line.reason,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def broken_lines() -> Iterator[StaffAction]:
    """The lines whose hash is not what they say, or that do not follow the one before."""
    previous = ""
    for line in StaffAction.objects.order_by("pk").iterator(chunk_size=2000):
        if line.previous_hash != previous or line.hash != hash_of(line):
            yield line
        previous = line.hash
