"""dj-stripe's webhook endpoint, and an address that tells that the server is up."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("stripe/", include("djstripe.urls", namespace="djstripe")),
    path("up", lambda _request: HttpResponse("up")),
]
