"""One file per vendor, each behind the same port; the registry says which serves a channel."""
