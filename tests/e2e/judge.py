#!/usr/bin/python3
"""Compares what the test application was told with what the ledger holds.

Every instance of the application leaves a record (tests/app/README.md): the sequence numbers whose
COMMIT was answered, and its counters. The ledger has no unique constraint, so:

  lost     an acknowledged id that is not in the table
  doubled  an id that is in the table more than once, acknowledged or not

A row that was never acknowledged is no fault: its COMMIT was done and the answer did not arrive, or
the process died before its last record was written.

A run that reached less than 80 % of the intended transactions proves nothing and is invalid.
"""

import argparse
import collections
import json
import pathlib
import sys
import urllib.request

VALID_FROM = 0.8  # achieved / intended
SAMPLES = 20


# --- the application's side -------------------------------------------------------------------


def read_records(directory):
    """Every record in the directory, drafts left out."""
    records = []
    for path in sorted(pathlib.Path(directory).glob("*.json")):
        with open(path, encoding="utf-8") as file:
            records.append(json.load(file))
    return records


def fetch_live(base_url, timeout_s=5):
    """What a living instance answers, as a record without timeline and latency buckets."""
    record = {}
    for path in ("/stats", "/acked?from=0"):  # this order: acknowledged may only be newer
        with urllib.request.urlopen(base_url.rstrip("/") + path, timeout=timeout_s) as answer:
            record.update(json.load(answer))
    return record


def newest(records):
    """One record for each incarnation (pod, nonce): the one with the most acknowledged."""
    best = {}
    for record in records:
        key = (record["pod"], record["nonce"])
        kept = best.get(key)
        if kept is None or acknowledged_count(record) > acknowledged_count(kept):
            # A live answer has no buckets and no timeline; keep those the file had.
            best[key] = {**(kept or {}), **record}
    return list(best.values())


def acknowledged_count(record):
    return sum(high - low + 1 for low, high in record["acked"])


def acknowledged_ids(records):
    for record in records:
        prefix = f"{record['pod']}-{record['nonce']}-"
        for low, high in record["acked"]:
            for seq in range(low, high + 1):
                yield prefix + str(seq)


def add_classes(records, name):
    """Sums the counters by class; first is the earliest, last the latest of all instances."""
    total = {}
    for record in records:
        for cls, entry in record.get(name + "_by_class", {}).items():
            sum_ = total.setdefault(cls, dict(entry, count=0))
            if entry["last_ms"] > sum_["last_ms"]:
                sum_["last_ms"], sum_["message"] = entry["last_ms"], entry["message"]
            sum_["count"] += entry["count"]
            sum_["first_ms"] = min(sum_["first_ms"], entry["first_ms"])
    return total


def quantile_ms(buckets, q):
    """The upper edge of the bucket that holds the quantile; buckets: {edge in microseconds: count}."""
    rank = q * sum(buckets.values())
    seen = 0
    for edge in sorted(buckets):
        seen += buckets[edge]
        if seen >= rank:
            return edge / 1000
    return 0.0


def summarise(records):
    """The counters of all instances together, without a look at the database."""
    records = newest(records)
    buckets = collections.Counter()
    for record in records:
        for edge, count in record.get("latency_buckets_us", []):
            buckets[edge] += count
    sums = {
        name: sum(record.get(name, 0) for record in records)
        for name in ("intended", "achieved", "skipped", "abandoned", "failed", "unknown")
    }
    max_ms = max((record["latency_ms"]["max"] for record in records), default=0.0)
    return {
        "instances": len(records),
        "acknowledged": sum(acknowledged_count(record) for record in records),
        **sums,
        "failed_by_class": add_classes(records, "failed"),
        "unknown_by_class": add_classes(records, "unknown"),
        "refused": add_classes(records, "refused"),
        "rate_ok": sums["intended"] > 0 and sums["achieved"] >= VALID_FROM * sums["intended"],
        "p50": min(quantile_ms(buckets, 0.50), max_ms),
        "p99": min(quantile_ms(buckets, 0.99), max_ms),
        "max_ms": max_ms,
    }


def between(records, from_s, to_s):
    """Totals of the timelines (the last 900 s of each instance) in from_s <= second <= to_s."""
    totals = dict.fromkeys(("succeeded", "failed", "refused", "unknown"), 0)
    for record in newest(records):
        timeline = record.get("timeline")
        if not timeline:
            continue
        start = timeline["from_s"]
        for name in totals:
            series = timeline[name]
            totals[name] += sum(series[max(0, from_s - start) : max(0, to_s - start + 1)])
    return totals


def slowest_between(records, from_s, to_s):
    """(seconds, when it ended): the longest that a transaction took which succeeded then."""
    slowest = (0, from_s)
    for record in newest(records):
        timeline = record.get("timeline")
        if timeline:
            start, series = timeline["from_s"], timeline["slowest_ms"]
            first = max(0, from_s - start)
            window = series[first : max(0, to_s - start + 1)]
            slowest = max([slowest, *((took / 1000, start + first + second)
                                      for second, took in enumerate(window))])
    return slowest


# --- the database's side ----------------------------------------------------------------------


def count_rows(cursor):
    """{id: how often it is in the table}"""
    cursor.execute("SELECT id FROM ledger")
    found = collections.Counter()
    while True:
        rows = cursor.fetchmany(10_000)
        if not rows:
            return found
        found.update(row[0] for row in rows)


def judge(cursor, records):
    """The verdict. Records must have been read before: an id acknowledged later than the look at
    the table would seem lost."""
    records = newest(records)
    found = count_rows(cursor)
    lost = [id_ for id_ in acknowledged_ids(records) if id_ not in found]
    doubled = [id_ for id_, count in found.items() if count > 1]
    verdict = summarise(records)
    verdict.update(
        rows=sum(found.values()),
        unacknowledged=len(found) - (verdict["acknowledged"] - len(lost)),
        lost=len(lost),
        doubled=len(doubled),
        lost_ids=lost[:SAMPLES],
        doubled_ids=doubled[:SAMPLES],
        ok=not lost and not doubled,
    )
    return verdict


def judge_database(dsn, records):
    """As judge(), with a connection of its own; the ids come through a server-side cursor."""
    import psycopg2  # here: summarise() and between() do without

    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor(name="judge") as cursor:
            return judge(cursor, records)
    finally:
        connection.close()


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Finds lost and doubled rows. Exit code 0: none; 1: some; 2: the run reached "
        "less than 80 %% of its intended rate; 3: no record or no database."
    )
    parser.add_argument("--dsn", help="the ledger's database; without it, counters only")
    parser.add_argument("--records", help="directory of the instances' records")
    parser.add_argument("--live", nargs="*", default=[], help="base URLs of living instances")
    parser.add_argument("--from", dest="from_s", type=int, help="with --to: also the counts "
                        "between two times (seconds since 1970)")
    parser.add_argument("--to", dest="to_s", type=int)
    options = parser.parse_args(arguments)
    try:
        records = read_records(options.records) if options.records else []
        records += [fetch_live(url) for url in options.live]
        if not records:
            raise ValueError("no records")
        verdict = judge_database(options.dsn, records) if options.dsn else summarise(records)
    except Exception as error:  # whatever it is, it is no verdict
        print(f"judge: {error}", file=sys.stderr)
        return 3
    if options.from_s is not None and options.to_s is not None:
        verdict["between"] = between(records, options.from_s, options.to_s)
    print(json.dumps(verdict, indent=2))
    if not verdict.get("ok", True):
        return 1
    return 0 if verdict["rate_ok"] else 2


if __name__ == "__main__":
    sys.exit(main())
