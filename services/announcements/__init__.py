"""Announcements: made and changed, seen by their readers, sent on other channels."""
