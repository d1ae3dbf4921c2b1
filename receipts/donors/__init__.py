"""Donors and their papers: their own pages and the links to them, their tax details, and papers of erased donors."""
