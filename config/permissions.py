"""What each right of fundraising/roles.py opens in Django's administration, and the backend that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import AnonymousUser, User

from fundraising.models import LegalEntity, Membership, Role
from fundraising.roles import RIGHTS, May

_CONTENT: Final = (
    "campaign campaigntext campaignupdate appeal appealwording round roundtext goal donationpage pagecurrency question"
)
_BACKGROUND: Final = f"{_CONTENT} legalentity entitytext feecover fund exchangerate"
_PAYMENTS: Final = "payment dispute refundrequest mandatechange subscription"
_STRIPE: Final = "stripeaccount webhooksecret fraudrefundlimit"
# The app's label, then models to be seen; and models to be added and changed (nothing is ever deleted there).
SEES: Final[Mapping[May, Mapping[str, str]]] = {
    May.EDIT_CAMPAIGNS: {"fundraising": f"{_BACKGROUND} comment"},
    May.READ_BOOKS: {
        "fundraising": f"{_BACKGROUND} donation entry posting mandate",
        "payments": f"{_PAYMENTS} balancetransaction inboxevent fraudwarning",
        "receipts": "receipt series refusal outgoingmail",
    },
    May.READ_DONORS: {
        "fundraising": f"{_CONTENT} donor donation answer comment mandate",
        "payments": _PAYMENTS,
        "receipts": "receipt refusal outgoingmail",
    },
    May.MANAGE_STAFF: {"fundraising": _BACKGROUND, "payments": _STRIPE},
}
WRITES: Final[Mapping[May, Mapping[str, str]]] = {
    May.EDIT_CAMPAIGNS: {"fundraising": _CONTENT},
    May.MODERATE: {"fundraising": "comment"},
    May.WRITE_JOURNAL: {"fundraising": "fund exchangerate"},
    May.REFUND: {"payments": "refundrequest mandatechange"},
    May.WORK_BREAKS: {"payments": "inboxevent"},
    May.RESEND: {"receipts": "receipt outgoingmail"},
    May.MANAGE_STAFF: {"fundraising": "legalentity entitytext feecover", "payments": _STRIPE},
}


def _permissions(right: May) -> set[str]:
    seen, written = SEES.get(right, {}), WRITES.get(right, {})
    return {f"{app}.view_{model}" for app, models in (*seen.items(), *written.items()) for model in models.split()} | {
        f"{app}.{verb}_{model}"
        for app, models in written.items()
        for model in models.split()
        for verb in ("add", "change")
    }


BY_ROLE: Final = {
    role: frozenset[str]().union(*(_permissions(right) for right in rights)) for role, rights in RIGHTS.items()
}


class RolesBackend(AuthenticationBackend):  # type: ignore[misc]
    """Permissions follow from roles alone; groups and permissions given to one user say nothing.

    `has_perm(permission)` asks of all the person's legal entities together, `has_perm(permission, entity)` of one.
    """

    def get_user_permissions(self, user_obj: User | AnonymousUser, obj: object = None) -> set[str]:
        return self.get_all_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: User | AnonymousUser, obj: object = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: User | AnonymousUser, obj: object = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return set()
        entity = obj.pk if isinstance(obj, LegalEntity) else None
        if obj is not None and entity is None:
            return set()
        roles = {role for at, role in _roles(user_obj) if entity in (None, at)}
        return set().union(*(BY_ROLE[role] for role in roles))


def _roles(user: User) -> list[tuple[int, Role]]:
    """The person's roles and where, read once for each request's user."""
    known: list[tuple[int, Role]] | None = getattr(user, "_roles", None)
    if known is None:
        rows = Membership.objects.filter(user=user).values_list("entity_id", "role")
        known = [(entity, Role(role)) for entity, role in rows]
        user._roles = known  # type: ignore[attr-defined]
    return known
