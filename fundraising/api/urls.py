"""Addresses of the reading API, under /api/v1/."""

from django.urls import path

from . import views

urlpatterns = [
    path("campaigns/", views.CampaignList.as_view(), name="api-campaigns"),
    path("campaigns/<slug:slug>/", views.CampaignDetail.as_view(), name="api-campaign"),
    path("appeals/<slug:slug>/", views.AppealDetail.as_view(), name="api-appeal"),
    path("totals/<uuid:uuid>/", views.AppealTotal.as_view(), name="api-total"),
]
