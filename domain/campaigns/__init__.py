"""Campaigns: one message to many, their accounts, and what becomes of each recipient."""
