"""Attempts: how often somebody did something lately. Who it was is a blind index; rows go when their time is over."""

from __future__ import annotations

from django.db import models


class Attempts(models.Model):
    """Attempts of one kind by one client within one stretch of time; written by fundraising/throttle.py alone."""

    key = models.CharField(primary_key=True, max_length=64, help_text="Blind index of kind, client and stretch.")
    number = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "attempts"
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{self.number} until {self.ends_at:%H:%M}"
