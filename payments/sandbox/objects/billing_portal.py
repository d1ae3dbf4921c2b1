"""The customer portal: configurations, and sessions whose page lets a donor change the card or cancel."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.params import (
    EXPAND,
    PAGE,
    Shape,
    boolean,
    list_of,
    merged,
    metadata,
    one_of,
    text,
    unsettable,
)  # fmt: skip
from payments.sandbox.store import Object

SWITCH = Shape({"enabled": boolean}, ["enabled"])
FEATURES = Shape(
    {
        "customer_update": Shape({"allowed_updates": list_of(text), "enabled": boolean}, ["enabled"]),
        "invoice_history": SWITCH,
        "payment_method_update": SWITCH,
        "subscription_cancel": Shape({"enabled": boolean, "mode": one_of("at_period_end", "immediately")}, ["enabled"]),
    }
)
PROFILE = Shape({"headline": unsettable(text), "privacy_policy_url": text, "terms_of_service_url": text})
CREATE_CONFIGURATION = Shape(
    {
        **EXPAND,
        "business_profile": PROFILE,
        "default_return_url": unsettable(text),
        "features": FEATURES,
        "metadata": metadata,
        "name": unsettable(text),
    },
    required=["features"],
)
UPDATE_CONFIGURATION = Shape({**CREATE_CONFIGURATION.fields, "active": boolean})
LIST_CONFIGURATIONS = Shape({**PAGE, "active": boolean, "is_default": boolean})
COMPLETION = Shape(
    {
        "hosted_confirmation": Shape({"custom_message": text}),
        "redirect": Shape({"return_url": text}, ["return_url"]),
        "type": one_of("hosted_confirmation", "portal_homepage", "redirect"),
    },
    ["type"],
)
FLOW = Shape({"after_completion": COMPLETION, "type": one_of("payment_method_update")}, ["type"])
CREATE_SESSION = Shape(
    {
        **EXPAND,
        "configuration": text,
        "customer": text,
        "flow_data": FLOW,
        "locale": text,
        "return_url": text,
    },
    required=["customer"],
)


def create_configuration(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/billing_portal/configurations"""
    wanted = given["features"]
    configuration = context.new(
        "bpc",
        "billing_portal.configuration",
        active=True,
        application=None,
        business_profile=dict.fromkeys(PROFILE.fields) | given.get("business_profile", {}),
        default_return_url=given.get("default_return_url"),
        features=_features(wanted),
        is_default=not context.select("billing_portal.configuration"),
        login_page={"enabled": False, "url": None},
        metadata=merged({}, given.get("metadata", {})),
        name=given.get("name"),
        updated=context.now,
    )
    context.save(configuration)
    events.emit(context, "billing_portal.configuration.created", configuration)
    return configuration


def _features(wanted: dict[str, Any]) -> Object:
    return {
        "customer_update": {"allowed_updates": [], "enabled": False} | wanted.get("customer_update", {}),
        "invoice_history": {"enabled": False} | wanted.get("invoice_history", {}),
        "payment_method_update": {"enabled": False, "payment_method_configuration": None}
        | wanted.get("payment_method_update", {}),
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        }
        | wanted.get("subscription_cancel", {}),
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": None,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def retrieve_configuration(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/billing_portal/configurations/{configuration}"""
    return context.get("billing_portal.configuration", key, "configuration")


def update_configuration(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/billing_portal/configurations/{configuration}"""
    configuration = context.get("billing_portal.configuration", key, "configuration")
    before = dict(configuration)
    configuration |= {name: given[name] for name in ("active", "default_return_url", "name") if name in given}
    configuration["metadata"] = merged(configuration["metadata"], given.get("metadata", {}))
    configuration["business_profile"] |= given.get("business_profile", {})
    for name, feature in given.get("features", {}).items():
        configuration["features"][name] |= feature
    configuration["updated"] = context.now
    context.save(configuration)
    events.emit(context, "billing_portal.configuration.updated", configuration, events.changes(before, configuration))
    return configuration


def list_configurations(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/billing_portal/configurations"""
    by = ("active", "is_default")
    return listing.page(context, "billing_portal.configuration", "/v1/billing_portal/configurations", given, by=by)


def create_session(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/billing_portal/sessions"""
    context.get("customer", given["customer"], "customer")
    session = context.new(
        "bps",
        "billing_portal.session",
        configuration=_configuration(context, given.get("configuration")),
        customer=given["customer"],
        flow=_flow(given.get("flow_data")),
        locale=given.get("locale"),
        on_behalf_of=None,
        return_url=given.get("return_url"),
        url="",
    )
    session["url"] = f"{context.base_url}/c/portal/{session['id']}"
    context.save(session)
    events.emit(context, "billing_portal.session.created", session)
    return session


def _flow(wanted: dict[str, Any] | None) -> Object | None:
    """One task instead of the whole portal, and where its end leads; ``portal_homepage`` unless told otherwise."""
    if wanted is None:
        return None
    after = wanted.get("after_completion", {"type": "portal_homepage"})
    kinds = ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    return {
        "after_completion": {"hosted_confirmation": None, "redirect": None, **after},
        "type": wanted["type"],
        **dict.fromkeys(kinds),
    }


def _configuration(context: Context, key: str | None) -> str:
    if key:
        return str(context.get("billing_portal.configuration", key, "configuration")["id"])
    for configuration in context.select("billing_portal.configuration", is_default=True):
        return str(configuration["id"])
    raise invalid(
        "You can't create a portal session in test mode until you save your customer portal settings in test mode.",
        param="configuration",
    )
