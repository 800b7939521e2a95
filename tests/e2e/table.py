"""The table that grows while the operator works."""

import collections
import shutil
import time

HEADS = (
    ("time", 6), ("instances", 9), ("target", 6), ("max_connections", 15), ("route", 6),
    ("caps", 11), ("direct", 6), ("pooled", 6), ("succeeded", 9), ("failed", 6), ("refused", 7),
)
EVERY_S = 2.0
LEAST_S = 1.0  # caps may grow many times a second


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def caps_text(poolers):
    """2 × 75: two pods that serve; 1 × ?: one that is starting; (+1): and one that is leaving."""
    serving = collections.Counter(one.cap or 0 for one in poolers if not one.terminating)
    leaving = sum(1 for one in poolers if one.terminating)
    text = "+".join(f"{count} × {cap or '?'}" for cap, count in sorted(serving.items()))
    return (text + (f" (+{leaving})" if leaving else "")) or "-"


class Table:
    """One row at each change of what matters, and every two seconds while something moves."""

    def __init__(self, started_at):
        self._started_at = started_at
        self._width = max(120, shutil.get_terminal_size((180, 24)).columns)
        self._last_key = self._last_detail = None
        self._last_at = 0.0

    def head(self):
        cells = [name.rjust(width) for name, width in HEADS]
        print("  ".join(cells) + "  step", flush=True)

    def show(self, instances, look, status, totals, moving=True):
        """Prints a row when there is reason to."""
        step = status.get("step") or {}
        target = status.get("recommended", {}).get("maxConnections", "-")
        value = look.state.max_connections if look.state else "down"
        route = status.get("route", "-")
        caps = caps_text(look.poolers)
        if not self._due((instances, target, value, route), (caps, step.get("name")), moving):
            return
        cells = (
            minutes(look.at - self._started_at), instances, target, value, route,
            caps, look.state.direct if look.state else "-",
            look.pooled if look.state else "-", totals["succeeded"], totals["failed"],
            totals["refused"],
        )
        row = "  ".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, HEADS))
        what = step.get("name", "at rest")
        if step.get("message"):
            what += f": {step['message']}"
        print(f"{row}  {what}"[: self._width], flush=True)

    def _due(self, key, detail, moving):
        now = time.monotonic()
        passed = now - self._last_at
        changed = key != self._last_key or (detail != self._last_detail and passed >= LEAST_S)
        if not changed and not (moving and passed >= EVERY_S):
            return False
        self._last_key, self._last_detail, self._last_at = key, detail, now
        return True
