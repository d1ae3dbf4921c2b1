"""The paper of a year: composing it, issuing it, runs for all donors, and what laws want filed."""
