"""Appeals as activities of the IATI standard, version 2.03 (https://iatistandard.org/), for those that turn it on.

`codes.py` has the standard's codes, `transactions.py` makes them of the public figures, `activity.py` the file,
`work.py` the verbs, `pages.py` the public addresses with the exclusion policy.
"""
