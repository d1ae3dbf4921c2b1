"""Filings: what laws want to be told of a year's donations, each as a table with the fields that the form asks for.

France, article 222 bis CGI (totals and counts); Italy, "comunicazione dei dati relativi alle erogazioni liberali" (per
codice fiscale); Spain, Modelo 182 (per NIF, with what recurs); Belgium, fiche 281.71 (per national number). They are
tables to type from, not the authorities' files. All but the French one name donors: a worker writes them, sealed, and
they expire (fundraising/exports).

They read the sealed snapshots, so they say what the papers say. Who gave and has no paper because their tax number is
missing stands below, without a number and with a note: nobody files them, and somebody has to ask.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import Kind
from fundraising.exports.table import CHUNK, Column, Row, Table, Type, major
from fundraising.models import Channel, Donation, Donor, LegalEntity, TaxDetails
from fundraising.roles import May

from .. import receipts
from ..models import Receipt, ReceiptLine, ReceiptState
from ..regimes import REGIMES, channel_problem, choice_for, choices_of
from ..snapshot import Snapshot
from . import verbs
from .exports import Filters, year_of

CURRENCY = "EUR"  # of all four laws
SPANISH_POSTCODE = re.compile(r"\b(\d{2})\d{3}\b")


# --- What is filed ----------------------------------------------------------------------------------


@dataclass
class Filed:
    """What a donor's papers of a year say together; amount in minor units."""

    snapshot: Snapshot
    minor: int = 0
    papers: int = 0


def _claiming(entity: LegalEntity, regime: str, year: int) -> QuerySet[Receipt]:
    """The papers that stand for donations of a year, single ones or of the year."""
    claims = ReceiptLine.objects.filter(receipt=OuterRef("pk"), claims=True)
    rows = Receipt.objects.filter(donor__entity=entity, series__regime=regime, series__year=year)
    return rows.filter(Exists(claims), state=ReceiptState.ISSUED).order_by("pk")


def filed(entity: LegalEntity, regime: str, year: int) -> dict[str, Filed]:
    """By the donor's tax number, what papers say was given."""
    found: dict[str, Filed] = {}
    for paper in _claiming(entity, regime, year).iterator(chunk_size=CHUNK):
        snapshot = Snapshot.from_json(paper.snapshot)
        one = found.setdefault(snapshot.donor_tax_number, Filed(snapshot))
        one.minor, one.papers = one.minor + paper.amount_minor, one.papers + 1
    return found


@dataclass(frozen=True)
class Lacking:
    """What a donor without a tax number gave in a year, and no paper says; amount in minor units."""

    donor: Donor
    minor: int


def lacking(entity: LegalEntity, regime: str, year: int) -> list[Lacking]:
    """Donors of a year who have no paper under a regime because their tax number is missing, in the order of keys."""
    sums: dict[Donor, int] = defaultdict(int)
    donations = _without_paper(entity, regime, year)
    kept = verbs.acknowledged(donation.pk for donation in donations)
    donors = {donation.donor_id for donation in donations}
    numbers = {one.donor_id: one.tax_number for one in TaxDetails.objects.filter(donor__in=donors)}
    for donation in donations:
        if not numbers.get(donation.donor_id):
            sums[donation.donor] += kept[donation.pk]
    least = max(1, REGIMES[regime].annual_least_minor)
    found = [Lacking(donor, minor) for donor, minor in sums.items() if minor >= least]
    return sorted(found, key=lambda one: one.donor.pk)


def _without_paper(entity: LegalEntity, regime: str, year: int) -> list[Donation]:
    """Money of a year that the law of a regime knows and no paper stands for."""
    first, after = entity.hours_of_year(year)
    rows = receipts.unclaimed().filter(entity=entity, currency=CURRENCY, received_at__gte=first, received_at__lt=after)
    choices = choices_of(entity)

    def is_of(donation: Donation) -> bool:
        assert donation.received_at is not None  # asked for
        choice = choice_for(choices, donation.donor.country, entity.day_of(donation.received_at))
        return bool(choice and choice.regime == regime) and not channel_problem(
            REGIMES[regime], entity, donation.channel
        )

    rows = rows.exclude(channel=Channel.IN_KIND).select_related("donor")
    return [donation for donation in rows.order_by("pk").iterator(chunk_size=CHUNK) if is_of(donation)]


# --- The tables -------------------------------------------------------------------------------------


def french(entity: LegalEntity, filters: Filters) -> Table:
    """How many receipts there were and what they sum to (article 222 bis CGI)."""
    year = year_of(filters)

    def rows() -> Iterator[Row]:
        amounts = list(_claiming(entity, "fr_cerfa", year).values_list("amount_minor", flat=True))
        yield year, len(amounts), major(sum(amounts), CURRENCY)

    columns = [
        Column("Année", Type.INTEGER), Column("Nombre de reçus délivrés", Type.INTEGER),
        Column("Montant global des dons et versements (EUR)", Type.AMOUNT),
    ]  # fmt: skip
    return Table(f"222bis-{year}", columns, rows, lambda _limit: 1)


def italian(entity: LegalEntity, filters: Filters) -> Table:
    """Per codice fiscale what was given in the year by traceable means, without what was given back."""
    year = year_of(filters)

    def rows() -> Iterator[Row]:
        for number, one in sorted(filed(entity, "it_ets", year).items()):
            if not one.snapshot.donor_person:  # the law wants to be told of persons alone
                yield number, one.snapshot.donor_name, year, major(one.minor, CURRENCY), ""
        for left in lacking(entity, "it_ets", year):
            if left.donor.organisation:
                continue
            yield "", _name(left.donor), year, major(left.minor, CURRENCY), "Manca il codice fiscale"

    columns = [
        Column("Codice fiscale"), Column("Donatore"), Column("Anno", Type.INTEGER),
        Column("Ammontare delle erogazioni (EUR)", Type.AMOUNT), Column("Nota"),
    ]  # fmt: skip
    return _of_donors(f"erogazioni-{year}", columns, rows, entity, "it_ets", year)


def spanish(entity: LegalEntity, filters: Filters) -> Table:
    """Modelo 182: per NIF the amount, the province, and whether as much was given in each of the two years before."""
    year = year_of(filters)

    def rows() -> Iterator[Row]:
        before = [filed(entity, "es_182", year - back) for back in (1, 2)]
        for number, one in sorted(filed(entity, "es_182", year).items()):
            earlier = [past[number].minor if number in past else 0 for past in before]
            recurs = all(earlier) and one.minor >= earlier[0] >= earlier[1]
            province = SPANISH_POSTCODE.search(one.snapshot.donor_address)
            yield (
                number, one.snapshot.donor_name, province[1] if province else "99", "A", major(one.minor, CURRENCY), "",
                "1" if recurs else "2", "",
            )  # fmt: skip
        for left in lacking(entity, "es_182", year):
            yield "", _name(left.donor), "", "A", major(left.minor, CURRENCY), "", "", "Falta el NIF"

    columns = [
        Column("NIF declarado"), Column("Apellidos y nombre"), Column("Provincia"), Column("Clave"),
        Column("Importe (EUR)", Type.AMOUNT), Column("En especie"), Column("Recurrencia donativos"), Column("Nota"),
    ]  # fmt: skip
    return _of_donors(f"modelo-182-{year}", columns, rows, entity, "es_182", year)


def belgian(entity: LegalEntity, filters: Filters) -> Table:
    """Fiche 281.71: per national number the certificate and its amount."""
    year = year_of(filters)

    def rows() -> Iterator[Row]:
        for paper in _claiming(entity, "be", year).iterator(chunk_size=CHUNK):
            said = Snapshot.from_json(paper.snapshot)
            address = ", ".join(said.donor_address.splitlines())
            amount = major(paper.amount_minor, CURRENCY)
            yield paper.number, said.donor_tax_number, said.donor_name, address, amount, ""
        for left in lacking(entity, "be", year):
            amount = major(left.minor, CURRENCY)
            yield "", "", _name(left.donor), "", amount, "Rijksregisternummer ontbreekt / Numéro national manquant"

    columns = [
        Column("Volgnummer / Numéro"), Column("Nationaal nummer / Numéro national"), Column("Naam / Nom"),
        Column("Adres / Adresse"), Column("Bedrag / Montant (EUR)", Type.AMOUNT), Column("Nota / Note"),
    ]  # fmt: skip
    return _of_donors(f"281-71-{year}", columns, rows, entity, "be", year)


def _name(donor: Donor) -> str:
    return donor.organisation or donor.full_name


def _of_donors(
    name: str, columns: list[Column], rows: Callable[[], Iterator[Row]], entity: LegalEntity, regime: str, year: int
) -> Table:
    return Table(name, columns, rows, lambda _limit: _claiming(entity, regime, year).count())


def register_all() -> None:
    """Make them known."""
    listing, naming, year = frozenset({May.EXPORT}), frozenset({May.EXPORT, May.READ_DONORS}), ("year",)
    kinds.register(Kind("filing-fr", _("France: totals of receipts (222 bis CGI)"), listing, french, year))
    kinds.register(Kind("filing-it", _("Italy: donations by codice fiscale"), naming, italian, year, personal=True))
    kinds.register(Kind("filing-es", _("Spain: data of Modelo 182"), naming, spanish, year, personal=True))
    kinds.register(Kind("filing-be", _("Belgium: data of fiches 281.71"), naming, belgian, year, personal=True))
