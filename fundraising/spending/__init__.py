"""The money trail: what an appeal plans, promises, sends, and what partners say became of it (ADR 190)."""
