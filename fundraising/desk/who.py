"""Who is at the desk, of which legal entity, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.functional import cached_property

from ..models import LegalEntity, Membership, Role
from ..roles import RIGHTS, May


@dataclass(frozen=True)
class Desk:
    """A person at the desk of one legal entity, with their roles there."""

    user: User
    entity: LegalEntity
    roles: frozenset[Role]

    @cached_property
    def rights(self) -> frozenset[May]:
        """All that the roles allow together."""
        return frozenset().union(*(RIGHTS[role] for role in self.roles))

    def may(self, right: May) -> bool:
        return right in self.rights

    @property
    def may_read_partners(self) -> bool:
        """Whether they may know who partners at risk are."""
        return May.READ_PARTNERS in self.rights

    @property
    def may_read_bank_names(self) -> bool:
        """Whether they may read who sent money or got it, and for what: donors, and partners at risk."""
        return {May.READ_DONORS, May.READ_PARTNERS} <= self.rights


def desk_of(user: User, slug: str) -> Desk | None:
    """The desk of this person at this legal entity; none where they have no role."""
    found = list(Membership.objects.filter(user=user, entity__slug=slug).select_related("entity"))
    if not found:
        return None
    return Desk(user, found[0].entity, frozenset(Role(membership.role) for membership in found))
