"""Lists as Stripe pages them: newest first, ``starting_after`` or ``ending_before`` an id, at most 100."""

from collections.abc import Mapping
from typing import Any

from payments.sandbox import errors
from payments.sandbox.context import Context
from payments.sandbox.store import Object

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
DEFAULT_LIMIT = 10


def page(
    context: Context,
    kind: str,
    url: str,
    params: dict[str, Any],
    *,
    by: tuple[str, ...] = (),
    equal: Mapping[str, Any] | None = None,
    extra: str = "",
    values: tuple[Any, ...] = (),
) -> Object:
    """A page of objects, filtered ``by`` parameters named as fields, and where fields ``equal`` (None: any)."""
    size = params.get("limit", DEFAULT_LIMIT)
    clauses, arguments, order = [extra], list(values), "DESC"
    for word, bound in params.get("created", {}).items():
        clauses.append(f"AND created {COMPARISONS[word]} ?")
        arguments.append(bound)
    if "starting_after" in params:
        clauses.append("AND seq < ?")
        arguments.append(_place(context, params["starting_after"], "starting_after"))
    if "ending_before" in params:
        clauses.append("AND seq > ?")
        arguments.append(_place(context, params["ending_before"], "ending_before"))
        order = "ASC"
    wanted = {name: params[name] for name in by if name in params}
    wanted |= {path: value for path, value in (equal or {}).items() if value is not None}
    found = context.store.select(
        context.account, kind, wanted, extra=" ".join(clauses), values=tuple(arguments), order=order, limit=size + 1
    )
    items = found[:size]
    return of(url, items if order == "DESC" else items[::-1], has_more=len(found) > size)


def of(url: str, items: list[Object], *, has_more: bool = False) -> Object:
    """A list object."""
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def _place(context: Context, key: str, param: str) -> int:
    place = context.store.place(context.account, key)
    if place is None:
        raise errors.invalid(f"No such object: '{key}'", code="resource_missing", param=param)
    return place
