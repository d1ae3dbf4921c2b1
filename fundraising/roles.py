"""What each role may do. The only table of rights; fundraising/desk/access.py enforces it on every page of the desk."""

from __future__ import annotations

from enum import StrEnum

from .models import Role


class May(StrEnum):
    """One thing that a person may do for a legal entity."""

    READ_BOOKS = "read_books"  # money pages, breaks, payouts, bank lines without names
    READ_DONORS = "read_donors"  # names, addresses, what donors wrote
    EDIT_CAMPAIGNS = "edit_campaigns"
    MODERATE = "moderate"  # which comments the pages show
    RECORD_DONATIONS = "record_donations"  # cheques, cash, in kind
    MATCH_BANK = "match_bank"  # import statements, match and undo
    WORK_BREAKS = "work_breaks"
    REFUND = "refund"
    WRITE_JOURNAL = "write_journal"
    SPEND = "spend"  # budgets, allocations, commitments, disbursements, what partners report
    READ_PARTNERS = "read_partners"  # real names, contacts and accounts of partners at risk
    APPROVE = "approve"  # journal entries, breaks and steps of the money of others
    CLOSE_BOOKS = "close_books"
    EXPORT = "export"
    RESEND = "resend"  # receipts and mails
    READ_TRAIL = "read_trail"
    MANAGE_STAFF = "manage_staff"
    MANAGE_PAPERS = "manage_papers"  # regimes, letterhead and wordings of receipts
    GIFT_AID = "gift_aid"  # record declarations, make and fetch claims
    ERASE = "erase"  # a donor, at their own request
    OPEN_SEALED = "open_sealed"  # papers of erased donors, for a legal demand


_FINANCE = {
    May.READ_BOOKS, May.READ_DONORS, May.RECORD_DONATIONS, May.MATCH_BANK, May.WORK_BREAKS, May.REFUND,
    May.WRITE_JOURNAL, May.EXPORT, May.RESEND, May.GIFT_AID, May.SPEND, May.READ_PARTNERS,
}  # fmt: skip
RIGHTS: dict[Role, frozenset[May]] = {
    Role.CAMPAIGNER: frozenset({May.EDIT_CAMPAIGNS, May.MODERATE}),
    Role.DONOR_CARE: frozenset(
        {May.READ_DONORS, May.MODERATE, May.RECORD_DONATIONS, May.REFUND, May.RESEND, May.ERASE}
    ),
    Role.FINANCE: frozenset(_FINANCE),
    Role.APPROVER: frozenset(_FINANCE | {May.APPROVE, May.CLOSE_BOOKS, May.MANAGE_PAPERS, May.ERASE, May.OPEN_SEALED}),
    Role.AUDITOR: frozenset({May.READ_BOOKS, May.READ_TRAIL, May.EXPORT}),
    Role.ADMIN: frozenset({May.EDIT_CAMPAIGNS, May.MANAGE_STAFF, May.MANAGE_PAPERS, May.READ_TRAIL, May.EXPORT}),
}
