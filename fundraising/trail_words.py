"""Every verb of the trail, and how its page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

# What was done, as `noun_participle`: `trail.record` takes no other. Lines are never rewritten, so neither are these.
VERBS: Final[dict[str, StrPromise]] = {
    # Staff
    "signed_in": _("signed in"),
    "sign_in_reset": _("sign-in reset"),
    "role_given": _("role given"),
    "role_taken": _("role taken away"),
    # The administration
    "row_added": _("row added"),
    "row_changed": _("row changed"),
    "row_deleted": _("row deleted"),
    # Donors and donations
    "donors_searched": _("donors searched for"),
    "donor_corrected": _("donor corrected"),
    "donation_noted": _("note written on a donation"),
    "tax_details_changed": _("details for tax receipts changed"),
    "donor_erased": _("donor erased"),
    "sealed_paper_opened": _("sealed paper opened"),
    "sealed_paper_emptied": _("sealed paper emptied"),
    "donation_recorded": _("donation recorded"),
    "announced_amount_replaced": _("announced amount replaced by what came"),
    "cheque_bounced": _("cheque returned unpaid"),
    "refund_wanted": _("refund asked for"),
    "mandate_end_asked": _("end of a mandate asked for"),
    "comment_shown": _("comment shown"),
    "comment_hidden": _("comment hidden"),
    "evidence_made": _("evidence pack made"),
    # Receipts and mail
    "receipt_tried_again": _("receipt tried again"),
    "receipt_replaced": _("receipt replaced"),
    "papers_printed": _("papers put into a batch to print"),
    "annual_run_asked": _("papers of a year asked for"),
    "mail_sent_again": _("mail sent again"),
    # Reports
    "report_drafted": _("report drafted"),
    "report_changed": _("report changed"),
    "report_asked": _("report issued"),
    "report_masked": _("report issued again, masked"),
    "report_unmasked_read": _("sealed edition of a report read"),
    "report_dropped": _("draft of a report dropped"),
    "situation_written": _("situation written into a report"),
    "situation_dropped": _("situation taken out of a report"),
    "iati_publisher_set": _("identifier for IATI set"),
    "iati_prepared": _("IATI file prepared"),
    "iati_asked": _("IATI file asked to be published"),
    "iati_turned_on": _("IATI file published"),
    "iati_turned_off": _("IATI file no longer published"),
    # What papers say
    "regime_chosen": _("regime of papers chosen"),
    "regime_changed": _("regime of papers changed"),
    "letterhead_set": _("letterhead set"),
    "wording_written": _("wording of a paper written"),
    "advantage_noted": _("what a donor got in return noted"),
    "declaration_asked": _("Gift Aid declaration asked for"),
    "declaration_recorded": _("Gift Aid declaration recorded"),
    "declaration_cancelled": _("Gift Aid declaration cancelled"),
    "declaration_emptied": _("Gift Aid declaration emptied"),
    "gift_aid_claimed": _("Gift Aid claim made"),
    "gift_aid_claim_fetched": _("Gift Aid claim fetched"),
    # The bank
    "bank_account_opened": _("bank account added"),
    "bank_account_changed": _("bank account changed"),
    "bank_columns_set": _("columns of the bank set"),
    "statement_imported": _("statement imported"),
    "statement_rolled_back": _("statement rolled back"),
    "statement_uploaded": _("statement uploaded"),
    "upload_cancelled": _("upload of a statement cancelled"),
    "lines_told_apart": _("bank lines said to be lines of their own"),
    "lines_told_same": _("bank lines said to be the same"),
    "lines_decision_undone": _("decision about alike bank lines undone"),
    "line_matched": _("bank line matched"),
    "match_undone": _("match undone"),
    # The payment provider
    "events_replayed": _("events handled again"),
    "payout_itemised": _("lines of a payout read again"),
    "payouts_compared": _("payouts compared"),
    # Breaks
    "break_assigned": _("break assigned"),
    "break_commented": _("break commented on"),
    "break_proposed": _("resolution of a break proposed"),
    "break_rejected": _("resolution of a break sent back"),
    "break_claimed": _("provider asked about a break"),
    "break_failed": _("resolution of a break failed"),
    "break_approved": _("resolution of a break approved"),
    "break_resolved": _("break resolved"),
    "break_reopened": _("break opened again"),
    # The life of an appeal
    "appeal_opened": _("appeal opened"),
    "appeal_closing": _("appeal began to close"),
    "appeal_closed": _("appeal closed"),
    "appeal_resolved": _("all that was left of an appeal passed on"),
    "appeal_archived": _("appeal archived"),
    "appeal_reopened": _("appeal opened again"),
    "appeal_stepped_back": _("appeal taken a step back"),
    "round_opened": _("round opened"),
    "round_closed": _("round closed"),
    "goal_set": _("goal set"),
    # The money trail
    "budget_set": _("budget set"),
    "overhead_policy_drafted": _("higher share of administrative costs drafted"),
    "overhead_policy_rejected": _("higher share of administrative costs rejected"),
    "overhead_policy_stated": _("share of administrative costs stated"),
    "step_drafted": _("step of the money drafted"),
    "step_booked": _("step of the money booked"),
    "step_approved": _("step of the money approved"),
    "step_rejected": _("step of the money rejected"),
    "step_withdrawn": _("step of the money withdrawn"),
    "partner_added": _("partner added"),
    "partner_changed": _("partner changed"),
    "partner_masked": _("partner masked in all that was published"),
    "partner_read": _("sealed details of a partner read"),
    "partner_key_added": _("key of a partner added"),
    "partner_key_revoked": _("key of a partner revoked"),
    "seal_drafted": _("seal drafted"),
    "seal_signed": _("signature of a partner taken"),
    "seal_published": _("seal published"),
    "seal_ended": _("seal ended"),
    # The books
    "journal_entry_drafted": _("manual entry drafted"),
    "journal_entry_approved": _("manual entry approved"),
    "journal_entry_rejected": _("manual entry rejected"),
    "account_numbered": _("account numbered"),
    "foreign_money_revalued": _("foreign money revalued"),
    "books_closed": _("books closed"),
    "books_closed_for_good": _("books closed for good"),
    "books_reopened": _("books opened again"),
    "export_asked": _("export asked for"),
    "export_fetched": _("export fetched"),
    "export_streamed": _("export downloaded at once"),
}


def in_words(verb: str) -> str:
    """The verb as people read it; one that is no longer written, as it stands in its line."""
    return str(VERBS.get(verb, verb))
