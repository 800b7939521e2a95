#!/usr/bin/python3
"""Replica counts as a HorizontalPodAutoscaler would have set them, for 90 days in steps of a minute.

    generate.py wave|noise > FILE.csv

`wave`: load with a daily and a weekly rhythm, from 4 to 140 instances. `noise`: the same with
log-normal noise that lasts for minutes, and a rolling update twice a working day, during which a
quarter more instances exist. The autoscaler follows load upwards at once, and downwards with the
highest wish of the last 300 s, as its default behaviour has it. Only changes are written. The same
seed gives the same file.
"""

import collections
import datetime
import math
import random
import sys

DAYS, LEAST, MOST, SEED = 90, 4, 140, 7
START = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)  # a Monday
STABILIZATION_MIN = 5
DEPLOY_MIN = 4


def wave(minute):
    """Load between 0 and 1: little at night, most in the early afternoon, less at the weekend."""
    day, hour = divmod(minute / 60, 24)
    daily = (1 - math.cos(2 * math.pi * (hour - 2) / 24)) / 2
    weekly = 0.55 if day % 7 >= 5 else 1.0
    return daily ** 1.5 * weekly


def wishes(noisy):
    dice, drift, deploy_until = random.Random(SEED), 0.0, 0
    for minute in range(DAYS * 24 * 60):
        load = wave(minute)
        if noisy:
            drift = 0.9 * drift + dice.gauss(0, 0.05)
            load *= math.exp(drift)
        count = min(MOST, max(LEAST, math.ceil(LEAST + load * (MOST - LEAST))))
        working_hour = minute // (24 * 60) % 7 < 5 and minute // 60 % 24 in (10, 15)
        if noisy and working_hour and minute % 60 == 0:
            deploy_until = minute + DEPLOY_MIN
        yield minute, count, math.ceil(count * 0.25) if minute < deploy_until else 0


def main(kind):
    recent, before = collections.deque(maxlen=STABILIZATION_MIN), None
    print("time,api")
    for minute, wish, surge in wishes(kind == "noise"):
        recent.append(wish)
        count = min(MOST, max(recent) + surge)
        last = minute == DAYS * 24 * 60 - 1
        if count != before or last:
            print(f"{int(START.timestamp()) + minute * 60},{count}")
            before = count


if __name__ == "__main__":
    main(sys.argv[1])
