"""The live inbox: open connections, what they are sent, and how they end."""
