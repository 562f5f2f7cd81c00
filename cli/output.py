"""How the command line shows things: aligned text for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

MARKS = {
    "delivered": "✔", "sent": "✔", "scheduled": "◷", "accepted": "…", "processing": "…",
    "failed": "✘", "cancelled": "■", "skipped": "–", "expired": "–", "digested": "≡",
}  # fmt: skip


def as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def clock(text: str) -> str:
    """`2026-12-01T09:00:00.123+00:00` → `09:00:00.123` in this machine's zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S.%f")[:-3]


def headline(notification: Mapping[str, Any]) -> str:
    """One line on one notification."""
    mark = MARKS.get(notification["status"], " ")
    until = f" until {notification['until']}" if notification.get("until") else ""
    reason = f" ({notification['reason']})" if notification.get("reason") else ""
    channels = ", ".join(notification["channels"])
    return (
        f"{mark} {notification['id']}  {notification['type']} → {channels}: "
        f"{notification['status']}{until}{reason}"
    )


def timeline(explanation: Mapping[str, Any]) -> Sequence[str]:
    """The story of one notification, a line per step."""
    lines = [explanation["summary"]]
    for plan in explanation["plans"]:
        lines.append(
            f"  {clock(plan['at'])}  plan ({plan['trigger']}): {plan['outcome']}"
            + (f" until {plan['until']}" if plan["until"] else "")
        )
        lines += _gates(plan["gates"])
    for entry in explanation["timeline"]:
        where = f" {entry['channel']}" if entry["channel"] else ""
        detail = entry["detail"]
        shown = ", ".join(
            f"{name} {detail[name]}"
            for name in ("provider", "providerMessageId", "reason", "code", "attempt")
            if detail.get(name) not in (None, "")
        )
        lines.append(f"  {clock(entry['at'])}  {entry['event']}{where}  {shown}".rstrip())
    return lines


def recipient_story(explanation: Mapping[str, Any]) -> Sequence[str]:
    """The story of one recipient of a campaign, a block for each channel."""
    lines = [explanation["summary"]]
    for line in explanation["lines"]:
        lines.append(f"{MARKS.get(line['status'], '…')} {line['channel']}: {line['status']}")
        for entry in line["timeline"]:
            at = clock(entry["at"]) if entry["at"] else ""
            shown = ", ".join(f"{name} {value}" for name, value in entry["detail"].items())
            lines.append(f"  {at:<12}  {entry['event']}  {shown}".rstrip())
        if line["now"]:
            lines.append(f"  if it were its turn now: {line['now']['summary']}")
            lines += _gates(line["now"]["gates"])
        if line["notificationId"]:
            lines.append(f"  more: ./herald explain {line['notificationId']}")
    return lines


def _gates(gates: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Those that did not just let it through."""
    lines = []
    for gate in gates:
        if gate["outcome"] != "allow":
            where = f" on {gate['channel']}" if gate["channel"] else ""
            lines.append(f"      {gate['gate']}{where}: {gate['outcome']}, {gate['reason']}")
    return lines
