"""with_sqlalchemy.py DIALECT KEY LABEL: visits the database that the variable KEY leads to, with a
pool of the size that the binding asks for."""

import os
import sys

import sqlalchemy

import binding

ROUNDS = 8


def where(dialect, key):
    if not binding.has_parts(key):
        return sqlalchemy.make_url(os.environ[key]).set(drivername=dialect)
    parts = binding.parts(key)
    return sqlalchemy.URL.create(dialect, parts["user"], parts["password"], parts["host"],
                                 parts["port"], parts["dbname"])


def main(dialect, key, label):
    engine = sqlalchemy.create_engine(
        where(dialect, key), pool_size=binding.pool_size(), max_overflow=0,
        connect_args={"connect_timeout": binding.connect_timeout()})
    for number in range(ROUNDS):
        with engine.begin() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT CAST(:n AS int) + 1"),
                                     {"n": number}) == number + 1
    with engine.begin() as connection:
        client = connection.scalar(
            sqlalchemy.text("INSERT INTO visits (label) VALUES (:label)"
                            " RETURNING host(inet_client_addr())"), {"label": label})
    print("ok", client, f"limit={engine.pool.size()}")


main(*sys.argv[1:])
