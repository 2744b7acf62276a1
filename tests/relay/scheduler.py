# SPDX-License-Identifier: ISC
"""scheduler.py - groups of the relay suite: suspended destinations, mail that is held, replies that ask for less, providers."""
import contextlib
import os
import re
import smtplib
import time

from internet import Internet
from sink import Sink
from suite import Suite, wait_for

U1 = "u1@example.test"
QUICK = dict(queue__retry_first=1, queue__retry_most=1, queue__relay_down_first=1, queue__relay_down_most=1)


def send(s, *to, sender=U1, subject="hello"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        for address in to:
            c.sendmail(sender, [address], f"Subject: {subject} {address}\r\n\r\nbody\r\n".encode())


def to(sink, pattern="*"):
    return f"{pattern}=smtp://[127.0.0.1]:{sink.port}"


def ids(s):
    return s.merpati("queue", "list").stdout.split()


def one_id(s):
    import json
    out = json.loads(s.merpati("--json", "queue", "list").stdout)
    entries = out if isinstance(out, list) else next(v for v in out.values() if isinstance(v, list))
    return [e["id"] for e in entries]


def whys(s):
    """Why each message waits that is still there when it is asked for."""
    return [s.merpati("queue", "why", i, check=False).stdout for i in one_id(s)]


def suspended(t):
    """No mail goes to a destination that an admin suspended; it waits, over a restart too; then all of it goes."""
    with Sink() as a, Sink() as b, Suite(queue__routes=[to(a, "a.test"), to(b, "b.test")], queue__defer_after=1) as s:
        s.start("queue", "smtpd")
        s.merpati("queue", "suspend", "127.0.0.1")
        send(s, *[f"n{i}@a.test" for i in range(100)])
        t.check(wait_for(lambda: s.log().count("event=deferred_until") == 100, 20), "all that comes for a suspended host waits")
        t.check("127.0.0.1" in s.merpati("queue", "suspended").stdout, "it is listed")
        why = s.merpati("queue", "why", one_id(s)[0]).stdout
        t.check("suspended" in why and "queue resume" in why, "why says so, and what would change it", why)
        p = s.merpati("queue", "suspend", "127.0.0.1", check=False)
        t.check(p.returncode == 65 and "already" in p.stderr, "it is not suspended twice", p.stderr)
        s.kill("queue")
        s.start("queue")
        s.merpati("queue", "flush")
        t.check(wait_for(lambda: s.log().count("event=deferred_until") >= 200, 20) and not a.messages,
                "after a kill, and a flush, it is suspended still", f"{len(a.messages)} came")
        s.merpati("queue", "resume", "127.0.0.1")
        t.check(wait_for(lambda: len(set(a.subjects())) == 100, 20), "resumed, all of it goes at once", f"{len(a.messages)} came")
        t.check(wait_for(lambda: s.queue_count() == 0, 20) and len(a.messages) == 100, "once")
        t.check(not s.merpati("queue", "suspended").stdout.count("127.0.0.1"), "and nothing is suspended")
        p = s.merpati("queue", "resume", "127.0.0.1", check=False)
        t.check(p.returncode == 65 and "not suspended" in p.stderr, "nor ended twice", p.stderr)
        send(s, "x@b.test")
        t.check(wait_for(lambda: len(b.messages) == 1, 20), "new mail goes")


def suspended_exchanger(t):
    """A host is suspended that is a domain's exchanger, which nobody knew when the mail came."""
    if os.geteuid() != 0:
        t.skip("a suspended exchanger", "needs root, for port 25")
        return
    with Suite(queue__routes=["*=mx"]) as s, Internet(s.dir) as net:
        net.zone("good.test", "mx1 A 127.0.6.3\nd0 MX 10 mx1\nd1 MX 10 mx1\nlone A 127.0.6.4\nother MX 10 lone\n")
        net.start()
        s.settings["common"].update(net.settings())
        s.write_conf()
        s.start("queue", "smtpd")
        s.merpati("queue", "suspend", "mx1.good.test")
        with Sink(host="127.0.6.3", port=25) as k, Sink(host="127.0.6.4", port=25) as lone:
            send(s, "a@d0.good.test", "b@d1.good.test", "c@other.good.test")
            t.check(wait_for(lambda: s.log().count("event=deferred_until") == 2, 20) and not k.connections,
                    "the first mail to its domains waits, and nobody connects", s.log()[-600:])
            t.check(wait_for(lambda: len(lone.messages) == 1, 20), "other mail goes")
            s.merpati("queue", "resume", "mx1.good.test")
            t.check(wait_for(lambda: len(k.messages) == 2 and s.queue_count() == 0, 20), "resumed, it goes", s.log()[-600:])


def mute_servers(t):
    """Servers that never answer, and for which all of the mail is, do not keep what was deferred from others; nor does a kill."""
    with contextlib.ExitStack() as stack:
        mutes = [stack.enter_context(Sink()) for _ in range(6)]
        good = stack.enter_context(Sink())
        routes = [to(k, f"m{i}.test") for i, k in enumerate(mutes)] + [to(good, "good.test")]
        s = stack.enter_context(Suite(queue__routes=routes, queue__defer_after=1, queue__retry_first=2))
        s.start("queue", "smtpd")
        s.merpati("queue", "suspend", "127.0.0.1")
        send(s, "mute@m0.test")
        t.check(wait_for(lambda: s.log().count("event=deferred_until") == 1, 20), "one waits")
        s.stop("queue")  # the journal has it no longer
        s.start("queue")
        s.merpati("queue", "resume", "127.0.0.1")
        t.check(wait_for(lambda: mutes[0].connections == 1, 20), "it is tried")
        time.sleep(1)  # that it is fetched is durable with a tick
        s.kill("queue")
        s.start("queue")
        t.check(wait_for(lambda: mutes[0].connections == 2, 20), "and after a kill it is tried again soon", s.log()[-600:])
        s.merpati("queue", "suspend", "127.0.0.1")
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            for i in range(120 * len(mutes)):
                c.sendmail(U1, [f"mute@m{i % len(mutes)}.test"], b"Subject: mute\r\n\r\nbody\r\n")
            time.sleep(1.5)  # the queue counts seconds: it is behind all others
            c.sendmail(U1, ["a@good.test"], b"Subject: good\r\n\r\nbody\r\n")
        n = 120 * len(mutes) + 1
        t.check(wait_for(lambda: s.log().count("event=deferred_until") > n, 60), "many wait", str(s.log().count("event=deferred_until")))
        s.merpati("queue", "resume", "127.0.0.1")
        t.check(wait_for(lambda: good.subjects() == ["good"], 20), "the last of all goes where it is taken", s.log()[-600:])


def held_by_rule(t):
    """Mail that a rule of the setting hold fits is held when it comes, and goes when it is released."""
    with Sink() as k, Suite(queue__routes=[to(k)], queue__hold=["sender=*@bad.test", "recipient=secret@* client=127.0.0.*"]) as s:
        s.user(U1, "pass")
        s.start("queue", "smtpd", "deliver")
        send(s, "x@elsewhere.test", U1, sender="me@bad.test")
        send(s, "secret@elsewhere.test")
        send(s, "y@elsewhere.test")
        t.check(wait_for(lambda: k.subjects() == ["hello y@elsewhere.test"], 20), "what no rule fits goes", str(k.subjects()))
        t.check(wait_for(lambda: s.merpati("queue", "list", "--count", "--state", "held").stdout.strip() == "3", 20), "the others are held",
                s.merpati("queue", "list").stdout)
        t.check("held by the rule sender=*@bad.test" in s.merpati("queue", "list").stdout, "and the list says by which rule")
        s.stop("queue")  # what went is noted: after a kill it may go twice
        s.start("queue")
        time.sleep(1)  # an attempt that must not be made
        t.check(len(k.messages) == 1 and not s.files(U1), "a restart changes nothing")
        s.merpati("queue", "release", "--all")
        t.check(wait_for(lambda: len(k.messages) == 3 and len(s.files(U1)) == 1, 20), "released, they go", str(k.subjects()))
        t.check(wait_for(lambda: s.queue_count() == 0, 20), "and are not held again")


def backs_off(t):
    """A server that says that it is too much gets fewer connections, and none for a while; then all that waits goes."""
    with Sink() as k, Suite(queue__routes=[to(k)], queue__relay_pause_first=3, queue__retry_first=30, queue__defer_after=1,
                            queue__backoff=["rate=451 4.3.2 my words*"]) as s:
        k.says["slow"] = "451 4.3.2 my words are these"
        k.says["grey"] = "450 4.2.0 Greylisted"
        s.start("queue", "smtpd")
        send(s, "grey@elsewhere.test")
        t.check(wait_for(lambda: "event=deferred_until" in s.log(), 20), "a first attempt is greylisted")
        send(s, "slow@elsewhere.test")
        t.check(wait_for(lambda: "event=destination_slow" in s.log(), 20), "a reply says that it is too much", s.log()[-600:])
        begun = time.monotonic()
        k.is_open = True
        send(s, *[f"n{i}@elsewhere.test" for i in range(20)])
        why = wait_for(lambda: [w for w in whys(s) if "wants less mail" in w], 10)
        t.check(why and "my words" in why[0] or not why and time.monotonic() - begun > 2.5, "others are not tried meanwhile, and why says so",
                str(why))
        t.check(wait_for(lambda: len([x for x in k.subjects() if " n" in x]) == 20, 20), "then all that waited goes, before its time", s.log()[-600:])
        t.check(time.monotonic() - begun > 2, "not before the pause is over", f"{time.monotonic() - begun:.1f} s")


def greylisted(t):
    """After a first answer of greylisting the next attempt comes sooner than others."""
    with Sink() as k, Suite(queue__routes=[to(k)], queue__retry_first=1000, queue__retry_greylist=1) as s:
        k.says["grey"] = "450 4.2.0 Greylisted, see you in a minute"
        k.says["busy"] = "450 4.3.0 some other reason"
        s.start("queue", "smtpd")
        send(s, "grey@elsewhere.test", "busy@elsewhere.test")
        t.check(wait_for(lambda: s.log().count("event=deferred_until") >= 2, 20), "both wait")
        k.is_open = True
        t.check(wait_for(lambda: k.subjects() == ["hello grey@elsewhere.test"], 20), "the one that was greylisted is tried soon",
                s.log()[-600:])
        t.check(s.queue_count() == 1, "the other waits as long as always")


def providers(t):
    """Domains with the same best exchangers are one provider: they share its connections, and it is down for all of them."""
    if os.geteuid() != 0:
        t.skip("providers behind exchangers", "needs root, for port 25")
        return
    with Suite(queue__routes=["*=mx"], queue__relay_connections_first=2, queue__relay_connections_most=2, queue__relay_idle_time=2,
               queue__retry_first=5, queue__retry_most=5, queue__relay_down_first=2, queue__relay_down_most=2) as s, Internet(s.dir) as net:
        names = [f"d{i}" for i in range(12)]
        net.zone("good.test", "mx1 A 127.0.6.1\nmx2 A 127.0.6.1\nlone A 127.0.6.2\nother MX 10 lone\n" +
                 "".join(f"{n} MX 10 mx{1 + i % 2}\n{n} MX 10 mx{2 - i % 2}\n" for i, n in enumerate(names)))
        net.start()
        s.settings["common"].update(net.settings())
        s.write_conf()
        s.start("queue", "smtpd")
        send(s, *[f"a@{n}.good.test" for n in names])
        t.check(wait_for(lambda: "event=destination_down dest=\"mx mx1.good.test mx2.good.test\"" in s.log() or
                         "event=destination_down dest=\"mx mx1" in s.log(), 20), "a provider that does not answer is down", s.log()[-900:])
        t.check(wait_for(lambda: s.log().count("event=deferred_until") >= len(names), 20), "what goes to its domains waits", s.log()[-900:])
        attempts = len(re.findall("event=relay_down.*refused", s.log()))
        t.check(attempts <= 6, "and not every domain was tried", f"{attempts} attempts")
        with Sink(host="127.0.6.1", port=25) as k, Sink(host="127.0.6.2", port=25) as lone:
            send(s, "b@other.good.test")
            t.check(wait_for(lambda: len(lone.messages) == 1, 20), "another provider gets its mail", s.log()[-600:])
            t.check(wait_for(lambda: len(k.messages) == len(names), 40), "when it answers, all domains get theirs",
                    f"{len(k.messages)}\n{s.log()[-900:]}")
            t.check(k.most_at_once <= 2, "over as many connections as it may have", str(k.most_at_once))
            t.check(wait_for(lambda: s.queue_count() == 0, 20), "the queue is empty")


def shares(t):
    """One sender's crowd does not keep another's message from a server, nor from the connections that there are."""
    with Sink() as k, Suite(queue__routes=[to(k)], queue__relay_connections_first=1, queue__relay_connections_most=1, queue__relays_most=1,
                            queue__defer_after=60) as s:
        k.delay = 0.02
        s.start("queue", "smtpd")
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            for i in range(600):
                c.sendmail("bulk@big.test", [f"n{i}@elsewhere.test"], f"Subject: bulk {i}\r\n\r\nbody\r\n".encode())
        had = len(k.messages)
        send(s, "friend@elsewhere.test", sender="me@small.test", subject="small")
        t.check(wait_for(lambda: any(x.startswith("small") for x in k.subjects()), 30), "a message of another sender comes")
        behind = next(i for i, x in enumerate(k.subjects()) if x.startswith("small")) - had
        t.check(had < 400 and behind < 150, "before most of the crowd that was there first", f"{had} before it was sent, {behind} since")
        t.check(wait_for(lambda: len(k.messages) == 601 and s.queue_count() == 0, 60), "and all come", str(len(k.messages)))


GROUPS = (suspended, suspended_exchanger, mute_servers, held_by_rule, backs_off, greylisted, providers, shares)
