"""Fund-allocation reports of an appeal: drafted by staff, made from the ledger by a worker, kept as issued.

`reading.py` takes the figures from the books, `showing.py` lays them out as tables in a language, `writing.py` makes
files of these tables, `work.py` has the verbs. Page, PDF, CSV and XLSX show the same tables, so they cannot differ.
"""
