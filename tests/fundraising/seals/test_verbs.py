"""From a partner's key to a published seal: who may do what, and when a seal stops being valid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from fundraising.models import Appeal, AppealState, LegalEntity, Partner, PartnerKey, Seal, SealState, StaffAction
from fundraising.seals import verbs
from fundraising.seals.showing import Standing, address_of, standing
from fundraising.seals.statements import Statement
from fundraising.seals.verbs import SealRefused
from tests import factories, staff
from tests.fundraising.seals.kits import ALIAS, PLACE, TODAY, WORDS, Pair, Sealing, encoded, in_days, make_sealing
from tests.fundraising.spending.kits import SECRET, make_partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealing(db: None) -> Sealing:
    return make_sealing()


def refused(code: str, *arguments: Any, **named: Any) -> None:
    verb = arguments[0]
    with pytest.raises(SealRefused) as error:
        verb(*arguments[1:], **named)
    assert error.value.code == code


def how(seal: Seal, days: int = 0) -> Standing:
    rows = Seal.objects.select_related("appeal__campaign__entity", "key__partner")
    return standing(rows.get(pk=seal.pk), TODAY + timedelta(days=days))


def test_a_partner_signs_where_we_collect_for_whom_and_how_long(sealing: Sealing) -> None:
    statement = Statement.read(sealing.draft().statement)
    kit = sealing.kit
    assert statement.addresses == {
        locale: settings.PUBLIC_URL + page.get_absolute_url() for locale, page in kit.pages.items()
    }
    assert statement.organisation == {"name": kit.entity.name, "registration": kit.entity.registration}
    assert (statement.appeal, statement.key) == (str(kit.appeal.uuid), sealing.pair.public)
    assert (statement.partner, statement.texts) == (ALIAS, WORDS)


def test_a_seal_is_valid_once_it_is_signed_and_a_second_person_has_published_it(sealing: Sealing) -> None:
    seal = sealing.draft()
    assert how(seal) == Standing.BROKEN
    seal = verbs.take_signature(seal, sealing.pair.sign(seal.statement), by=sealing.author)
    assert how(seal) == Standing.NOT_YET
    verbs.publish(seal, by=sealing.approver)
    assert how(seal) == Standing.VALID
    told = [action.verb for action in StaffAction.objects.order_by("pk")]
    assert told == ["partner_key_added", "seal_drafted", "seal_signed", "seal_published"]


def test_nobody_publishes_what_they_wrote_brought_or_whose_key_they_added(sealing: Sealing) -> None:
    bringer = staff.make_person()
    seal = sealing.draft()
    refused("unsigned", verbs.publish, seal, by=sealing.approver)
    seal = verbs.take_signature(seal, sealing.pair.sign(seal.statement), by=bringer)
    for person in (sealing.author, bringer, sealing.keeper):
        refused("own", verbs.publish, seal, by=person)
    assert verbs.publish(seal, by=sealing.approver).state == SealState.PUBLISHED


def test_the_database_too_wants_two_people_and_lets_nothing_signed_be_changed(sealing: Sealing) -> None:
    signed, published = sealing.signed(), sealing.published(valid_until=in_days(50))
    now = timezone.now()

    def change(rows: Any, **fields: Any) -> None:
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            rows.update(**fields)

    mine, theirs = Seal.objects.filter(pk=signed.pk), Seal.objects.filter(pk=published.pk)
    for person in (sealing.author, sealing.keeper):
        change(mine, state="published", published_by=person, published_at=now)
    change(mine, statement=published.statement + " ")
    change(theirs, statement=signed.statement + " ")
    change(theirs, signature=signed.signature)
    change(theirs, appeal=factories.make_appeal(sealing.kit.entity).appeal)
    change(theirs, state="drafted", published_by=None)
    keys = PartnerKey.objects.filter(pk=sealing.key.pk)
    change(keys, public_key=Pair().public)
    change(keys, partner=make_partner(sealing.kit.entity))
    for rows in (theirs, keys):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


def test_a_signature_that_is_not_the_partners_is_not_kept(sealing: Sealing) -> None:
    seal = sealing.draft()
    refused("wrong", verbs.take_signature, seal, Pair().sign(seal.statement), by=sealing.author)
    refused("wrong", verbs.take_signature, seal, sealing.pair.sign(seal.statement + "\n"), by=sealing.author)
    refused("signature", verbs.take_signature, seal, "hello", by=sealing.author)
    seal.refresh_from_db()
    assert (seal.signature, seal.state) == ("", SealState.DRAFTED)


def test_a_signature_is_good_for_its_own_statement_alone_and_not_for_another_appeal(sealing: Sealing) -> None:
    mine = sealing.published()
    other = factories.make_appeal(sealing.kit.entity)
    theirs = sealing.draft(appeal=other.appeal)
    refused("wrong", verbs.take_signature, theirs, mine.signature, by=sealing.author)
    # Even a row that was written by hand: the statement is about the other appeal.
    forged = Seal.objects.create(
        appeal=other.appeal, key=sealing.key, statement=mine.statement, code="A" * 12, signature=mine.signature,
        state="published", by=sealing.author, signed_by=sealing.author, published_by=sealing.approver,
        published_at=timezone.now(),
    )  # fmt: skip
    assert how(forged) == Standing.BROKEN
    assert how(mine) == Standing.VALID


def test_a_row_whose_words_were_changed_behind_our_back_is_not_valid(sealing: Sealing) -> None:
    mine = sealing.published()
    for number, (old, new) in enumerate([("know", "knew"), (ALIAS, "Lighthouze"), (str(TODAY), str(in_days(-9)))]):
        changed = Seal.objects.create(
            appeal=mine.appeal, key=mine.key, statement=mine.statement.replace(old, new), code=f"{number:012}",
            signature=mine.signature, state="published", by=sealing.author, signed_by=sealing.author,
            published_by=sealing.approver, published_at=timezone.now(),
        )  # fmt: skip
        assert how(changed) in {Standing.BROKEN, Standing.HIDDEN}


def test_a_seal_is_valid_on_its_days_and_on_no_others(sealing: Sealing) -> None:
    seal = sealing.published(valid_from=in_days(5), valid_until=in_days(10))
    found = {days: how(seal, days) for days in (0, 4, 5, 10, 11)}
    assert found == {
        0: Standing.NOT_YET,
        4: Standing.NOT_YET,
        5: Standing.VALID,
        10: Standing.VALID,
        11: Standing.EXPIRED,
    }


def test_a_revoked_key_ends_all_its_seals_and_makes_no_more(sealing: Sealing) -> None:
    seal, waits = sealing.published(), sealing.signed(valid_until=in_days(30))
    refused("no_reason", verbs.revoke_key, sealing.key, by=sealing.author, why=" ")
    verbs.revoke_key(sealing.key, by=sealing.author, why=f"{SECRET} lost the telephone")
    assert how(seal) == Standing.KEY_REVOKED
    refused("key_revoked", verbs.publish, waits, by=sealing.approver)
    refused("revoked", sealing.draft, valid_until=in_days(20))
    refused("revoked", verbs.revoke_key, sealing.key, by=sealing.author, why="again")
    assert "Quenzoborough" not in str(list(StaffAction.objects.values()))


def test_a_new_key_of_the_partner_seals_anew_beside_the_old_one(sealing: Sealing) -> None:
    old = sealing.published()
    pair = Pair()
    key = verbs.add_key(sealing.partner, pair.public, at=PLACE, by=sealing.keeper)
    fresh = sealing.draft(key=key)
    refused("wrong", verbs.take_signature, fresh, sealing.pair.sign(fresh.statement), by=sealing.author)
    fresh = verbs.publish(
        verbs.take_signature(fresh, pair.sign(fresh.statement), by=sealing.author), by=sealing.approver
    )
    verbs.revoke_key(sealing.key, by=sealing.author, why="replaced")
    assert (how(old), how(fresh)) == (Standing.KEY_REVOKED, Standing.VALID)


def test_a_seal_that_was_ended_stays_so(sealing: Sealing) -> None:
    seal = sealing.published()
    verbs.end(seal, by=sealing.author)
    assert how(seal) == Standing.WITHDRAWN
    refused("ended", verbs.end, seal, by=sealing.author)
    refused("unsigned", verbs.publish, seal, by=sealing.approver)
    refused("late", verbs.take_signature, seal, seal.signature, by=sealing.author)


def test_a_seal_ends_with_its_appeal(sealing: Sealing) -> None:
    seal = sealing.published()
    Appeal.objects.update(state=AppealState.CLOSING)
    assert how(seal) == Standing.VALID
    Appeal.objects.update(state=AppealState.CLOSED)
    assert how(seal) == Standing.CLOSED


def test_a_seal_is_not_valid_for_addresses_or_an_organisation_that_were_not_signed(sealing: Sealing) -> None:
    seal = sealing.published()
    page = sealing.kit.pages["it"]
    page.slug, was = "elsewhere", page.slug
    page.save()
    assert how(seal) == Standing.CHANGED
    rows = Seal.objects.select_related("appeal__campaign__entity", "key__partner")
    for one, found in ((sealing.kit.pages["en"], Standing.VALID), (page, Standing.CHANGED)):
        assert standing(rows.get(), TODAY, {one.locale: address_of(one)}) == found
    page.slug = was
    page.save()
    assert how(seal) == Standing.VALID
    LegalEntity.objects.update(name="Lantern Reaction")
    assert how(seal) == Standing.CHANGED


def test_a_seal_that_names_a_partner_who_is_withheld_since_is_hidden_at_once(sealing: Sealing) -> None:
    seal = sealing.published()
    Partner.objects.update(shown="withheld")
    assert how(seal) == Standing.HIDDEN
    Partner.objects.update(shown="alias", alias="Lantern Bearer")
    assert how(seal) == Standing.HIDDEN
    Partner.objects.update(alias=ALIAS)
    assert how(seal) == Standing.VALID


def test_nothing_of_a_partner_is_shown_before_its_delay_is_over(sealing: Sealing) -> None:
    seal = sealing.published()
    Partner.objects.update(delay_days=30, created_at=datetime(2040, 3, 1, 23, tzinfo=UTC))
    assert (how(seal), how(seal, 29), how(seal, 30)) == (Standing.HIDDEN, Standing.HIDDEN, Standing.VALID)


def test_a_partner_that_is_withheld_signs_with_a_key_made_for_one_appeal_and_no_name() -> None:
    sealing = make_sealing(withheld=True)
    seal = sealing.published()
    assert how(seal) == Standing.VALID
    assert Statement.read(seal.statement).partner == ""
    assert ALIAS not in seal.statement
    other = factories.make_appeal(sealing.kit.entity)
    refused("other_appeal", sealing.draft, appeal=other.appeal)
    with pytest.raises(DatabaseError), transaction.atomic():
        Seal.objects.create(appeal=other.appeal, key=sealing.key, statement="x", code="B" * 12, by=sealing.author)
    public = verbs.add_key(sealing.partner, Pair().public, at=PLACE, by=sealing.keeper)
    refused("no_alias", sealing.draft, key=public)


def test_the_partners_words_may_not_say_who_it_is() -> None:
    sealing, withheld = make_sealing(), make_sealing(withheld=True)
    for text in (f"We are {SECRET}.", "MIRELA says so", "Call quenzoborough"):
        refused("tells", sealing.draft, texts={**WORDS, "en": text})
    for text in ("We keep the lighthouse.", "We work in the South."):
        refused("tells", withheld.draft, texts={**WORDS, "it": text})
        assert sealing.draft(texts={**WORDS, "it": text}).statement
    refused("tells", verbs.add_key, sealing.partner, Pair().public, at="mirela.example", by=sealing.keeper)


def test_keys_that_are_none_are_known_or_published_in_the_wrong_place_are_refused(sealing: Sealing) -> None:
    def add(code: str, given: str = "", **named: Any) -> None:
        refused(code, verbs.add_key, sealing.partner, given or Pair().public, by=sealing.keeper, **named)

    add("key", "hello", at=PLACE)
    add("known", sealing.pair.public, at=PLACE)
    add("not_published")
    add("published", appeal=sealing.kit.appeal, at=PLACE)
    add("other_entity", appeal=factories.make_appeal().appeal)
    add("key", encoded(bytes(33)), at=PLACE)


def test_a_statement_needs_words_in_every_language_days_in_order_and_an_appeal_of_ours(sealing: Sealing) -> None:
    refused("texts", sealing.draft, texts={"en": "Yes"})
    refused("texts", sealing.draft, texts={**WORDS, "it": " \n "})
    refused("texts", sealing.draft, texts={**WORDS, "it": "nul\0"})
    refused("days", sealing.draft, valid_from=date(2020, 1, 1), valid_until=date(2020, 12, 31))
    refused("days", sealing.draft, valid_from=in_days(9), valid_until=in_days(8))
    refused("days", sealing.draft, valid_until=in_days(900))
    refused("other_entity", sealing.draft, appeal=factories.make_appeal().appeal)
    sealing.draft()
    refused("known", sealing.draft)
