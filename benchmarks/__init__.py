"""The published figures and their baselines. Load goes to this machine only."""
