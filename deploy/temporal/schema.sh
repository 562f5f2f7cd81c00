#!/bin/sh
# Creates and updates Temporal's two databases on the shared PostgreSQL. Safe to run again.
set -eu
tool="temporal-sql-tool --plugin postgres12_pgx --ep postgresql -p 5432 -u herald"
for name in temporal temporal_visibility; do
  folder=temporal
  [ "$name" = temporal_visibility ] && folder=visibility
  $tool --db "$name" create
  $tool --db "$name" setup-schema -v 0.0 || true
  $tool --db "$name" update-schema --schema-name "postgresql/v12/$folder"
done
