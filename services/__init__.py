"""Use cases. Each owns one transaction at a time and speaks to ports only."""
