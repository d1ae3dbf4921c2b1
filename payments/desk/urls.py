"""Addresses of the desk, under /desk/<legal entity>/."""

from django.urls import URLPattern, path

from . import disputes, events, payouts, refunds

urlpatterns: list[URLPattern] = [
    path("payouts/", payouts.payouts_page, name="desk-payouts"),
    path("payouts/<str:payout_id>/", payouts.payout_page, name="desk-payout"),
    path("payouts/<str:payout_id>/itemise/", payouts.itemise, name="desk-payout-itemise"),
    path("reconcile/", payouts.reconcile, name="desk-reconcile"),
    path("disputes/", disputes.disputes, name="desk-disputes"),
    path("events/", events.events, name="desk-events"),
    path("events/replay/", events.replay, name="desk-replay"),
    path("events/<str:event_id>/", events.event_page, name="desk-event"),
    path("requests/", events.requests, name="desk-requests"),
    path("donations/<uuid:uuid>/refund/", refunds.refund, name="desk-refund"),
]
