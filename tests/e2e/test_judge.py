#!/usr/bin/python3
"""Unit tests of the judge: one with a real PostgreSQL when there is one, the rest without."""

import glob
import io
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import judge  # noqa: E402

LEDGER = pathlib.Path(__file__).parent.parent / "app" / "ledger.sql"


def record(pod="app-1", nonce="aaaa", acked=((1, 3),), **more):
    count = sum(high - low + 1 for low, high in acked)
    return {
        "pod": pod,
        "nonce": nonce,
        "acked": [list(r) for r in acked],
        "intended": count,
        "achieved": count,
        "failed": 0,
        "unknown": 0,
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 4.0},
        "latency_buckets_us": [[1000, count]],
        **more,
    }


def ids(*seqs, pod="app-1", nonce="aaaa"):
    return [f"{pod}-{nonce}-{seq}" for seq in seqs]


class FakeCursor:
    def __init__(self, rows):
        self.rows = [(row,) for row in rows]

    def execute(self, _):
        pass

    def fetchmany(self, size):
        part, self.rows = self.rows[:size], self.rows[size:]
        return part


class JudgeTest(unittest.TestCase):
    def verdict(self, rows, records):
        return judge.judge(FakeCursor(rows), records)

    def test_all_there(self):
        verdict = self.verdict(ids(1, 2, 3), [record()])
        self.assertTrue(verdict["ok"])
        self.assertEqual((verdict["acknowledged"], verdict["rows"]), (3, 3))
        self.assertEqual((verdict["lost"], verdict["doubled"], verdict["unacknowledged"]), (0, 0, 0))

    def test_lost(self):
        verdict = self.verdict(ids(1, 3), [record()])
        self.assertEqual((verdict["ok"], verdict["lost"]), (False, 1))
        self.assertEqual(verdict["lost_ids"], ids(2))

    def test_doubled_even_if_never_acknowledged(self):
        verdict = self.verdict(ids(1, 2, 3, 9, 9), [record()])
        self.assertEqual((verdict["ok"], verdict["lost"], verdict["doubled"]), (False, 0, 1))
        self.assertEqual(verdict["doubled_ids"], ids(9))

    def test_an_unacknowledged_row_is_no_fault(self):
        verdict = self.verdict(ids(1, 2, 3, 4), [record(unknown=1)])
        self.assertTrue(verdict["ok"])
        self.assertEqual((verdict["unacknowledged"], verdict["unknown"]), (1, 1))

    def test_the_same_seq_of_two_incarnations_is_two_ids(self):
        rows = ids(1, 2, 3) + ids(1, 2, 3, nonce="bbbb")
        verdict = self.verdict(rows, [record(), record(nonce="bbbb")])
        self.assertTrue(verdict["ok"])
        self.assertEqual(verdict["acknowledged"], 6)

    def test_a_live_answer_replaces_the_older_file_and_keeps_its_buckets(self):
        live = record(acked=((1, 4),))
        del live["latency_buckets_us"]
        verdict = self.verdict(ids(1, 2, 3), [record(), live])
        self.assertEqual((verdict["acknowledged"], verdict["lost"], verdict["p50"]), (4, 1, 1.0))
        verdict = self.verdict(ids(1, 2, 3), [live, record()])
        self.assertEqual((verdict["acknowledged"], verdict["lost"]), (4, 1))

    def test_too_slow_is_invalid(self):
        self.assertFalse(judge.summarise([record(intended=100, achieved=79)])["rate_ok"])
        self.assertTrue(judge.summarise([record(intended=100, achieved=80)])["rate_ok"])
        self.assertFalse(judge.summarise([record(acked=())])["rate_ok"])

    def test_classes_are_added_up(self):
        def refused(count, first, last):
            entry = {"count": count, "first_ms": first, "last_ms": last, "message": str(last)}
            return {"refused_by_class": {"53300": entry}}

        summary = judge.summarise(
            [record(**refused(2, 10, 20)), record(nonce="b", **refused(3, 5, 15))]
        )
        self.assertEqual(
            summary["refused"], {"53300": {"count": 5, "first_ms": 5, "last_ms": 20, "message": "20"}}
        )

    def test_quantiles_of_all_instances_together(self):
        fast = record(latency_buckets_us=[[1000, 99]])
        slow = record(nonce="b", latency_buckets_us=[[9_000_000, 1]], latency_ms={"max": 8999.0})
        summary = judge.summarise([fast, slow])
        self.assertEqual((summary["p50"], summary["p99"], summary["max_ms"]), (1.0, 1.0, 8999.0))

    def test_between_two_times(self):
        timeline = {"from_s": 100, "succeeded": [4, 4, 4], "failed": [0, 1, 2],
                    "refused": [0, 0, 7], "unknown": [0, 0, 0]}
        records = [record(timeline=timeline)]
        self.assertEqual(judge.between(records, 101, 101)["failed"], 1)
        self.assertEqual(judge.between(records, 0, 200)["refused"], 7)
        self.assertEqual(judge.between(records, 0, 99)["succeeded"], 0)

    def test_slowest_between_two_times(self):
        early = record(timeline={"from_s": 100, "slowest_ms": [5, 900, 7]})
        late = record(nonce="b", timeline={"from_s": 102, "slowest_ms": [2500, 1]})
        self.assertEqual(judge.slowest_between([early, late], 0, 200), (2.5, 102))
        self.assertEqual(judge.slowest_between([early, late], 101, 101), (0.9, 101))
        self.assertEqual(judge.slowest_between([early, late], 103, 103), (0.001, 103))

    def test_two_hundred_thousand_rows(self):
        records = [record(pod=f"app-{i}", acked=((1, 2000),)) for i in range(100)]
        rows = list(judge.acknowledged_ids(records))
        del rows[123_456]
        rows.append(rows[7])
        verdict = self.verdict(rows, records)
        self.assertEqual((verdict["lost"], verdict["doubled"]), (1, 1))

    def test_without_records_there_is_no_verdict(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(judge.main(["--records", directory]), 3)


def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


def psycopg2_missing():
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        return True
    return False


@unittest.skipIf(postgres_bin() is None or psycopg2_missing(), "no PostgreSQL or psycopg2 here")
class JudgeWithPostgresTest(unittest.TestCase):
    """A server in a directory of its own, on a unix socket only."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="judge-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(cls.dir, user.pw_uid, user.pw_gid)
        cls.run_postgres("initdb", "-D", cls.dir + "/data", "-U", "postgres", "-A", "trust", "-N")
        options = f"-c listen_addresses= -c unix_socket_directories={cls.dir} -c fsync=off"
        start = ("pg_ctl", "-D", cls.dir + "/data", "-w", "-l", cls.dir + "/log", "-o", options)
        cls.addClassCleanup(cls.run_postgres, *start[:3], "-w", "-m", "immediate", "stop")
        cls.run_postgres(*start, "start")
        cls.dsn = f"host={cls.dir} user=postgres dbname=postgres"

    @classmethod
    def run_postgres(cls, program, *arguments):
        command = [os.path.join(postgres_bin(), program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd=cls.dir, stdout=subprocess.DEVNULL, timeout=60)

    def sql(self, statement, *values):
        import psycopg2

        connection = psycopg2.connect(self.dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
        connection.close()

    def setUp(self):
        self.sql("DROP TABLE IF EXISTS ledger")
        self.sql(LEDGER.read_text(encoding="utf-8"))
        self.sql("INSERT INTO ledger (id, pod, seq) "
                 "SELECT 'app-1-aaaa-' || n, 'app-1', n FROM generate_series(1, 25000) n")
        self.records = os.path.join(self.dir, "records")
        os.makedirs(self.records, exist_ok=True)
        path = pathlib.Path(self.records, "app-1-aaaa.json")
        path.write_text(json.dumps(record(acked=((1, 25_000),))), encoding="utf-8")
        pathlib.Path(self.records, "app-1-aaaa.json.new").write_text("{half", encoding="utf-8")

    def run_judge(self):
        out = io.StringIO()
        with redirect_stdout(out):
            code = judge.main(["--dsn", self.dsn, "--records", self.records])
        return code, json.loads(out.getvalue())

    def test_clean(self):
        code, verdict = self.run_judge()
        self.assertEqual((code, verdict["rows"], verdict["acknowledged"]), (0, 25_000, 25_000))

    def test_damage(self):
        self.sql("DELETE FROM ledger WHERE seq = 77")
        self.sql("INSERT INTO ledger SELECT * FROM ledger WHERE seq = 78")
        code, verdict = self.run_judge()
        self.assertEqual((code, verdict["lost_ids"], verdict["doubled_ids"]),
                         (1, ["app-1-aaaa-77"], ["app-1-aaaa-78"]))


if __name__ == "__main__":
    unittest.main()
