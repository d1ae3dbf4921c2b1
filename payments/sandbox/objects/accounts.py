"""Accounts: one for each slug in a key ``sk_test_<slug>``, made when the key is first used."""

from typing import Any

from payments.sandbox import ids, money
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.store import Object


def current(context: Context) -> Object:
    """The account of this request."""
    return context.find("account", ids.account_id(context.account)) or _open(context)


def _open(context: Context) -> Object:
    account: Object = {
        "id": ids.account_id(context.account),
        "object": "account",
        "business_profile": {"name": context.account, "url": None, "mcc": "8398", "support_email": None},
        "capabilities": {"card_payments": "active", "sepa_debit_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "IT",
        "created": context.now,
        "default_currency": "eur",
        "details_submitted": True,
        "email": None,
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": context.account, "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": "SANDBOX",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": True,
                "schedule": {"delay_days": 2, "interval": "manual"},
                "statement_descriptor": None,
            },
        },
        "type": "standard",
        "_settlement_currencies": ["eur"],
    }
    return context.save(account)


def configure(context: Context, wanted: dict[str, Any]) -> Object:
    """Set country, name, settlement currencies (the first is the default), payout interval or the tax on fees in per
    cent; ValueError if unknown."""
    account = current(context)
    for name, value in wanted.items():
        if name == "settlement_currencies":
            account["_settlement_currencies"] = [money.read_currency(item, name) for item in value]
            account["default_currency"] = account["_settlement_currencies"][0]
        elif name == "country":
            account["country"] = str(value)
        elif name == "display_name":
            account["settings"]["dashboard"]["display_name"] = account["business_profile"]["name"] = str(value)
        elif name == "payout_interval" and value in ("manual", "daily", "weekly", "monthly"):
            account["settings"]["payouts"]["schedule"]["interval"] = value
            context.later("pay_out", account, DAY)
        elif name == "fee_tax_percent":
            account["_fee_tax_percent"] = int(value)
        else:
            raise ValueError(f"Unknown account setting: {name}={value}")
    return context.save(account)


def settlement_currency(context: Context, currency: str) -> str:
    """What a charge in this currency settles in: itself where the account has it, else the account's default."""
    account = current(context)
    return currency if currency in account["_settlement_currencies"] else str(account["default_currency"])


def display_name(context: Context) -> str:
    """Who the donor pays, for the checkout page."""
    return str(current(context)["settings"]["dashboard"]["display_name"])


def retrieve(context: Context, params: dict[str, Any]) -> Object:
    """GET /v1/account"""
    return current(context)
