"""The real parts on one machine, as supervised children: PostgreSQL, Valkey, Temporal."""
