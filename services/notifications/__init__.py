"""Notifications from their acceptance to the start of their deliveries: planned, changed,
cancelled, explained.
"""
