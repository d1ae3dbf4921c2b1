"""The books' tables, by noun."""

from .campaigns import (
    Appeal,
    AppealState,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    DonationPage,
    Goal,
    PageCurrency,
    Round,
    RoundText,
)
from .donations import Donation, DonationState, PublicName
from .donors import Donor
from .entities import EntityText, FeeCover, Fund, LegalEntity, TaxStatus
from .ledger import BROUGHT, Account, Checkpoint, Entry, ExchangeRate, Fold, Posting, Purpose, Tally, TallyCheckpoint

__all__ = [
    "BROUGHT",
    "Account",
    "Appeal",
    "AppealState",
    "AppealWording",
    "Campaign",
    "CampaignText",
    "CampaignUpdate",
    "Checkpoint",
    "Donation",
    "DonationPage",
    "DonationState",
    "Donor",
    "EntityText",
    "Entry",
    "ExchangeRate",
    "FeeCover",
    "Fold",
    "Fund",
    "Goal",
    "LegalEntity",
    "PageCurrency",
    "Posting",
    "PublicName",
    "Purpose",
    "Round",
    "RoundText",
    "Tally",
    "TallyCheckpoint",
    "TaxStatus",
]
