"""An entity whose papers are of years, and what they need to know of a donor."""

from __future__ import annotations

from datetime import date

from fundraising.models import Donor, LegalEntity, TaxDetails
from receipts.models import IssuerRegime, Letterhead


def issue_yearly(entity: LegalEntity) -> None:
    """France, one paper a year in place of single ones."""
    particulars = {"number": "732829320", "purpose": "Aide aux personnes", "quality": "Organisme d’intérêt général"}
    IssuerRegime.objects.create(
        entity=entity, regime="fr_cerfa", yearly=True, particulars=particulars, since=date(2000, 1, 1)
    )
    Letterhead.objects.create(entity=entity, place="Nantes", signatory="Mira Halden")


def note_details(donor: Donor) -> None:
    """Where the donor lives."""
    TaxDetails.objects.get_or_create(
        donor=donor, defaults={"street": "7 rue des Tilleuls", "postcode": "69001", "city": "Lyon"}
    )
