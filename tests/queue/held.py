# SPDX-License-Identifier: ISC
"""held.py - what an admin holds, releases, removes; what is held until a time that its sender named."""
import datetime
import json
import os
import pathlib
import re
import signal
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from mail import U1, U2, USERS, send, entries, reports, folders, deferred_files
from placer import PERM, PLACED, TEMP, Placer
from suite import Suite, clock_of, wait_for

WAITS = ("7", "47", "271")  # poll, recvmsg, ppoll: it has asked


def removal(t):
    """merpati queue remove, whatever state a message is in: it goes, and nothing more is begun for it."""
    with Suite(queue__defer_after=3600, deliver__placers=1) as s:
        s.users(USERS)
        fake = Placer(s)
        s.start("queue", "smtpd")
        p = fake.accept()
        spool, bounce = s.pids("queue", "spool")[0], s.pids("queue", "bounce")[0]

        def sent(*to):
            """A new message; its id and its job."""
            send(s, list(to) or [U2])
            jobs = p.jobs()
            return jobs[0][0], jobs

        def removed_without_spool(one):
            """The spool is stopped: the command ends when it could note the removal."""
            command = subprocess.Popen([s.program("merpati"), "-c", s.conf, "queue", "remove", one], env=s.env, stdout=subprocess.DEVNULL)
            wait_for(lambda: pathlib.Path(f"/proc/{command.pid}/syscall").read_text().split()[0] in WAITS, 10)
            s.merpati("queue", "list", "--count")  # asked after it, and answered
            os.kill(spool, signal.SIGCONT)
            return command.wait(20) == 0

        def removed(*ids):
            out = [s.merpati("queue", "remove", i, check=False).returncode for i in ids]
            return all(code == 0 for code in out)

        def is_gone(ident):
            """Nothing of it is left: not in the queue, not in deferred/, not for the next scheduler."""
            return wait_for(lambda: s.queue_count() == 0 and not deferred_files(s) and
                            f"event=removed mid={ident}" in s.log(), 10)

        def checkpoint():
            p.synced(p.sync())

        one, jobs = sent()
        ok = removed(one)
        p.results(jobs, TEMP, "4.2.2 full")
        t.check(ok and is_gone(one), "with a placer, that cannot place it")

        one, jobs = sent()
        ok = removed(one)
        p.results(jobs, PLACED)
        checkpoint()
        t.check(ok and is_gone(one), "with a placer, that places it")

        one, jobs = sent()
        p.results(jobs, PLACED)
        turn = p.sync()
        ok = removed(one)
        p.synced(turn, False)
        t.check(ok and is_gone(one), "in a checkpoint, that fails")

        one, jobs = sent(*[f"u2+{i}@example.test" for i in range(600)])
        ok = removed(one)
        n = sum(len(rcpts) for _, rcpts in jobs)
        p.results(jobs, PLACED)
        checkpoint()
        t.check(ok and n < 600 and is_gone(one), "partly with a placer: the rest is not begun", f"{n} of 600")

        one, jobs = sent()
        os.kill(spool, signal.SIGSTOP)
        p.results(jobs, PLACED, forwards=["x@elsewhere.test"])
        ok = removed_without_spool(one)
        checkpoint()
        forward = wait_for(lambda: [e["id"] for e in entries(s) if e["id"] != one], 10)
        ok = ok and wait_for(lambda: deferred_files(s) == forward, 10) and removed(*forward)
        t.check(ok and is_gone(one), "while its forward is made, which is a message of its own")

        one, jobs = sent()
        os.kill(spool, signal.SIGSTOP)
        p.results(jobs, TEMP, "4.2.2 full")
        ok = removed_without_spool(one)
        t.check(ok and is_gone(one), "while its file in deferred/ is written")

        folders(s, 0o500)
        one, jobs = sent()
        p.results(jobs, TEMP, "4.2.2 full")
        wait_for(lambda: f"event=not_deferred mid={one}" in s.log(), 10)
        ok = removed(one)
        folders(s, 0o750)
        t.check(ok and is_gone(one), "when its file could not be written")

        one, jobs = sent()
        p.results(jobs, TEMP, "4.2.2 full")
        ok = wait_for(lambda: f"event=deferred_until mid={one}" in s.log(), 10) and removed(one)
        t.check(ok and is_gone(one), "deferred")

        for size in (1, 12000):
            send(s, ["x@elsewhere.test"], body="to wait for\r\n" * size * 3)
            one = wait_for(lambda: deferred_files(s), 10)[0]
            wait_for(lambda: f"event=deferred_until mid={one}" in s.log(), 10)
            os.kill(spool, signal.SIGSTOP)
            s.merpati("queue", "flush")
            ok = removed_without_spool(one)
            t.check(ok and is_gone(one), f"deferred and due, on its way to the scheduler, {size * 39} bytes")

        os.kill(bounce, signal.SIGSTOP)
        first, jobs = sent()
        p.results(jobs, PERM, "5.1.1 gone")
        second, jobs = sent()
        p.results(jobs, PERM, "5.1.1 gone")
        wait_for(lambda: s.log().count("event=failed") == 2, 10)
        ok = removed(first, second)
        os.kill(bounce, signal.SIGCONT)
        third, jobs = sent()
        p.results(jobs, PERM, "5.1.1 gone")
        p.results(p.jobs(), PLACED)  # its report
        checkpoint()
        told = re.findall(r"event=reported mid=(\w+)", s.log())
        t.check(ok and is_gone(first) and is_gone(second) and told == [third],
                "while its report is made, and while it waits for that: there is none", str(told))

        one, jobs = sent()
        ok = removed(one)
        p.results(jobs, TEMP, "4.2.2 full")
        t.check(ok and is_gone(one), "once more")  # and all that was said before this is heard, the last checkpoint, too

        p.close()
        fake.close()
        s.stop("queue")
        s.start("queue")
        replayed = wait_for(lambda: re.findall("event=replayed.*unfinished=(.*) ms", s.log())[1:], 15)
        t.check(replayed == ["0"], "a restart finds nothing of them", str(replayed))
        time.sleep(1)  # and the scheduler, told of all names, neither
        t.check(s.queue_count() == 0 and "event=file_without_row" not in s.log(), "nor in deferred/")


def removal_holds(t):
    """What was removed stays removed, whenever the machine dies after the command."""
    with Suite(queue__defer_after=3600) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        back = []
        for n in range(4):
            send(s, ["x@elsewhere.test" if n % 2 else U1])
            ident = entries(s)[0]["id"]
            if n % 2:
                wait_for(lambda: f"event=deferred_until mid={ident}" in s.log(), 10)
            out = s.merpati("queue", "remove", ident).stdout
            s.kill("queue")
            s.start("queue")
            time.sleep(0.5)  # names in deferred/ are told after the start
            back += [e["id"] for e in entries(s)] if out == "1 removed\n" else [out]
        t.check(not back, "queue remove has ended: a crash brings nothing back, from the journal or from deferred/", str(back))


def state_of(s, ident):
    return {e["id"]: e["state"] for e in entries(s)}.get(ident)


def held(t):
    """What an admin holds is not tried, whatever is restarted or lost, until it is released."""
    for name, to, daemons in (("active", U1, ["smtpd"]), ("deferred", "x@elsewhere.test", ["smtpd", "deliver"])):
        with Suite(queue__retry_first=1, queue__retry_most=1) as s:
            s.users(USERS)
            s.start("queue", *daemons)
            send(s, [to])
            ident = entries(s)[0]["id"]
            if name == "deferred":
                wait_for(lambda: state_of(s, ident) == "deferred", 15)
            t.check(s.merpati("queue", "hold", ident).stdout == "1 held\n", f"{name}: queue hold")
            t.check(state_of(s, ident) == "held" and ident in deferred_files(s), "it has a file, and is held when the command ends",
                    str(entries(s)))
            r = s.merpati("queue", "hold", ident, check=False)
            t.check(r.returncode == 65, "a second time: there is nothing to do", r.stderr)
            s.merpati("queue", "flush")
            told = json.loads(s.merpati("--json", "queue", "why", ident).stdout)
            t.check("admin" in told["waits_for"] and "release" in told["change"], "queue why says who holds it", json.dumps(told))
            s.kill("queue")
            if name == "active":
                for p in (s.dir / "spool" / "sched" / "index").iterdir():
                    p.unlink()
            s.start("queue", *([] if "deliver" in daemons else ["deliver"]))
            t.check(wait_for(lambda: state_of(s, ident) == "held", 15), "after a crash it is held" +
                    (", without an index too" if name == "active" else ""), str(entries(s)))
            send(s, [U2])  # and mail that came later is delivered
            t.check(wait_for(lambda: len(s.files(U2)) == 1, 15) and not s.files(U1) and state_of(s, ident) == "held", "and is not tried")
            t.check(s.merpati("queue", "release", ident).stdout == "1 released\n", "queue release")
            if name == "active":
                t.check(wait_for(lambda: len(s.files(U1)) == 1 and s.queue_count() == 0, 15), "delivers it")
            else:
                t.check(wait_for(lambda: state_of(s, ident) == "deferred", 15), "tries it")


def future_release(t):
    """FUTURERELEASE: nobody is tried before, whatever is restarted, lost or flushed; the lifetime begins then."""
    with Suite(queue__lifetime=3600, queue__delay_warning=60) as s:
        set_clock = clock_of(s)
        s.users(USERS)
        s.start()
        with smtplib.SMTP("127.0.0.1", s.port("submission"), timeout=60) as c:
            c.login(U1, "pass")
            c.sendmail(U1, [U2, "x@elsewhere.test"], b"Subject: later\r\n\r\nx\r\n", ["HOLDFOR=7200"])
            c.sendmail(U1, [U2], b"Subject: soon\r\n\r\nx\r\n", ["HOLDFOR=3"])
        t.check(wait_for(lambda: len(entries(s)) == 2 and all(state_of(s, e["id"]) == "deferred" for e in entries(s)), 15),
                "both wait", str(entries(s)))
        ident = next(e["id"] for e in entries(s) if e["recipients"] == 2)
        show = s.merpati("queue", "show", ident).stdout
        t.check("to be sent at 2" in show, "queue show says until when", show)
        told = json.loads(s.merpati("--json", "queue", "why", ident).stdout)
        t.check("its sender asked" in told["waits_for"] and "no flush" in told["change"], "queue why says who wants that", json.dumps(told))
        later = datetime.datetime.fromisoformat(told["returned"].replace("Z", "+00:00")).timestamp() - time.time()
        t.check(not told["limit"] and 10700 < later < 10900, "and when it would come back: a lifetime behind that",
                json.dumps(told))
        t.check(wait_for(lambda: len(s.files(U2)) == 1, 15) and b"Subject: soon" in s.files(U2)[0].read_bytes(), "one comes when it is time")
        s.merpati("queue", "flush")
        send(s, [U1])  # and the flush was looked at before this one
        t.check(wait_for(lambda: len(s.files(U1)) == 1, 15) and state_of(s, ident) == "deferred" and len(s.files(U2)) == 1,
                "a flush does not send the other", str(entries(s)))
        for what in ("a restart", "a restart without an index"):
            s.kill("queue")
            if "index" in what:
                for p in (s.dir / "spool" / "sched" / "index").iterdir():
                    p.unlink()
            s.start("queue")
            t.check(wait_for(lambda: state_of(s, ident) == "deferred" and "to be sent at" in s.merpati("queue", "show", ident).stdout, 15) and
                    len(s.files(U2)) == 1, f"nor does {what}", str(entries(s)))
        set_clock(7300)
        s.merpati("queue", "flush")
        t.check(wait_for(lambda: len(s.files(U2)) == 2, 20), "then it is sent", str(entries(s)))
        t.check(wait_for(lambda: state_of(s, ident) == "deferred", 15) and not reports(s), "and its lifetime has only begun",
                f"{reports(s)} {entries(s)} {s.log()[-1500:]}")


def held_report(t):
    """A hold while the report of a failure is made: it is made after the release, once."""
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        bounce, = s.pids("queue", "bounce")
        os.kill(bounce, signal.SIGSTOP)
        send(s, [U2], subject="will fail")
        ident = entries(s)[0]["id"]
        s.merpati("user", "remove", U2, input="yes\n")
        s.start("deliver")
        wait_for(lambda: "event=failed" in s.log(), 15)
        told = json.loads(s.merpati("--json", "queue", "why", ident).stdout)
        t.check("report" in told["waits_for"], "queue why says that a report is made", json.dumps(told))
        t.check(s.merpati("queue", "hold", ident).stdout == "1 held\n", "it is held")
        os.kill(bounce, signal.SIGCONT)
        send(s, [U1])
        wait_for(lambda: len(s.files(U1)) == 1, 15)
        t.check(not reports(s) and state_of(s, ident) == "held", "and nobody is told")
        s.merpati("queue", "release", ident)
        t.check(wait_for(lambda: s.queue_count() == 0 and len(reports(s)) == 1, 15), "before it is released", str(entries(s)))


def requeued(t):
    """As if it had come now: an address whose domain is here meanwhile is delivered to; tries and lifetime begin anew."""
    with Suite(queue__retry_first=1, queue__retry_most=3600) as s:
        s.users(USERS)
        s.start("queue", "smtpd", "deliver")
        send(s, ["u2@late.test"])
        ident = entries(s)[0]["id"]
        wait_for(lambda: state_of(s, ident) == "deferred", 15)
        wait_for(lambda: entries(s)[0]["attempts"] >= 2, 15)
        s.settings["common"]["domain_aliases"] = ["late.test=example.test"]
        s.write_conf()
        s.stop()
        s.start("queue", "deliver")
        s.merpati("queue", "hold", ident)
        t.check(s.merpati("queue", "requeue", "--recipient", "*@late.test").stdout == "1 requeued\n", "queue requeue of what is held")
        t.check(wait_for(lambda: len(s.files(U2)) == 1 and s.queue_count() == 0, 15), "its recipients are looked up afresh")


def patterns(t):
    with Suite(queue__retry_first=600) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        send(s, ["a@one.test"], sender=U1)
        send(s, ["b@two.test", "c@one.test"], sender=U2)
        send(s, ["d@two.test"], sender="", body="long\r\n" * 2000)
        wait_for(lambda: [e["state"] for e in entries(s)] == ["deferred"] * 3, 15)

        def match(*which):
            return sorted(e["recipient"][0] for e in json.loads(s.merpati("--json", "queue", "list", *which).stdout))
        for want, *which in (("a", "--sender", "U1@*"), ("d", "--sender", "<>"), ("ab", "--destination", "one.*"),
                             ("bd", "--destination", "two.test"), ("b", "--recipient", "c@*"), ("", "--recipient", "z@*"),
                             ("d", "--larger", "8K"), ("ab", "--smaller", "8K"), ("abd", "--younger", "1h"), ("", "--older", "1h"),
                             ("abd", "--reply", "no relay"), ("", "--reply", "greylisted"), ("abd", "--state", "deferred"),
                             ("", "--state", "held"), ("b", "--sender", "*@example.test", "--destination", "two.test"), ("abd", "--all")):
            t.check(match(*which) == sorted(want), f"queue list {' '.join(which)}", str(match(*which)))
        t.check(s.merpati("queue", "list", "--count", "--destination", "two.test").stdout == "2\n", "queue list --count of some")
        t.check(s.merpati("queue", "hold", "--destination", "two.test").stdout == "2 held\n", "queue hold of some")
        t.check(match("--state", "held") == ["b", "d"], "they are held")
        t.check(s.merpati("queue", "release", "--larger", "8K").stdout == "1 released\n", "queue release of some")
        t.check(s.merpati("queue", "remove", "--sender", U1).stdout == "1 removed\n", "queue remove of some")
        for bad in (["hold"], ["remove"], ["hold", "--older", "soon"], ["list", "--state", "odd"], ["flush", "--all", "0" * 24]):
            r = s.merpati("queue", *bad, check=False)
            t.check(r.returncode == 64, f"queue {' '.join(bad)}: status 64", r.stderr)
        ident = next(e["id"] for e in entries(s) if e["state"] == "deferred")
        told = json.loads(s.merpati("--json", "queue", "why", ident).stdout)
        t.check("retry_most" in told["limit"] and "no relay" in told["reply"] and told["next"] and told["returned"],
                "queue why tells the limit, the last reply, the next attempt, and the end", json.dumps(told))
        s.merpati("queue", "remove", "--all")
        t.check(wait_for(lambda: s.queue_count() == 0, 15), "queue remove --all")
        r = s.merpati("queue", "why", ident, check=False)
        t.check(r.returncode == 65, "queue why of none: status 65", r.stderr)
        send(s, [U1])
        wait_for(lambda: [e["state"] for e in entries(s)] == ["deferred"], 15)
        told = json.loads(s.merpati("--json", "queue", "why", entries(s)[0]["id"]).stdout)
        t.check("local delivery" in told["waits_for"], "without deliver, queue why says that", json.dumps(told))


GROUPS = (removal, removal_holds, held, future_release, held_report, requeued, patterns)
