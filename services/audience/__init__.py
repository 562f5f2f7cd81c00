"""Whom campaigns and announcements are for: previews, and uploaded lists."""
