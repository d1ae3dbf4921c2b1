"""Test clocks. The sandbox has one clock for everything, so advancing any of them advances it by the same span."""

from dataclasses import replace
from typing import Any

from payments.sandbox import events, jobs, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.params import EXPAND, PAGE, Shape, integer, text
from payments.sandbox.store import Object

CREATE = Shape({**EXPAND, "frozen_time": integer, "name": text}, required=["frozen_time"])
ADVANCE = Shape({**EXPAND, "frozen_time": integer}, required=["frozen_time"])
LIST = Shape(PAGE)
KIND = "test_helpers.test_clock"


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/test_helpers/test_clocks"""
    clock = context.new(
        "clock",
        KIND,
        deletes_after=context.now + 30 * DAY,
        frozen_time=given["frozen_time"],
        name=given.get("name"),
        status="ready",
        status_details={},
    )
    context.save(clock)
    events.emit(context, f"{KIND}.created", clock)
    return clock


def advance(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/test_helpers/test_clocks/{test_clock}/advance: done when it answers, unlike at Stripe."""
    clock = context.get(KIND, key, "test_clock")
    span = given["frozen_time"] - clock["frozen_time"]
    if span <= 0:
        raise invalid("The clock must be advanced to a time after its current frozen time.", param="frozen_time")
    clock |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": given["frozen_time"]}}}
    events.emit(context, f"{KIND}.advancing", clock)
    target = context.now + span
    jobs.run_due(lambda account: replace(context, account=account, request_id=None, idempotency_key=None), target)
    context.clock.move_to(target)
    clock |= {"status": "ready", "status_details": {}, "frozen_time": given["frozen_time"]}
    context.save(clock)
    events.emit(context, f"{KIND}.ready", clock)
    return clock


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/test_helpers/test_clocks/{test_clock}"""
    return context.get(KIND, key, "test_clock")


def delete(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/test_helpers/test_clocks/{test_clock}"""
    clock = context.get(KIND, key, "test_clock")
    context.store.remove(context.account, key)
    events.emit(context, f"{KIND}.deleted", clock)
    return {"id": key, "object": KIND, "deleted": True}


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/test_helpers/test_clocks"""
    return listing.page(context, KIND, "/v1/test_helpers/test_clocks", given)
