"""with_psycopg.py KEY LABEL: visits the database that the variable KEY leads to."""

import os
import sys

import psycopg

import binding

ROUNDS = 8


def main(key, label):
    string = "" if binding.has_parts(key) else os.environ[key]
    where = binding.parts(key) if binding.has_parts(key) else {}
    with psycopg.connect(string, connect_timeout=binding.connect_timeout(), **where) as connection:
        for number in range(ROUNDS):
            # Each in a transaction of its own, so that the pooler may take another server for it.
            with connection.transaction():
                found = connection.execute("SELECT %s::int + 1", (number,), prepare=True)
                assert found.fetchone() == (number + 1,)
        with connection.transaction():
            client, = connection.execute(
                "INSERT INTO visits (label) VALUES (%s) RETURNING host(inet_client_addr())",
                (label,)).fetchone()
    print("ok", client)


main(*sys.argv[1:])
