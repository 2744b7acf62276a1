# SPDX-License-Identifier: ISC
"""strict.py - what strict_bare, strict_pipelining and strict_lines take and count, and from which listeners."""
import re

from smtp import Line, plain
from suite import Suite

U1 = "u1@example.test"
WHAT = ("bare", "pipelining", "lines")
KINDS = ("smtp", "submission", "lmtp")
# what holds where nothing is set
DEFAULT = {("pipelining", "submission"), ("pipelining", "lmtp"), *(("lines", kind) for kind in KINDS)}
REFUSALS = {"bare": "554 5.6.0", "pipelining": "554 5.5.0", "lines": "554 5.6.0"}
TEXTS = {"bare": b"a\nb", "lines": b"x" * 999}


def told(s):
    """{what: (lines of the log, the metric)}"""
    text, log = s.merpati("metrics", "--openmetrics", "smtpd").stdout, s.log()
    count = dict(re.findall(r'^merpati_smtpd_not_refused_total\{what="(\w+)"\} (\d+)', text, re.M))
    return {what: (len(re.findall(rf"event=not_refused .*client=127\.0\.0\.1 what={what}$", log, re.M)), int(count.get(what, 0))) for what in WHAT}


def conversation(s, kind, what, times):
    """The replies to what is wrong, so many times, each as good as the one before."""
    c = Line(s, kind)
    hello = "LHLO client.test" if kind == "lmtp" else "EHLO client.test"
    replies = []
    if what == "pipelining":
        for first in (hello, "NOOP")[:times]:
            c.say(f"{first}\r\nRSET\r\n".encode())
            replies.append(c.reply())
            if replies[-1].startswith("250"):
                replies[-1] = c.reply()
    else:
        c.ask(hello, *([plain(U1, "pass")] if kind == "submission" else []))
        for _ in range(times):
            c.ask(f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA")
            c.say(b"Subject: x\r\n\r\n" + TEXTS[what] + b"\r\n.\r\n")
            replies.append(c.reply())
    c.close()
    return replies


def holds(t, s, counted, name):
    """Of each listener: what is counted has one line in the log of a conversation, and the rest is refused."""
    for kind in KINDS:
        for what in WHAT:
            before = told(s)
            is_counted = (what, kind) in counted
            replies = conversation(s, kind, what, 2 if is_counted else 1)
            grown = {w: (now[0] - before[w][0], now[1] - before[w][1]) for w, now in told(s).items()}
            want = {w: (1, 2) if is_counted and w == what else (0, 0) for w in WHAT}
            code = "250 2." if is_counted else REFUSALS[what]
            t.check(all(r.startswith(code) for r in replies) and grown == want, f"{name}: {what} of {kind} is {'counted' if is_counted else 'refused'}",
                    f"{replies} {grown}")


def strict(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        holds(t, s, DEFAULT, "nothing is set")
    for one in KINDS:
        others = [kind for kind in KINDS if kind != one]
        for counting in ([one], others):
            # of two that are refused, one is named and one is not
            refusing = next(kind for kind in KINDS if kind not in counting)
            items = [f"{kind}=count" for kind in counting] + [f"{refusing}=refuse"]
            with Suite(**{f"smtpd__strict_{what}": items for what in WHAT}) as s:
                s.user(U1, "pass")
                s.start("queue", "deliver", "smtpd")
                holds(t, s, {(what, kind) for what in WHAT for kind in counting}, " ".join(items))
