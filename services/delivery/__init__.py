"""Bringing one notification out on one channel, with a ledger line around every provider call."""
