"""Whom a campaign or an announcement is for. Pure."""
