"""The tables of the paper, by noun."""

from .advantages import Advantage
from .gift_aid import Declaration, GiftAidClaim, GiftAidRow, Scope, Way
from .iati import IatiActivity, IatiPublisher, IatiSector, IatiState
from .issuers import ImageType, IssuerRegime, Letterhead, Wording
from .mail import LINKS, UNDELIVERED, MailEvent, MailKind, MailState, OutgoingMail, new_message_id
from .papers import Document, EndReason, Kind, Receipt, ReceiptLine, ReceiptState, Refusal, Series
from .printing import PrintBatch, PrintedReceipt
from .reports import FundReport, ReportDocument, ReportFormat, ReportNote, ReportState, SealedEdition
from .runs import AnnualRun, RunState, YearRefusal
from .sealing import SealedPaper
from .situations import Counted, CountedOver, PeopleAssisted, Situation, SituationText

__all__ = [
    "LINKS",
    "UNDELIVERED",
    "Advantage",
    "AnnualRun",
    "Counted",
    "CountedOver",
    "Declaration",
    "Document",
    "EndReason",
    "FundReport",
    "GiftAidClaim",
    "GiftAidRow",
    "IatiActivity",
    "IatiPublisher",
    "IatiSector",
    "IatiState",
    "ImageType",
    "IssuerRegime",
    "Kind",
    "Letterhead",
    "MailEvent",
    "MailKind",
    "MailState",
    "OutgoingMail",
    "PeopleAssisted",
    "PrintBatch",
    "PrintedReceipt",
    "Receipt",
    "ReceiptLine",
    "ReceiptState",
    "Refusal",
    "ReportDocument",
    "ReportFormat",
    "ReportNote",
    "ReportState",
    "RunState",
    "Scope",
    "SealedEdition",
    "SealedPaper",
    "Series",
    "Situation",
    "SituationText",
    "Way",
    "Wording",
    "YearRefusal",
    "new_message_id",
]
