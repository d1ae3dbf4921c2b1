"""The payments' tables, by noun."""

from .accounts import StripeAccount, WebhookSecret
from .disputes import Dispute, FraudRefundLimit, FraudWarning
from .inbox import EventState, InboxEvent
from .payments import ENDED, SESSION_LIFE, Payment, PaymentState, Surface, first_look_up
from .payouts import Payout
from .refunds import REFUND_OPEN, RefundReason, RefundRequest, RefundState
from .settlement import BalanceTransaction, SyncCursor
from .subscriptions import CHANGE_OPEN, ChangeKind, ChangeState, MandateChange, SecondSubscription, Subscription

__all__ = [
    "CHANGE_OPEN",
    "ENDED",
    "REFUND_OPEN",
    "SESSION_LIFE",
    "BalanceTransaction",
    "ChangeKind",
    "ChangeState",
    "Dispute",
    "EventState",
    "FraudRefundLimit",
    "FraudWarning",
    "InboxEvent",
    "MandateChange",
    "Payment",
    "PaymentState",
    "Payout",
    "RefundReason",
    "RefundRequest",
    "RefundState",
    "SecondSubscription",
    "StripeAccount",
    "Subscription",
    "Surface",
    "SyncCursor",
    "WebhookSecret",
    "first_look_up",
]
