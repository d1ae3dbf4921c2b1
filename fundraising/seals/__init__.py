"""Seals: what partners sign, so that anybody can tell an appeal that they stand behind from others (ADR 245)."""
