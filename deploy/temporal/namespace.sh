#!/bin/sh
# Makes the namespace and its search attributes once the server answers. Safe to run again.
set -eu
until temporal operator cluster health >/dev/null 2>&1; do sleep 1; done
temporal operator namespace describe herald >/dev/null 2>&1 ||
  temporal operator namespace create herald --retention 72h
for attribute in NotificationType=Keyword Channel=KeywordList Outcome=Keyword UserHash=Keyword; do
  temporal operator search-attribute create --namespace herald \
    --name "${attribute%%=*}" --type "${attribute##*=}" || true
done
