"""Users, and what is theirs: preferences, consents, subscriptions, devices, the inbox."""
