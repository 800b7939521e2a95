"""What shall go wrong in a run: a small JSON file, a list of rules.

    {"name": "lost answer", "rules": [
      {"on": "request", "verb": "PATCH", "path": "services/shop", "nth": 2, "do": "reset",
       "when": "during"}]}

`on` is what the rule looks at, and names the fields that it may ask for; each but
`contains` is a regular expression for the whole value:

    request    verb, path   a request to the API server; path without the group and the namespace
                            ("pods/shop-db-0", "connectionpolicies/shop/status"), with "?watch" or
                            "?list" at its end when it is one of these
    event      path, event, contains   one event of a watch: its type, and text that is in it
    login      server       a session that begins; server is postgres or pooler
    statement  server, text a statement, simple or extended

`who` is the operator's name, where there are several. The rule applies from its `nth` match on,
`count` times (0: for ever), and only in `stage` of the story if that is given. A rule for requests that
`lasts` some seconds applies to all that match in that time, and when it begins, open watches that match
end. Matches are counted over all incarnations of the operator. `do` is one of

    kill       the operator, with SIGKILL
    stop       the operator, with SIGTERM; everything else goes on
    answer     `status` (an HTTP status), with Retry-After if `retry_after` is given, and a `cause`
    rewrite    `put` for what matches `find` in the request line: the API server itself answers, to a
               resourceVersion or a path that the operator did not ask for
    demote     the request is sent on as that of somebody without any rights
    down       every connection is cut, and nothing listens for `seconds`
    rotate     `what`: from now on another token is asked for, or the certificate is another
               authority's and every connection is cut; the operator's file follows after `seconds`
    steal      the Lease that the request is about gets another holder, for `seconds`
    error      `status` (a SQLSTATE)
    reset      the connection
    truncate   half of the answer, then the end of the connection
    drip       the answer in small pieces over `seconds`
    stall      for `seconds`
    drop, delay (by `seconds`), duplicate   this event
    gone       a 410 in the stream, which ends; the watch is too old until a list begins anew
    silence    of this watch: it stays open, and nothing comes any more, for `seconds` (0: for ever)
    close      the watch in the middle of this event
    meanwhile  the user changes `object` (kind/name) by the merge patch `patch` before this request
               goes on, and back by `undo` after `requests` more of them
    hold       this watch until the user's change is undone

and `when` is before (nothing was sent on), during (the answer is withheld) or after (the answer was
delivered)."""

import dataclasses
import json
import pathlib
import re
import time

ASKED = ("who", "verb", "path", "event", "contains", "server", "text")


@dataclasses.dataclass
class Rule:
    on: str
    do: str
    who: str = ""
    verb: str = ""
    path: str = ""
    event: str = ""
    contains: str = ""
    server: str = ""
    text: str = ""
    nth: int = 1
    count: int = 1
    stage: str = ""
    when: str = "before"
    status: object = None
    retry_after: int = 0
    cause: str = ""
    find: str = ""
    put: str = ""
    what: str = ""
    seconds: float = 0
    object: str = ""
    patch: object = None
    undo: object = None
    requests: int = 0
    lasts: float = 0
    matches: int = dataclasses.field(default=0, repr=False)
    until: float = dataclasses.field(default=0, repr=False)

    def asks_for(self, on, stage, facts):
        if on != self.on or (self.stage and stage != self.stage):
            return False
        return all(not getattr(self, field) or field in facts and _is(field, facts[field], self)
                   for field in ASKED)

    def applies(self, on, stage, facts, now):
        """Counts, too: to be called once for each thing that happens."""
        if not self.asks_for(on, stage, facts):
            return False
        self.matches += 1
        if self.begins():
            self.until = now + self.lasts
        if self.lasts:
            return now < self.until
        return self.matches >= self.nth and (
            self.count == 0 or self.matches < self.nth + self.count)

    def begins(self):
        """With this match, to last for a while."""
        return self.lasts > 0 and self.matches == self.nth


def _is(field, value, rule):
    wanted = getattr(rule, field)
    if field == "contains":
        return wanted.encode() in value
    return re.fullmatch(wanted, value, re.DOTALL) is not None


class Plan:
    """Asked by the proxies about everything that passes; from one thread."""

    def __init__(self, name, rules, clock=time.monotonic):
        self.name = name
        self._clock = clock
        self.rules = [Rule(**rule) for rule in rules]
        self.stage = ""
        self.fired = []

    @classmethod
    def read(cls, path):
        plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return cls(plan.get("name", pathlib.Path(path).stem), plan["rules"])

    def rule_for(self, on, **facts):
        """The first rule that applies now, or None; all of them count."""
        now = self._clock()
        applying = [rule for rule in self.rules if rule.applies(on, self.stage, facts, now)]
        if not applying:
            return None
        shown = {key: value for key, value in facts.items() if isinstance(value, str)}
        self.fired.append({"do": applying[0].do, "when": applying[0].when, "stage": self.stage,
                           **shown})
        return applying[0]
