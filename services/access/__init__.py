"""Who is calling, what they may do, and whether they called before."""
