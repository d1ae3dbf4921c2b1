"""Addresses of the desk, under /desk/<legal entity>/."""

from django.urls import URLPattern, path

from . import desk_disputes, desk_events, desk_payouts, desk_refunds

urlpatterns: list[URLPattern] = [
    path("payouts/", desk_payouts.payouts_page, name="desk-payouts"),
    path("payouts/<str:payout_id>/", desk_payouts.payout_page, name="desk-payout"),
    path("payouts/<str:payout_id>/itemise/", desk_payouts.itemise, name="desk-payout-itemise"),
    path("reconcile/", desk_payouts.reconcile, name="desk-reconcile"),
    path("disputes/", desk_disputes.disputes, name="desk-disputes"),
    path("events/", desk_events.events, name="desk-events"),
    path("events/replay/", desk_events.replay, name="desk-replay"),
    path("events/<str:event_id>/", desk_events.event_page, name="desk-event"),
    path("requests/", desk_events.requests, name="desk-requests"),
    path("donations/<uuid:uuid>/refund/", desk_refunds.refund, name="desk-refund"),
]
