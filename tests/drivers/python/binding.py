"""What a pod gets with envFrom, for drivers that want the parts: KEY is a key with a string, or
`host` or `pgbouncer-host`, which stand for themselves, their port and the rest."""

import os


def has_parts(key):
    return key.endswith("host")


def parts(key):
    """host, port, dbname, user and password, as libpq names them."""
    prefix = key.removesuffix("host")
    return {
        "host": os.environ[key],
        "port": int(os.environ[prefix + "port"]),
        "dbname": os.environ["database"],
        "user": os.environ["username"],
        "password": os.environ["password"],
    }


def connect_timeout():
    return int(os.environ["connect-timeout"])


def pool_size():
    return int(os.environ["pool-size"])
