"""Notices reach donors by mail: each once, in their language, true when it is sent, and from a neutral sender."""

from __future__ import annotations

import smtplib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, connections
from django.utils import timezone
from django.utils.translation import gettext, override

from fundraising import donations, mandates, reminders
from fundraising.drafts import Regularly
from fundraising.models import Donation, Interval, Mandate, MandateEnd, MandateState, Notice, NoticeKind
from fundraising.money import Money
from receipts import audit, receipts, tasks
from receipts.mail import delivery, link_letters, notices
from receipts.models import MailKind, MailState, OutgoingMail
from tests import factories, staff

pytestmark = pytest.mark.django_db
NOW = timezone.now()
NEXT = date(2031, 5, 17)


def begun(locale: str = "en", **regularly: Any) -> Mandate:
    """A mandate that was confirmed a year ago."""
    wish = Regularly(**{"interval": Interval.MONTH, **regularly})
    donation = factories.open_donation(locale=locale, regularly=wish, email="ada@example.org")
    assert donation.mandate
    mandates.start(donation.mandate.uuid, at=NOW - timedelta(days=360), next_on=NEXT)
    return again(donation.mandate)


def again(mandate: Mandate) -> Mandate:
    return Mandate.objects.get(pk=mandate.pk)


def fail(mandate: Mandate, step: int = 1, code: str = "", *, is_last: bool = False, about: str = "in_1") -> None:
    at = NOW + timedelta(days=step)
    told = mandates.failed(mandate.uuid, about=f"{about}:{step}", step=step, is_last=is_last, code=code, at=at)
    assert told
    mandates.expect_retry(mandate.uuid, on=None if is_last else date(2031, 5, 17 + step))


def send() -> list[EmailMultiAlternatives]:
    """What goes out now."""
    before = len(outbox.outbox)
    tasks.send_due()
    return [message for message in outbox.outbox[before:] if isinstance(message, EmailMultiAlternatives)]


def only(messages: list[EmailMultiAlternatives]) -> EmailMultiAlternatives:
    (message,) = messages
    return message


def words(message: EmailMultiAlternatives) -> str:
    return message.body.replace("\u00a0", " ")


def say(mandate: Mandate, kind: NoticeKind) -> None:
    """Let it happen to the mandate what the donor is told of by a notice of this kind."""
    uuid, at = mandate.uuid, NOW + timedelta(days=9)
    match kind:
        case NoticeKind.MANDATE_FAILED:
            fail(mandate)
        case NoticeKind.MANDATE_MENDED:
            fail(mandate)
            send()
            mandates.mended(uuid, about="in_1", at=at)
        case NoticeKind.MANDATE_CHANGED:
            cover = Money(0, "EUR")
            mandates.changed(uuid, about="c", amount=Money(7_000, "EUR"), fee_cover=cover, day=3, next_on=NEXT, at=at)
        case NoticeKind.MANDATE_PAUSED:
            mandates.paused(uuid, about="c", until=NEXT, at=at)
        case NoticeKind.MANDATE_RESUMED:
            mandates.paused(uuid, about="c", until=NEXT, at=at)
            OutgoingMail.objects.all().delete()
            Notice.objects.all().delete()
            mandates.resumed(uuid, about="d", next_on=NEXT, at=at)
        case NoticeKind.MANDATE_REDIRECTED:
            mandates.redirected(uuid, about="appeal:1", at=at)
        case NoticeKind.MANDATE_ENDED:
            mandates.ended(uuid, about="c", reason=MandateEnd.DONOR, wish="", at=at)
        case _:
            raise AssertionError(kind)


HAPPENING = [kind for kind in NoticeKind if kind not in {NoticeKind.DEBIT_FAILED, NoticeKind.MANDATE_UPCOMING}]


# --- What it says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (NoticeKind.MANDATE_FAILED, "This time we could not collect your regular donation of €50."),
        (NoticeKind.MANDATE_MENDED, "has arrived after all"),
        (NoticeKind.MANDATE_CHANGED, "From now on it is €70 every month. It is collected next on May 17, 2031."),
        (NoticeKind.MANDATE_PAUSED, "Nothing is collected before May 17, 2031"),
        (NoticeKind.MANDATE_RESUMED, "goes on. Thank you. It is collected next on May 17, 2031."),
        (NoticeKind.MANDATE_REDIRECTED, "What this appeal does not need"),
        (NoticeKind.MANDATE_ENDED, "As you wished, your regular donation has ended."),
    ],
)
def test_each_notice_says_what_has_happened_and_leads_to_the_page(kind: NoticeKind, sentence: str) -> None:
    mandate = begun()
    say(mandate, kind)
    message = only(send())
    html = str(message.alternatives[0][0]).replace("\u00a0", " ")
    assert sentence in words(message)
    assert sentence in html
    for form in (words(message), html):
        assert f"/en/m/{mandate.uuid}/" in form
        assert mandate.reference in form
        assert "Dear Ada" in form
    assert message.attachments == []
    assert message.to == ["ada@example.org"]


@pytest.mark.parametrize("kind", HAPPENING)
def test_an_inbox_does_not_out_a_donor(kind: NoticeKind) -> None:
    mandate = begun()
    say(mandate, kind)
    message = only(send())
    assert message.from_email == "donations@lantern.example"
    assert mandate.reference in message.subject
    telling = ("donation", "evacuation", "appeal", "campaign", "a way out", "lantern action")
    assert not any(word in message.subject.lower() for word in telling)
    assert mandate.wording.title not in message.body


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("insufficient_funds", "there was not enough in the account"),
        ("expired_card", "The card has expired."),
        ("authentication_required", "wants you to confirm this payment yourself"),
        ("stolen_card", "declined it and did not tell us why"),
        ("", "declined it and did not tell us why"),
    ],
)
def test_the_reason_is_said_in_plain_words(code: str, reason: str) -> None:
    fail(begun(), code=code)
    message = only(send())
    assert reason in words(message)
    assert code == "" or code not in message.body


def test_the_tone_goes_from_friendly_to_final_and_then_it_ends_without_another_mail() -> None:
    mandate = begun()
    said = []
    for step in (1, 2, 3):
        fail(mandate, step)
        said.append(words(only(send())))
    fail(mandate, 4, is_last=True)
    mandates.ended(mandate.uuid, about="c", reason=MandateEnd.GAVE_UP, wish="", at=NOW + timedelta(days=5))
    said.append(words(only(send())))
    assert "you need not do anything: it will be tried again by itself on May 18, 2031" in said[0]
    assert "We have tried again" in said[1]
    assert "Otherwise it will be tried again by itself on May 19, 2031." in said[1]
    assert "by itself on May 20, 2031. Should that fail too, we soon stop by ourselves" in said[2]
    assert "So we stop here." in said[3]
    assert "you owe us nothing" in said[3]
    assert "Settle it now" not in said[3]


@pytest.mark.parametrize("code", ["", "expired_card", "authentication_required"])
def test_each_mail_says_when_it_is_tried_again_as_planned_when_the_mail_is_written(code: str) -> None:
    mandate = begun()
    fail(mandate, code=code)
    mandates.expect_retry(mandate.uuid, on=date(2031, 6, 2))
    assert "tried again by itself on June 2, 2031" in words(only(send()))


def test_a_mail_says_that_it_was_the_last_attempt_where_the_provider_plans_no_other() -> None:
    mandate = begun()
    fail(mandate)
    mandates.expect_retry(mandate.uuid, on=None)
    text = words(only(send()))
    assert "So we stop here." in text
    assert "tried again" not in text


def test_a_failure_names_the_amount_that_was_to_be_collected_whatever_is_agreed_by_now() -> None:
    mandate = begun()
    mandates.collect_next(mandate.uuid, about="in_1", amount=mandate.amount, at=NOW)
    fail(mandate)
    cover = Money(0, "EUR")
    later = NOW + timedelta(days=2)
    mandates.changed(mandate.uuid, about="c", amount=Money(700, "EUR"), fee_cover=cover, day=3, next_on=NEXT, at=later)
    failed, changed = (words(message) for message in send())
    assert "your regular donation of €50" in failed
    assert "From now on it is €7" in changed


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (MandateEnd.APPEAL_CLOSED, "as we told you when you signed up"),
        (MandateEnd.GAVE_UP, "So we stop here"),
        (MandateEnd.STAFF, "If you did not ask us for this, answer this message."),
        (MandateEnd.PROVIDER, "because your bank or our payment provider"),
    ],
)
def test_an_end_says_whose_doing_it_was(reason: MandateEnd, sentence: str) -> None:
    mandates.ended(begun().uuid, about="c", reason=reason, wish="", at=NOW)
    assert sentence in words(only(send()))


def test_a_name_full_of_markup_stays_text() -> None:
    donation = factories.open_donation(first_name="<b>Ada</b> & Co", regularly=Regularly(Interval.MONTH))
    assert donation.mandate
    mandates.start(donation.mandate.uuid, at=NOW, next_on=NEXT)
    mandates.paused(donation.mandate.uuid, about="c", until=None, at=NOW)
    message = only(send())
    assert "<b>Ada</b> & Co" in message.body
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; Co" in str(message.alternatives[0][0])


def test_a_notice_is_in_the_language_of_its_mandate() -> None:
    mandate = begun("it")
    say(mandate, NoticeKind.MANDATE_REDIRECTED)
    message = only(send())
    assert f"/it/m/{mandate.uuid}/" in message.body
    assert "Quanto non serve a questo appello" in message.body
    assert message.subject == f"Il tuo pagamento {mandate.reference}: che cosa cambia"


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES if code != "en"])
def test_every_subject_of_a_mail_is_written_in_each_language(language: str) -> None:
    with override(language):
        for subject in (*notices.SUBJECTS.values(), notices.TAKEN_BACK, *link_letters.SUBJECTS.values()):
            assert gettext(subject) != subject


# --- A debit that does not come -----------------------------------------------------------------------


def test_a_donor_is_told_when_the_bank_does_not_send_a_donation() -> None:
    donation = factories.open_donation()
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=NOW)
    for _ in range(2):
        donations.withdraw_announcement(donation.uuid, at=NOW)
    message = only(send())
    assert "your bank did not send the money. Nothing was charged." in words(message)
    assert f"/en/d/{donation.uuid}/" in message.body


def test_each_try_that_fails_is_told_of() -> None:
    donation = factories.open_donation()
    for attempt in ("pi_1", "pi_2"):
        donations.announce_donation(donation.uuid, provider_id=attempt, amount=donation.amount, at=NOW)
        donations.withdraw_announcement(donation.uuid, at=NOW)
        assert len(send()) == 1


def test_a_debit_that_came_after_all_is_not_called_missing() -> None:
    donation = factories.open_donation()
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=NOW)
    donations.withdraw_announcement(donation.uuid, at=NOW)
    factories.receive(donation)
    assert send() == []
    assert OutgoingMail.objects.get().state == MailState.CANCELLED


@pytest.mark.parametrize("with_receipt", [True, False])
def test_a_debit_returned_late_is_told_of_once_by_the_void_receipt_or_by_a_notice(with_receipt: bool) -> None:
    donation, charge = factories.received_donation()
    if with_receipt:
        receipts.issue_receipt(donation)
        send()
    donations.charge_failed(charge_key=charge, at=NOW)
    tasks.work_off()
    message = only(send())
    assert ("is void" in message.subject) == with_receipt
    assert ("Your bank has taken back the €50" in words(message)) == (not with_receipt)


def test_a_debit_that_was_taken_back_is_not_said_not_to_have_arrived() -> None:
    donation, charge = factories.received_donation()
    donations.charge_failed(charge_key=charge, at=NOW)
    message = only(send())
    assert message.subject == f"Your payment {donation.reference} was taken back"
    assert "nothing more will be collected" in words(message)


@pytest.mark.parametrize("ended", [False, True])
def test_whoever_gives_regularly_is_told_the_truth_of_what_follows_when_a_debit_is_taken_back(ended: bool) -> None:
    mandate = begun()
    charge = factories.receive(mandate.donations.get())
    donations.charge_failed(charge_key=charge, at=NOW)
    if ended:
        mandates.ended(mandate.uuid, about="c", reason=MandateEnd.DONOR, wish="", at=NOW)
    message = next(one for one in send() if "taken back" in one.subject)
    assert ("Your regular donation goes on" in words(message)) == (not ended)
    assert ("nothing more will be collected" in words(message)) == ended


def test_under_a_mandate_the_collection_is_told_of_and_not_the_debit_as_well() -> None:
    mandate = begun()
    donation = mandate.donations.get()
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=NOW)
    donations.withdraw_announcement(donation.uuid, at=NOW)
    assert not Notice.objects.exists()


# --- News that has been overtaken ---------------------------------------------------------------------


def test_a_failure_that_was_mended_before_its_mail_went_out_is_kept_quiet_with_its_mending() -> None:
    mandate = begun()
    fail(mandate)
    mandates.mended(mandate.uuid, about="in_1", at=NOW + timedelta(days=2))
    assert send() == []
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {MailState.CANCELLED}


def test_the_next_failure_is_told_of_though_an_earlier_collection_was_mended() -> None:
    mandate = begun()
    fail(mandate)
    mandates.mended(mandate.uuid, about="in_1", at=NOW + timedelta(days=2))
    fail(mandate, 3, about="in_2")
    assert len(send()) == 1


def test_who_ended_it_is_not_told_that_it_fails_or_is_paused() -> None:
    mandate = begun()
    fail(mandate)
    mandates.paused(mandate.uuid, about="c", until=None, at=NOW + timedelta(days=3))
    mandates.ended(mandate.uuid, about="d", reason=MandateEnd.DONOR, wish="", at=NOW + timedelta(days=4))
    assert "As you wished" in words(only(send()))


def test_whoever_was_told_of_the_end_is_not_told_of_the_last_failure_that_came_late() -> None:
    mandate = begun()
    mandates.ended(mandate.uuid, about="c", reason=MandateEnd.GAVE_UP, wish="", at=NOW)
    assert len(send()) == 1
    Notice.objects.create(mandate=mandate, kind=NoticeKind.MANDATE_FAILED, about="in_1:4", step=4, is_last=True)
    assert send() == []


# --- Yearly collections -------------------------------------------------------------------------------


def test_a_yearly_collection_is_announced_a_week_before_and_once() -> None:
    mandate = begun(interval=Interval.YEAR)
    today = timezone.localdate()
    for days, told in ((9, 0), (8, 0), (7, 1), (6, 0), (1, 0)):
        Mandate.objects.filter(pk=mandate.pk).update(next_on=today + timedelta(days=days))
        reminders.remind_of_yearly()
        assert len(send()) == told, days
    assert "Once a year we remind you" in words(outbox.outbox[-1])  # type: ignore[arg-type]


def test_neither_monthly_nor_paused_nor_just_begun_collections_are_announced() -> None:
    monthly, paused, fresh = begun(), begun(interval=Interval.YEAR), begun(interval=Interval.YEAR)
    mandates.paused(paused.uuid, about="c", until=None, at=NOW)
    Mandate.objects.filter(pk=fresh.pk).update(started_at=NOW)
    Mandate.objects.update(next_on=timezone.localdate() + timedelta(days=7))
    assert reminders.remind_of_yearly() == 0
    assert again(monthly).state == MandateState.ACTIVE


def test_a_reminder_that_waited_until_the_day_has_passed_is_not_sent() -> None:
    mandate = begun(interval=Interval.YEAR)
    Mandate.objects.update(next_on=timezone.localdate() + timedelta(days=3))
    assert reminders.remind_of_yearly() == 1
    Mandate.objects.filter(pk=mandate.pk).update(next_on=timezone.localdate() - timedelta(days=1))
    assert send() == []


# --- Queue --------------------------------------------------------------------------------------------


def test_notices_are_pulled_oldest_first_and_each_once() -> None:
    mandate = begun()
    for about, days in (("late", 3), ("early", 1), ("middle", 2)):
        Notice.objects.create(
            mandate=mandate, kind=NoticeKind.MANDATE_CHANGED, about=about, at=NOW - timedelta(days=days)
        )
    assert notices.queue_due(limit=2) == 2
    told = OutgoingMail.objects.order_by("pk").values_list("notice__about", flat=True)
    assert list(told) == ["late", "middle"]
    assert (notices.queue_due(), notices.queue_due()) == (1, 0)
    assert set(OutgoingMail.objects.values_list("kind", flat=True)) == {MailKind.NOTICE}


@pytest.mark.django_db(transaction=True)
def test_workers_that_pull_at_once_queue_each_notice_once() -> None:
    mandate = begun()
    Notice.objects.bulk_create(
        Notice(mandate=mandate, kind=NoticeKind.MANDATE_CHANGED, about=f"c{number}") for number in range(60)
    )

    def pull(_worker: int) -> None:
        try:
            while notices.queue_due(limit=7):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(pull, range(6)))
    notices.queue_due()
    assert OutgoingMail.objects.count() == 60
    assert not notices.unsent().exists()
    connection.close()


def test_an_outage_of_the_mail_server_delays_a_notice_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    say(begun(), NoticeKind.MANDATE_CHANGED)
    working = EmailBackend.send_messages

    def broken(self: EmailBackend, messages: list[EmailMultiAlternatives]) -> int:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(EmailBackend, "send_messages", broken)
    assert send() == []
    monkeypatch.setattr(EmailBackend, "send_messages", working)
    OutgoingMail.objects.update(next_attempt_at=NOW)
    assert delivery.send_due() == 1
    assert (OutgoingMail.objects.get().state, OutgoingMail.objects.get().attempts) == (MailState.SENT, 2)


def test_a_notice_that_nobody_mails_for_a_day_is_a_fault() -> None:
    say(begun(), NoticeKind.MANDATE_CHANGED)
    name = "notices without a mail for over a day"
    assert name not in [check.name for check in audit.checks() if not check.ok]
    Notice.objects.update(at=timezone.now() - timedelta(days=2))
    assert name in [check.name for check in audit.checks() if not check.ok]
    send()
    assert name not in [check.name for check in audit.checks() if not check.ok]


def test_the_desk_sees_notices_among_the_mails() -> None:
    mandate = begun()
    say(mandate, NoticeKind.MANDATE_CHANGED)
    donation: Donation = factories.received_donation()[0]
    receipt = receipts.issue_receipt(donation)
    send()
    client = staff.everywhere("finance")
    shown = client.get("/admin/receipts/outgoingmail/").content.decode()
    assert mandate.reference in shown
    assert "amount or day changed" in shown
    assert receipt.number in shown
    found = client.get("/admin/receipts/outgoingmail/", {"q": str(mandate.uuid)}).content.decode()
    assert mandate.reference in found
    assert receipt.number not in found
