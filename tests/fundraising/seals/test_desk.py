"""Seals at the desk, from the partner's key to the page."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from fundraising.models import Appeal, AppealState, Partner, PartnerKey, Role, Seal, SealState
from fundraising.seals.statements import pem
from tests import factories, staff
from tests.factories import AppealKit
from tests.fundraising.seals.kits import PLACE, WORDS, Pair, Sealing, in_days, make_sealing
from tests.fundraising.spending.kits import SECRET, make_partner

pytestmark = pytest.mark.django_db
DAYS = {"valid_from": "2040-03-01", "valid_until": "2041-02-01"}


@pytest.fixture
def kit(db: None) -> AppealKit:
    return factories.make_appeal()


def go(client: Client, kit: AppealKit, name: str, data: Any = None, **parts: Any) -> Any:
    url = reverse(name, kwargs={"entity": kit.entity.slug, **parts})
    return client.get(url) if data is None else client.post(url, data, follow=True)


def test_three_people_bring_a_seal_from_the_partners_key_to_the_public(kit: AppealKit) -> None:
    partner = make_partner(kit.entity, shown="alias", alias="Lighthouse", delay_days=0)
    keeper, author, approver = (staff.at_desk(role, kit.entity) for role in (Role.FINANCE, Role.FINANCE, Role.APPROVER))
    pair = Pair()
    go(keeper, kit, "desk-key-new", {"given": pem(pair.public).decode(), "at": PLACE}, uuid=partner.uuid)
    key = PartnerKey.objects.get()
    assert key.public_key == pair.public
    form = go(author, kit, "desk-seal-new", appeal=kit.appeal.slug).context["form"]
    assert kit.entity.name in form["text_it"].value()
    texts = {f"text_{locale}": text for locale, text in WORDS.items()}
    go(author, kit, "desk-seal-new", {"key": key.pk, **DAYS, **texts}, appeal=kit.appeal.slug)
    seal = Seal.objects.get()
    given = go(author, kit, "desk-seal-statement", uuid=seal.uuid)
    assert given.content.decode() == seal.statement
    raw = base64.b64decode(pair.sign(given.content.decode()))
    go(author, kit, "desk-seal-sign", {"upload": SimpleUploadedFile("signature.bin", raw)}, uuid=seal.uuid)
    refused = go(approver, kit, "desk-seal-publish", {}, uuid=seal.uuid)
    assert (refused.status_code, Seal.objects.get().state) == (422, SealState.SIGNED)
    go(approver, kit, "desk-seal-publish", {"compared": "on"}, uuid=seal.uuid)
    assert Seal.objects.get().state == SealState.PUBLISHED
    go(author, kit, "desk-key-revoke", {"why": "lost"}, uuid=key.uuid)
    assert "not valid: the key is revoked" in go(author, kit, "desk-seals").content.decode()
    go(author, kit, "desk-seal-end", {}, uuid=seal.uuid)
    assert Seal.objects.get().state == SealState.ENDED


def test_what_is_refused_is_said_in_words_and_leaves_everything_as_it_was() -> None:
    sealing = make_sealing()
    kit, boss = sealing.kit, staff.signed_in(sealing.approver)
    answer = go(boss, kit, "desk-key-new", {"given": "hello", "at": PLACE}, uuid=sealing.partner.uuid)
    assert "That is no Ed25519 public key" in answer.content.decode()
    given = {"key": sealing.key.pk, **DAYS, "text_en": f"We are {SECRET}", "text_it": "Noi"}
    answer = go(boss, kit, "desk-seal-new", given, appeal=kit.appeal.slug)
    assert "a word of the partner&#x27;s real name" in answer.content.decode()
    seal = sealing.draft()
    answer = go(boss, kit, "desk-seal-sign", {"typed": Pair().sign(seal.statement)}, uuid=seal.uuid)
    assert (answer.status_code, "is not one of this statement" in answer.content.decode()) == (422, True)
    answer = go(boss, kit, "desk-seal-sign", {}, uuid=seal.uuid)
    assert "64 bytes" in answer.content.decode()
    seal = sealing.signed(valid_until=in_days(50))
    own = staff.signed_in(sealing.author)
    assert go(own, kit, "desk-seal-publish", {"compared": "on"}, uuid=seal.uuid).status_code == 403
    Appeal.objects.update(state=AppealState.CLOSED)
    answer = go(boss, kit, "desk-seal-publish", {"compared": "on"}, uuid=seal.uuid)
    assert "takes no money" in answer.content.decode()
    assert [one.state for one in Seal.objects.order_by("pk")] == ["drafted", "signed"]


def test_auditors_see_seals_and_keys_and_never_who_the_partner_is() -> None:
    sealing: Sealing = make_sealing(withheld=True)
    seal = sealing.published()
    auditor = staff.at_desk(Role.AUDITOR, sealing.kit.entity)
    pages = [
        go(auditor, sealing.kit, "desk-seals"),
        go(auditor, sealing.kit, "desk-seal", uuid=seal.uuid),
        go(auditor, sealing.kit, "desk-key", uuid=sealing.key.uuid),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "Quenzoborough" not in page.content.decode()
    for name, parts in (("desk-seal-end", {"uuid": seal.uuid}), ("desk-key-revoke", {"uuid": sealing.key.uuid})):
        assert go(auditor, sealing.kit, name, {}, **parts).status_code == 403
    assert go(auditor, sealing.kit, "desk-seal-new", appeal=sealing.kit.appeal.slug).status_code == 403


def test_another_organisations_seals_are_not_there() -> None:
    mine, theirs = make_sealing(), make_sealing()
    boss = staff.at_desk(Role.APPROVER, mine.kit.entity)
    seal = theirs.signed()
    for name in ("desk-seal", "desk-seal-statement"):
        assert go(boss, mine.kit, name, uuid=seal.uuid).status_code == 404
    for name in ("desk-seal-sign", "desk-seal-publish", "desk-seal-end"):
        assert go(boss, mine.kit, name, {"compared": "on"}, uuid=seal.uuid).status_code == 404
    assert go(boss, mine.kit, "desk-key", uuid=theirs.key.uuid).status_code == 404
    assert go(boss, mine.kit, "desk-key-new", uuid=theirs.partner.uuid).status_code == 404
    assert go(boss, mine.kit, "desk-seal-new", appeal=theirs.kit.appeal.slug).status_code == 404
    assert Partner.objects.count() == 2


def test_seals_and_keys_are_exported_without_who_signs() -> None:
    sealing = make_sealing(withheld=True)
    seal = sealing.published()
    boss = staff.signed_in(sealing.approver)
    for kind, named in (("seals", str(seal)), ("partner-keys", str(sealing.key))):
        url = reverse("desk-export-new", args=[sealing.kit.entity.slug])
        answer = boss.post(f"{url}?kind={kind}", {"kind": kind, "format": "csv"})
        data = b"".join(answer).decode()  # a response is its pieces
        [row] = csv.DictReader(io.StringIO(data, newline=""))
        assert named in row.values()
        assert "Quenzoborough" not in data
