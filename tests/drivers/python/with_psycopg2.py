"""with_psycopg2.py KEY LABEL: visits the database that the variable KEY leads to."""

import os
import sys

import psycopg2

import binding

ROUNDS = 8


def main(key, label):
    where = binding.parts(key) if binding.has_parts(key) else {"dsn": os.environ[key]}
    connection = psycopg2.connect(connect_timeout=binding.connect_timeout(), **where)
    # It has no prepared statements of its own, and one of SQL lasts only as long as its transaction.
    with connection, connection.cursor() as cursor:
        cursor.execute("PREPARE sum (int) AS SELECT $1 + 1")
        for number in range(ROUNDS):
            cursor.execute("EXECUTE sum (%s)", (number,))
            assert cursor.fetchone() == (number + 1,)
        cursor.execute("DEALLOCATE sum")
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO visits (label) VALUES (%s)"
                       " RETURNING host(inet_client_addr())", (label,))
        client, = cursor.fetchone()
    connection.close()
    print("ok", client)


main(*sys.argv[1:])
