"""PostgreSQL and Valkey behind the domain's ports: SQL, encryption, quotas, the live bus."""
