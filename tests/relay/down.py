# SPDX-License-Identifier: ISC
"""down.py - groups of the relay suite: destinations that are down, slow or crowded, a clock that jumps, kills."""
import os
import signal
import smtplib
import time

from sent import QUICK, USERS, burst, reports, send, to, waits
from sink import Sink
from suite import Suite, clock_of, free_ports, wait_for


def down_for_long(t):
    """What came for a destination that is down is tried again and again, not once; both of its recipients."""
    with Sink(greeting=b"421 4.3.2 later\r\n") as k, Suite(queue__routes=[to(k)], **QUICK) as s:
        s.users(USERS)
        s.start()
        send(s, ["a@elsewhere.test", "b@elsewhere.test"], subject="n0")
        t.check(wait_for(lambda: "event=destination_down" in s.log(), 20), "a destination is down")
        for i in range(1, 4):
            send(s, ["a@elsewhere.test", "b@elsewhere.test"], subject=f"n{i}")
        begun = k.connections
        t.check(wait_for(lambda: k.connections >= begun + 6, 40), "it is tried again and again", str(k.connections))
        k.greeting = b"220 now\r\n"
        want = sorted((f"n{i}", f"{name}@elsewhere.test") for i in range(4) for name in "ab")

        def got():
            return sorted((subject, r) for subject, m in zip(k.subjects(), k.messages) for r in m.rcpts)
        t.check(wait_for(lambda: got() == want, 20), "and gets all of its mail when it is up, each once", str(got()))
        t.check(wait_for(lambda: s.queue_count() == 0, 20) and got() == want, "and nothing twice", str(got()))


def etrn(t):
    """ETRN: what waits for a domain goes at once, though its host was down and none of it is due."""
    quiet = {"queue__relay_down_first": 3000, "queue__relay_down_most": 3000, "queue__retry_first": 3000, "queue__retry_most": 3000}
    with Sink(greeting=b"421 4.3.2 later\r\n") as k, Sink() as other, \
            Suite(queue__routes=[to(k, "elsewhere.test"), to(other)], smtpd__etrn_domains=["elsewhere.test", "empty.test"], **quiet) as s:
        s.users(USERS)
        s.start()
        send(s, ["b@elsewhere.test"], subject="down")
        send(s, ["later@other.test"], subject="other")
        t.check(wait_for(lambda: "event=destination_down" in s.log() and s.log().count("event=deferred_until") == 2, 30), "two messages wait",
                s.log()[-900:])
        k.greeting = b"220 now\r\n"
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            c.ehlo()
            t.check(c.has_extn("etrn"), "ETRN is offered")
            for argument, code in (("other.test", 459), ("@elsewhere.test", 501), ("", 501), ("Elsewhere.TEST", 250), ("empty.test", 250)):
                r = c.docmd("ETRN", argument)
                t.check(r[0] == code, f"ETRN {argument}: {code}", str(r))
            t.check(wait_for(lambda: k.subjects() == ["down"], 30), "it goes at once", s.log()[-900:])
            t.check(wait_for(lambda: s.log().count("event=flush ") == 2, 15), "one domain after the other", s.log()[-900:])
            r = c.docmd("ETRN", "Elsewhere.TEST")
            t.check(r[0] == 458, "and once a minute", str(r))
        t.check(len(other.messages) == 0 and other.connections == 1, "others are not", str(other.connections))


TEN_YEARS = 3652 * 86400


def clock_jumps(t):
    """The clock jumps while much waits for a host that is down: it is not stormed, nothing is returned, and all goes when it is up."""
    with Sink(greeting=b"421 4.3.2 later\r\n") as k, Sink() as other, Suite(queue__defer_after=1) as s:
        set_clock = clock_of(s)
        s.settings.setdefault("queue", {}).update(routes=[to(k, "down.test"), to(other)], retry_first=2, retry_most=2, relay_down_first=2,
                                                  relay_down_most=2, lifetime=7200)
        s.write_conf()
        s.users(USERS)
        s.start()
        burst(s, 60, ("down.test",))
        t.check(wait_for(lambda: s.queue_count() == 60 and k.connections, 30), "60 wait", str(s.queue_count()))
        for i, (ahead, restarts, what) in enumerate(((TEN_YEARS, False, "ten years on"), (TEN_YEARS, True, "ten years on, after a restart"),
                                                     (0, False, "ten years back"), (0, True, "ten years back, after a restart"))):
            set_clock(ahead)
            if restarts:
                s.kill("queue")
                s.start("queue")
            before, begin = k.connections, time.monotonic()
            send(s, ["a@elsewhere.test"], subject=f"other{i}")
            t.check(wait_for(lambda: f"other{i}" in other.subjects(), 20), f"{what}: others get mail", s.log()[-900:])
            t.check(wait_for(lambda: k.connections >= before + 3, 30), f"{what}: it is tried again", str(k.connections - before))
            seconds = time.monotonic() - begin
            t.check(k.connections - before <= 4 + 2 * seconds, f"{what}: and not stormed", f"{k.connections - before} in {seconds:.1f} s")
        t.check(s.queue_count() == 60 and not reports(s), "nothing was returned", s.log()[-900:])
        k.greeting = b"220 now\r\n"
        t.check(wait_for(lambda: len(set(k.subjects())) == 60, 40), "and all goes when it is up", str(len(k.messages)))
        t.check(len(k.messages) == 60, "each once", str(len(k.messages)))


def crowds(t):
    """How many connections, how many messages on one, what a destination that is down does to others."""
    with Sink(connections_most=3, messages_most=7, says_bye=True) as k, Suite(**QUICK) as s:
        s.settings.setdefault("queue", {}).update(routes=[to(k)], relay_connections_first=5)
        s.write_conf()
        s.users(USERS)
        s.start()
        burst(s, 200)
        t.check(wait_for(lambda: len(set(k.subjects())) == 200, 40), "a server of 3 connections of 7 messages gets 200",
                f"{len(k.messages)} {k.connections}")
        t.check(len(k.messages) == 200, "each once", str(len(k.messages)))
    port, = free_ports(1)
    with Sink() as k, Suite(queue__relays_most=4, queue__defer_after=1, **QUICK) as s:
        s.settings.setdefault("queue", {}).update(routes=[f"down.test=smtp://[127.0.0.1]:{port}", to(k)], relay_down_first=3, relay_down_most=3)
        s.write_conf()
        s.users(USERS)
        s.start()
        burst(s, 300, ("down.test",))
        begin = time.monotonic()
        burst(s, 100, first=300)
        t.check(wait_for(lambda: len(k.messages) == 100, 20), "300 messages for one that is down are in nobody's way",
                f"{len(k.messages)} in {time.monotonic() - begin:.1f} s")
        t.check(wait_for(lambda: s.queue_count() == 300, 20), "they wait", str(s.queue_count()))
        with Sink(port=port) as other:
            t.check(wait_for(lambda: len(set(other.subjects())) == 300, 40), "and go when it is there", str(len(other.messages)))
            t.check(len(other.messages) == 300 and wait_for(lambda: s.queue_count() == 0, 20), "each once", str(len(other.messages)))
    with Sink(greeting=None) as dead, Sink() as k, Suite(queue__defer_after=1) as s:
        s.settings.setdefault("queue", {}).update(routes=[to(dead, "dead.test"), to(k)])
        s.write_conf()
        s.users(USERS)
        s.start()
        burst(s, 300, ("dead.test",))
        t.check(wait_for(lambda: dead.now, 20), "300 messages for one that says nothing: they are taken")
        burst(s, 100, first=300)
        t.check(wait_for(lambda: len(k.messages) == 100, 20), "and in nobody's way", str(len(k.messages)))
        t.check(wait_for(lambda: s.queue_count() == 300, 20), "they wait", str(s.queue_count()))
        t.check(dead.connections == dead.now <= 2, "over no more connections than one may have that never worked", str(dead.connections))
    with Sink() as k, Suite() as s:
        s.settings.setdefault("queue", {}).update(routes=[to(k)], relay_connections_most=3, relay_idle_time=1)
        s.write_conf()
        s.users(USERS)
        s.start()
        burst(s, 300)
        t.check(wait_for(lambda: len(k.messages) == 300, 30) and k.most_at_once <= 3, "no more connections than the setting says", str(k.most_at_once))
        t.check(wait_for(lambda: k.now == 0 and not s.pids("queue", "relay"), 20), "and none when nothing is left to say")


def slow(t):
    """A message that is under way for long has its file, a slow server does not hold the journal; reload and stop lose nothing."""
    with Sink() as k, Suite(queue__defer_after=1, **QUICK) as s:
        s.settings.setdefault("queue", {}).update(routes=[to(k)])
        s.write_conf()
        s.users(USERS)
        s.start()
        send(s, ["mute@elsewhere.test"], subject="mute")
        deferred = s.dir / "spool" / "deferred"
        t.check(wait_for(lambda: [p for p in deferred.rglob("*") if p.is_file()], 20), "it gets its file while it is under way")
        k.released.set()
        t.check(waits(s, "closed the connection"), "and waits when that ended")
    with Sink() as k, Suite(**QUICK) as s:
        s.settings.setdefault("queue", {}).update(routes=[to(k)])
        s.write_conf()
        s.users(USERS)
        s.start()
        for round in range(5):
            burst(s, 40, first=round * 40)
            if round == 1:
                s.procs["queue"].send_signal(signal.SIGHUP)
            if round == 3:
                s.stop("queue")
                s.start("queue")
        t.check(wait_for(lambda: len(set(k.subjects())) == 200, 40), "a reload and a stop under load lose nothing", str(len(set(k.subjects()))))
        t.check(len(k.messages) == 200, "and send nothing twice", str(len(k.messages)))


def kills(t):
    for role in ("relay", "sched", "spool", None):
        with Sink() as k, Suite(**QUICK) as s:
            s.settings.setdefault("queue", {}).update(routes=[to(k)])
            s.write_conf()
            s.users(USERS)
            s.start()
            sent = set()
            for round in range(4):
                for i in range(60):
                    subject = f"n{round * 100 + i}"
                    try:
                        send(s, ["a@elsewhere.test"], subject=subject)
                        sent.add(subject)
                    except (smtplib.SMTPException, OSError):
                        pass
                    if i == 30:
                        pids = s.pids("queue", role) if role else []
                        if role is None:
                            s.kill("queue")
                            s.start("queue")
                        for p in pids[:1]:
                            os.kill(p, signal.SIGKILL)
            ok = wait_for(lambda: sent <= set(k.subjects()), 60)
            t.check(ok, f"kill -9 of {role or 'queue'}: all that was accepted arrives", f"{len(sent - set(k.subjects()))} of {len(sent)} missing\n{s.log()[-1500:]}")
            t.check(len(k.messages) - len(set(k.subjects())) <= 4 * 64, f"{role or 'queue'}: twice at most what was under way",
                    str(len(k.messages) - len(set(k.subjects()))))
            t.check(wait_for(lambda: s.queue_count() == 0, 30), f"{role or 'queue'}: the queue gets empty")
