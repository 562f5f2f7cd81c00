"""Notification types and templates: edited, and read by the hot paths."""
