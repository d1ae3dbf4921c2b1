"""From what is stored to what is answered: private keys dropped, times applied, ``expand`` followed."""

from collections.abc import Callable
from typing import Any

from payments.sandbox.context import Context
from payments.sandbox.errors import unreadable
from payments.sandbox.store import Object

MAXIMUM_DEPTH = 4
Include = Callable[[Context, Object], Any]


def public(context: Context, thing: Object) -> Object:
    """The object without our private keys, as of now."""
    shown = {key: value for key, value in thing.items() if not key.startswith("_")}
    if thing["object"] == "balance_transaction":
        shown["status"] = "available" if thing["available_on"] <= context.now else "pending"
    if thing["object"] == "event":
        shown["pending_webhooks"] = pending_webhooks(context, thing["id"])
    return shown


def pending_webhooks(context: Context, event: str) -> int:
    """Deliveries of an event not yet answered with 2xx."""
    query = "SELECT count(*) FROM deliveries WHERE event = ? AND state IN ('pending', 'dropped')"
    return int(context.store.sql.execute(query, (event,)).fetchone()[0])


def answer(context: Context, thing: Object, expand: list[str], includes: dict[tuple[str, str], Include]) -> Object:
    """The answer to a request: a public object or list, with what ``expand`` asks for."""
    if thing.get("object") == "list":
        shown = {**thing, "data": [public(context, item) for item in thing["data"]]}
    else:
        shown = public(context, thing)
    for path in expand:
        steps = path.split(".")
        if len(steps) > MAXIMUM_DEPTH + (steps[0] == "data"):
            raise unreadable(f"You cannot expand more than {MAXIMUM_DEPTH} levels of a property", param="expand")
        _expand(context, shown, steps, path, includes)
    return shown


def _expand(
    context: Context, thing: Any, steps: list[str], path: str, includes: dict[tuple[str, str], Include]
) -> None:
    if isinstance(thing, list):
        for item in thing:
            _expand(context, item, steps, path, includes)
        return
    key, rest = steps[0], steps[1:]
    if not isinstance(thing, dict):
        raise _refused(path)
    include = includes.get((thing.get("object", ""), key))
    if include:
        stored = context.store.find(context.account, thing["id"]) or thing
        thing[key] = include(context, stored)
    elif isinstance(thing.get(key), str):
        found = context.store.find(context.account, thing[key])
        if found is None:
            raise _refused(path)
        thing[key] = public(context, found)
    elif key not in thing or not isinstance(thing[key], dict | list | None):
        raise _refused(path)
    if rest and thing[key] is not None:
        _expand(context, thing[key], rest, path, includes)


def _refused(path: str) -> Exception:
    return unreadable(f"This property cannot be expanded ({path}).", param="expand")
