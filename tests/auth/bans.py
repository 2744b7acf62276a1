# SPDX-License-Identifier: ISC
"""bans.py - wrong passwords: whom they ban, for all daemons; whom they do not; what an admin says to that."""
import concurrent.futures
import json
import socket
import time

from sasl import Client, Scram, plain
from suite import Suite

U1, U2 = "u1@example.test", "u2@example.test"
DAEMONS = ("smtpd", "deliver", "pop3d", "imapd")
REFUSALS = {"smtp": "421 4.7.0 Your network is banned", "submission": "421 4.7.0 Your network is banned",
            "pop3": "-ERR [SYS/PERM] your network is banned", "imap": "* BYE [UNAVAILABLE] your network is banned",
            "sieve": 'BYE "your network is banned'}
NOT_NOW = {"submission": "454 4.7.0", "pop3": "-ERR [SYS/TEMP]", "imap": "a NO [UNAVAILABLE]", "sieve": "NO (TRYLATER)"}
TICK_SEC = 0.01  # the clock of timers is the kernel's coarse one: up to 4 ms behind


def start(**settings):
    """Clients come from where the PROXY protocol says; the answer to a wrong password waits no longer than it did without a table,
    if settings say nothing else."""
    s = Suite(common__proxy_networks=["127.0.0.0/8"], common__ban_failures=10, **{"common__failure_delay": 0, **settings})
    s.user(U1, "pass")
    s.user(U2, "pass")
    s.start(*DAEMONS)
    return s


def attempt(s, kind, source, user, password, mechanism="PLAIN"):
    """Whether it worked, and the server's last word."""
    with Client(s, kind, source=source) as c:
        if not c.greeting.startswith(("220", "+OK", "* OK", '"')):
            return False, c.greeting
        return c.auth(mechanism, plain(user, password) if mechanism == "PLAIN" else Scram("sha256", user, password))


def acting(s, kind, source, user, password, authzid):
    with Client(s, kind, source=source) as c:
        return c.auth("PLAIN", plain(user, password, authzid))


def attempts(s, rows):
    """At the same time: a wrong password takes a second."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda row: attempt(s, *row), rows))


def guess(s, kind, source, n, user=U1, first=0):
    return attempts(s, [(kind, source, user, f"wrong{first + i}") for i in range(n)])


def greeting(s, kind, source):
    with Client(s, kind, tls=None, source=source) as c:
        return c.greeting


def is_served(s, source):
    return [k for k in REFUSALS if not greeting(s, k, source).startswith(REFUSALS[k])] == list(REFUSALS)


def is_refused(t, s, source, what):
    got = {k: greeting(s, k, source) for k in REFUSALS}
    t.check(all(got[k].startswith(REFUSALS[k]) for k in REFUSALS), what, str(got))


def bans(s):
    return json.loads(s.merpati("bans", "--json").stdout)


def network(t):
    with start(common__ban_time="1h") as s:
        before = {k: Client(s, k, source="192.0.2.1") for k in NOT_NOW}
        guess(s, "imap", "192.0.2.1", 9)
        t.check(is_served(s, "192.0.2.1") and not bans(s), "nine wrong passwords ban nobody")
        guess(s, "imap", "192.0.2.1", 1, first=9)
        is_refused(t, s, "192.0.2.1", "ten by IMAP ban their address from SMTP, POP3, IMAP and ManageSieve")
        t.check(is_served(s, "192.0.2.2"), "and no other one")
        for kind in ("submissions", "pop3s", "imaps"):
            with socket.create_connection(("127.0.0.1", s.port(kind)), 20) as c:
                c.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.254 5000 25\r\n")
                t.check(c.recv(100) == b"", f"{kind}: who is banned gets no TLS, and no byte")
        for kind, c in before.items():
            ok, line = c.auth("PLAIN", plain(U1, "pass"))
            t.check(not ok and line.startswith(NOT_NOW[kind]), f"{kind}: who was there before learns no more whether a password is right", line)
            c.socket.close()
        log = s.log()
        t.check(log.count("event=banned ") == 1 and "event=banned network=192.0.2.1 seconds=3600 failures=10" in log, "one line of log says so")
        t.check(log.count("event=refused_banned ") == 8 and "event=refused_banned client=192.0.2.1" in log, "and one each that is refused")
        row = bans(s)
        t.check(len(row) == 1 and row[0]["who"] == "192.0.2.1" and row[0]["kind"] == "failures" and row[0]["failures"] == 10 and row[0]["times"] == 1,
                "merpati bans lists it", str(row))
        numbers = {d: s.merpati("metrics", "--openmetrics", d).stdout for d in DAEMONS}
        t.check('merpati_imapd_bans_total{of="network"} 1' in numbers["imapd"] and "merpati_imapd_refused_by_ban_total 2" in numbers["imapd"]
                and "merpati_smtpd_refused_by_ban_total 3" in numbers["smtpd"], "metrics count it", numbers["imapd"])
        s.stop(*DAEMONS)
        s.start(*DAEMONS)
        is_refused(t, s, "192.0.2.1", "a restart does not end it")
        s.merpati("unban", "192.0.2.1")
        t.check(is_served(s, "192.0.2.1") and not bans(s), "merpati unban does, at once")
        t.check(attempt(s, "imap", "192.0.2.1", U1, "pass")[0], "and the right password is right")
        t.check("event=unbanned network=192.0.2.1" in s.log(), "with a line of log")
        p = s.merpati("unban", "192.0.2.1", check=False)
        t.check(p.returncode == 65 and "not banned" in p.stderr, "who is not banned cannot be unbanned", p.stderr)


def alone(t):
    """What one daemon hears is enough."""
    with start() as s:
        for i, kind in enumerate(NOT_NOW):
            source, user = f"192.0.2.{i + 1}", f"name{i}@example.test"
            guess(s, kind, source, 9, user)
            t.check(is_served(s, source), f"{kind}: nine wrong passwords ban nobody")
            guess(s, kind, source, 1, user, first=9)
            is_refused(t, s, source, f"{kind}: ten do")


def each_daemon(t):
    """All daemons count together; what becomes of networks that are not to be banned."""
    with start(common__ban_exempt=["203.0.113.0/24"]) as s:
        for i, kind in enumerate(NOT_NOW):
            guess(s, kind, "192.0.2.1", 2, first=10 * i)
        guess(s, "submission", "192.0.2.1", 1, first=40)
        t.check(is_served(s, "192.0.2.1"), "two by each of four daemons, and one, are nine")
        guess(s, "sieve", "192.0.2.1", 1, first=50)
        is_refused(t, s, "192.0.2.1", "with one more they are ten")
        attempts(s, [("imap", "192.0.2.5", U1, "the old one")] * 15)
        t.check(is_served(s, "192.0.2.5"), "a device that tries one old password again and again bans nobody")
        t.check(all(attempt(s, k, "192.0.2.5", U2, "pass")[0] for k in NOT_NOW), "its office logs in")
        attempts(s, [("pop3", "192.0.2.5", U2, "wrong", "SCRAM-SHA-256")] * 15)
        t.check(is_served(s, "192.0.2.5"), "nor one that does so by SCRAM, from where its login comes from")
        attempts(s, [("pop3", "192.0.2.6", U2, "wrong", "SCRAM-SHA-256")] * 10)
        is_refused(t, s, "192.0.2.6", "who guesses by SCRAM is banned")
        attempts(s, [("pop3", "192.0.2.7", f"nobody{i}@example.test", "summer") for i in range(10)])
        is_refused(t, s, "192.0.2.7", "who tries one password with many names is, too, if nobody has them")
        guess(s, "imap", "203.0.113.9", 12, first=100)
        t.check(is_served(s, "203.0.113.9"), "ban_exempt is not banned")
        attempts(s, [("imap", f"2001:db8:1:2::{i}", U1, f"wrong{200 + i}") for i in range(1, 11)])
        is_refused(t, s, "2001:db8:1:2:ffff::", "of IPv6 the /64 counts, and is banned")
        t.check(is_served(s, "2001:db8:1:3::1"), "and not the next one")
        t.check({b["who"] for b in bans(s)} == {"192.0.2.1", "192.0.2.6", "192.0.2.7", "2001:db8:1:2::/64"}, "merpati bans lists these", str(bans(s)))
        s.merpati("unban", "2001:db8:1:2::5")
        t.check(is_served(s, "2001:db8:1:2::7"), "an address of the /64 unbans it")


def lock(t):
    with start(common__lock_failures=6) as s:
        t.check(attempt(s, "imap", "203.0.113.5", U1, "pass")[0], "a login from home")
        attempts(s, [("imap", f"192.0.2.{i}", U1, f"wrong{i}") for i in range(1, 7)])
        for kind, word in NOT_NOW.items():
            got = {p: attempt(s, kind, "192.0.2.100", U1, p) for p in ("pass", "wrong1")}
            t.check(all(not ok and line.startswith(word) for ok, line in got.values()),
                    f"{kind}: six strangers lock it for strangers, whatever the password", str(got))
            t.check(attempt(s, kind, "203.0.113.5", U1, "pass")[0], f"{kind}: but not at home")
            t.check(attempt(s, kind, "192.0.2.100", U2, "pass")[0], f"{kind}: nor others")
            got = {p: acting(s, kind, "192.0.2.100", U1, p, U2) for p in ("pass", "wrong1")}
            t.check(all(not ok and line.startswith(word) for ok, line in got.values()),
                    f"{kind}: nor does it tell when somebody else is named beside it", str(got))
        ok, line = attempt(s, "imap", "192.0.2.100", U1, "pass", "SCRAM-SHA-256")
        t.check(not ok and line.startswith(NOT_NOW["imap"]), "nor does SCRAM tell whether it is right", line)
        row = bans(s)
        t.check(len(row) == 1 and row[0]["who"] == U1 and row[0]["kind"] == "lock" and row[0]["failures"] == 6, "merpati bans lists it", str(row))
        s.merpati("unban", U1)
        t.check(attempt(s, "imap", "192.0.2.100", U1, "pass")[0] and not bans(s), "merpati unban ends it")


def admin(t):
    with start() as s:
        s.merpati("ban", "198.51.100.7/24", "2001:db8:9::/48", "--time", "2h", "--reason", "they scan")
        is_refused(t, s, "198.51.100.200", "merpati ban: a network is refused at once")
        is_refused(t, s, "2001:db8:9:8::1", "one of IPv6, too")
        t.check(is_served(s, "198.51.101.1"), "and not its neighbour")
        row = {b["who"]: b for b in bans(s)}
        t.check(set(row) == {"198.51.100.0/24", "2001:db8:9::/48"} and all(b["reason"] == "they scan" and b["kind"] == "admin" for b in row.values()),
                "merpati bans says why", str(row))
        t.check("event=banned_by_admin network=198.51.100.0/24 seconds=7200" in s.log(), "the log has it")
        s.merpati("ban", "203.0.113.0", "2001:db8:8::1/64")
        p = s.merpati("unban", "203.0.113.0/24", "2001:db8:8::/56", check=False)
        t.check(p.returncode == 65 and p.stderr.count("is not banned") == 2 and len(bans(s)) == 4, "unban of a network ends the ban of no smaller one", p.stderr)
        s.merpati("unban", "203.0.113.0", "2001:db8:8::1")
        s.merpati("unban", "198.51.100.0/24", "2001:db8:9::/48")
        t.check(is_served(s, "198.51.100.200") and not bans(s), "merpati unban ends both")
        for args in (("ban", "nowhere"), ("ban", "192.0.2.1", "--time", "0"), ("ban",), ("unban",), ("unban", "nowhere"), ("bans", "x")):
            p = s.merpati(*args, check=False)
            t.check(p.returncode == 64, f"{' '.join(args)}: a usage error", p.stderr)
        with Client(s, "imap", source="192.0.2.1") as c, Client(s, "imap", source="192.0.2.1") as other:
            t.check(c.auth("PLAIN", plain(U1, "pass"))[0] and other.auth("PLAIN", plain(U2, "pass"))[0], "two sessions")
            who = json.loads(s.merpati("who", "--json").stdout)
            t.check({w["account"] for w in who} == {U1, U2}, "merpati who --json lists them", str(who))
            s.merpati("user", "suspend", U1)
            t.check(c.line().startswith("* BYE"), "user suspend ends the sessions of the account")
            other.send("n NOOP")
            t.check(other.line().startswith("n OK"), "and no others")
        with Client(s, "imap", source="2001:db8::5") as c:
            t.check(c.auth("PLAIN", plain(U2, "pass"))[0], "a session from an IPv6 address")
            p = s.merpati("kick", "2001:DB8:0:0::0005")
            t.check(p.stdout == "1 sessions end\n" and c.line().startswith("* BYE"), "merpati kick knows it however it is written", p.stdout + p.stderr)
        with Client(s, "sieve", source="192.0.2.1") as c:
            t.check(c.auth("PLAIN", plain(U2, "pass"))[0], "a session of ManageSieve")
            who = [(w["daemon"], w["role"], w["account"], w["address"]) for w in json.loads(s.merpati("who", "--json").stdout)]
            t.check(("deliver", "session", U2, "192.0.2.1") in who, "merpati who lists it", str(who))
            s.merpati("kick", U2)
            t.check(c.line() == 'BYE (TRYLATER) "an administrator ends this session"', "merpati kick ends it")


def suspend(t):
    """The account is what an admin suspends, beside who, kick and ban; it is the same as merpati user suspend."""
    with start() as s:
        ours, others = ({k: Client(s, k, source="192.0.2.1") for k in NOT_NOW} for _ in range(2))
        t.check(all(c.auth("PLAIN", plain(user, "pass"))[0] for user, of in ((U1, ours), (U2, others)) for c in of.values()), "sessions of two accounts in each daemon")
        s.merpati("suspend", U1.upper())
        for kind, c in ours.items():
            said = [c.line(), c.line()]
            t.check("administrator" in said[0] and said[1] == "", f"{kind}: merpati suspend ends the session of the account, which is told", str(said))
            ok, line = attempt(s, kind, "192.0.2.1", U1, "pass")
            t.check(not ok and "suspended" in line, f"{kind}: it cannot log in, and is told why", line)
            ok, line = attempt(s, kind, "192.0.2.1", U1, "wrong")
            t.check(not ok and "suspended" not in line, f"{kind}: but not to who has no right password", line)
            others[kind].send("n NOOP" if kind == "imap" else "NOOP")
            t.check(others[kind].line().startswith(("250", "+OK", "n OK", "OK")), f"{kind}: others stay")
        with Client(s, "smtp", tls=None, source="192.0.2.9") as c:
            for line in ("EHLO client.test", f"MAIL FROM:<{U2}>"):
                c.lines(line, lambda x: x[3:4] == " ")
            t.check(c.lines(f"RCPT TO:<{U1}>", lambda x: True)[0].startswith("550 5.2.1"), "mail for it is refused")
        t.check(json.loads(s.merpati("user", "show", "--json", U1).stdout)["suspended"], "user show says it")
        s.merpati("resume", U1)
        t.check(all(attempt(s, k, "192.0.2.1", U1, "pass")[0] for k in NOT_NOW), "merpati resume ends it")
        for args, want in ((("suspend",), 64), (("resume",), 64), (("suspend", "nobody@example.test"), 67), (("suspend", "--now", U1), 64)):
            p = s.merpati(*args, check=False)
            t.check(p.returncode == want and p.stderr, f"{' '.join(args)}: status {want}", f"{p.returncode} {p.stderr}")
        p = s.merpati("suspend", "--help")
        t.check("suspend" in p.stdout and all(f"\n  {v} " in s.merpati("--help").stdout for v in ("who", "kick", "suspend", "resume", "ban", "unban")), "--help lists them", p.stdout)
        for c in (*ours.values(), *others.values()):
            c.socket.close()


def table(t):
    with start(common__ban="no") as s:
        guess(s, "imap", "192.0.2.1", 12)
        t.check(is_served(s, "192.0.2.1"), "ban = no: wrong passwords ban nobody")
        s.merpati("ban", "192.0.2.1")
        is_refused(t, s, "192.0.2.1", "but an admin does")
        s.stop(*DAEMONS)
        path = s.dir / "state" / "auth_failures"
        with open(path, "r+b") as f:
            f.write(b"not that")
        s.start(*DAEMONS)
        t.check(is_served(s, "192.0.2.1") and s.log().count("event=failures_damaged") == 1, "a damaged table is made anew, which is logged once")
        s.merpati("ban", "192.0.2.1")
        is_refused(t, s, "192.0.2.1", "and works")


def refusals(s, source, user, kinds):
    """A wrong password by each of kinds, one after the other, each on its own connection: how long each answer took."""
    took = []
    for i, kind in enumerate(kinds):
        with Client(s, kind, source=source) as c:
            began = time.monotonic()
            ok, line = c.auth("PLAIN", plain(user, f"wrong{i}"))
            took.append((kind, i, ok, line, time.monotonic() - began))
    return took


def delays(t):
    """failure_delay, and twice of it with each: by every daemon, whichever heard those before.  A front alone waits a second at a new connection."""
    kinds = tuple(NOT_NOW)
    with start(common__failure_delay=1) as s:
        rows = [(s, f"192.0.2.{i}", U1.replace("u1", f"name{i}"), kinds[i:] + kinds[:i]) for i in range(len(kinds))]
        for _, _, user, _ in rows:
            s.user(user, "pass")
        with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
            took = sum(pool.map(lambda row: refusals(*row), rows), [])
        for kind, i, ok, line, sec in sorted(took, key=lambda row: row[:2]):
            t.check(not ok and line and sec >= (1 << i) - TICK_SEC, f"{kind}: refusal {i + 1} comes after {1 << i} s at the earliest", f"{sec:.3f} {line}")


GROUPS = {"network": network, "alone": alone, "each_daemon": each_daemon, "delays": delays, "lock": lock, "admin": admin, "suspend": suspend, "table": table}
