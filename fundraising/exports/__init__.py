"""Exports: one definition per table, written as CSV, XLSX or what an accounting package takes.

`table.py` is what a table is, `csv_file.py`, `xlsx_file.py` and `datev.py` write one, `packages.py` lays the journal
out for accounting packages, `kinds.py` knows every export, `work.py` has the verbs. Other apps register theirs with
`kinds.register`, in the `ready` of their AppConfig.
"""
