# SPDX-License-Identifier: ISC
"""apps.py - app passwords: made, listed and removed; for which protocols, from which networks and until when each is right, in each
daemon; when, by which protocol and from where it was used last."""
import datetime
import json
import re
import time

from bans import attempts, start
from sasl import Client, Lines, Scram, login, plain
from suite import Suite, clock_of

U1, U2 = "u1@example.test", "u2@example.test"
PROTOCOLS = {"submission": "smtp", "pop3": "pop", "imap": "imap", "sieve": "sieve"}  # as app passwords name them
KINDS = tuple(PROTOCOLS)
LOGINS = ("smtpd", "deliver", "pop3d", "imapd")
DAY = 86400


def app(s, *args, check=True):
    return s.merpati("user", "app-password", *args, check=check)


def listed(s, address):
    return {a["name"]: a for a in json.loads(app(s, "list", address, "--json").stdout)}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0


def works(s, kind, user, password, mechanism="PLAIN"):
    talk = plain(user, password) if mechanism == "PLAIN" else Scram({"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}[mechanism], user, password)
    return login(s, kind, mechanism, talk)[0]


def everywhere(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.user(U2, "pass")
        s.start(*LOGINS)
        phone = app(s, "add", U1, "phone").stdout.strip()
        mail = app(s, "add", "--protocols", "smtp", "--networks", "127.0.0.0/8,::1", "--expires", "30", U1.upper(), "printer").stdout.strip()
        away = app(s, "add", "--networks", "192.0.2.0/24", U1, "away").stdout.strip()
        t.check(re.fullmatch(r"[0-9a-z]{5}(-[0-9a-z]{5}){3}", phone) and len({phone, mail, away}) == 3, "a new app password is shown once", phone)
        for kind in KINDS:
            t.check(works(s, kind, U1, "pass") and works(s, kind, U1, phone), f"{kind}: the main password and the app password are right")
            t.check(works(s, kind, U1, phone.replace("-", " ").upper()), f"{kind}: also as people type it")
            t.check(works(s, kind, U1, mail) == (kind == "submission"), f"{kind}: one for SMTP is right there alone")
            t.check(not works(s, kind, U1, away), f"{kind}: one for other networks is not right here")
            t.check(not works(s, kind, U2, phone), f"{kind}: another account's is not right")
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
                t.check(works(s, kind, f"{U1}/phone", phone, mechanism) and not works(s, kind, U1, phone, mechanism),
                        f"{kind}: {mechanism} finds it by address/name, and only so")
        ok, _ = login(s, "imap", "LOGIN", Lines(None, U1.encode(), phone.encode()))
        t.check(ok, "LOGIN takes one, too")
        with Client(s, "pop3") as c:
            c.lines(f"USER {U1}", lambda x: True)
            t.check(c.lines(f"PASS {phone}", lambda x: True)[0].startswith("+OK"), "and PASS of POP3")
        uses(t, s)
        refusals(t, s)
        s.merpati("user", "set", "--apps-only", "pop,imap", U1)
        t.check([works(s, k, U1, "pass") for k in KINDS] == [True, False, False, True] and not works(s, "imap", U1, "pass", "SCRAM-SHA-256"),
                "--apps-only: where it says so the main password is not right")
        t.check(works(s, "imap", U1, phone) and json.loads(s.merpati("user", "show", U1, "--json").stdout)["apps_only"] == "pop,imap", "app passwords are")
        s.merpati("user", "set", "--apps-only", "none", U1)
        t.check(works(s, "imap", U1, "pass"), "--apps-only none: it is right again")
        s.merpati("user", "passwd", "--password-stdin", U1, input="another\n")
        t.check(works(s, "imap", U1, phone), "another main password leaves them")
        app(s, "remove", U1, "phone", "printer")
        t.check(not works(s, "imap", U1, phone) and not works(s, "imap", f"{U1}/phone", phone, "SCRAM-SHA-256") and set(listed(s, U1)) == {"away"},
                "remove: not right from now on")
        s.merpati("user", "remove", U1)
        s.merpati("user", "add", "--password-stdin", U1, input="pass\n", check=False)
        r = app(s, "list", U1, "--json", check=False)
        t.check(r.returncode == 67 or json.loads(r.stdout) == [], "they go with the account", r.stdout + r.stderr)
        secrets = b"".join(p.read_bytes() for p in (s.dir / "state").rglob("*") if p.is_file())
        t.check(not any(x.encode() in secrets or x.replace("-", "").encode() in secrets for x in (phone, mail, away)) and phone not in s.log(),
                "no file holds one as it was shown")


def uses(t, s):
    rows = listed(s, U1)
    t.check(abs(seconds(rows["phone"]["used"]) - time.time()) < 100 and rows["phone"]["used_from"] == "127.0.0.1" and rows["phone"]["used_by"] in ("smtp", "pop", "imap", "sieve"),
            "list: when one was used last, from where, by which protocol", str(rows["phone"]))
    t.check(rows["printer"]["used_by"] == "smtp" and seconds(rows["away"]["used"]) == 0 and rows["away"]["used_from"] == "", "and that one never was", str(rows))
    t.check(abs(seconds(rows["printer"]["expires"]) - time.time() - 30 * 86400) < 100 and rows["printer"]["protocols"] == "smtp" and
            rows["printer"]["networks"] == "127.0.0.0/8 ::1", "and what it is good for", str(rows["printer"]))
    place = s.dir / "state" / "app_uses" / "imapd"
    before = place.read_bytes(), place.stat().st_mtime_ns
    works(s, "imap", U1, "pass")
    t.check((place.read_bytes(), place.stat().st_mtime_ns) == before, "the main password leaves no trace there")
    t.check("app=phone" in s.log() and "app=printer" in s.log(), "the log names it")


def refusals(t, s):
    for args, want in ((("add", U1, "phone"), 65), (("add", "nobody@example.test", "x"), 67), (("add", U1, "Not A Name"), 64), (("add", U1), 64),
                       (("add", "--protocols", "gopher", U1, "x"), 64), (("add", "--networks", "elsewhere", U1, "x"), 64),
                       (("add", "--expires", "0", U1, "x"), 64), (("remove", U1, "nothing"), 65), (("list", "--expires", "3", U1), 64)):
        r = app(s, *args, check=False)
        t.check(r.returncode == want and r.stderr and not r.stdout, f"user app-password {' '.join(args)}: status {want}", f"{r.returncode} {r.stderr}")
    for i in range(40):
        r = app(s, "add", U2, f"app{i}", check=False)
        if r.returncode:
            break
    t.check(i == 32 and r.returncode == 65 and "remove one" in r.stderr, "at most 32 of an account", f"{i} {r.stderr}")


def right(s, kind, source, passwords):
    """{name: password} of U1: those that are right, by PLAIN and by SCRAM: a pair of sets."""
    rows = [(kind, source, U1, p) for p in passwords.values()] + [(kind, source, f"{U1}/{name}", p, "SCRAM-SHA-256") for name, p in passwords.items()]
    got = [ok for ok, _ in attempts(s, rows)]
    n = len(passwords)
    return tuple({name for name, ok in zip(passwords, part) if ok} for part in (got[:n], got[n:]))


def by_its_verb(s, kind, source, password):
    """The login that POP3 and IMAP have beside SASL."""
    with Client(s, kind, source=source) as c:
        if kind == "imap":
            return c.lines(f'l LOGIN {U1} "{password}"', lambda x: x.startswith("l "))[-1].startswith("l OK")
        c.lines(f"USER {U1}", lambda x: True)
        return c.lines(f"PASS {password}", lambda x: True)[0].startswith("+OK")


def protocols(t):
    """One for each set of protocols is right in these and in no other."""
    with start(common__ban="no") as s:
        sets = [1 << i for i in range(len(KINDS))] + [0b1010, 0b0101, 0b0111, 0b1110]
        good_for = {f"p{bits}": {kind for i, kind in enumerate(KINDS) if bits >> i & 1} for bits in sets}
        made = {name: app(s, "add", "--protocols", ",".join(PROTOCOLS[k] for k in kinds), U1, name).stdout.strip() for name, kinds in good_for.items()}
        for kind in KINDS:
            want = {name for name, kinds in good_for.items() if kind in kinds}
            got = right(s, kind, "192.0.2.1", made)
            t.check(got == (want, want), f"{kind}: the {len(want)} for {PROTOCOLS[kind]} are right, by PLAIN and by SCRAM, the {len(made) - len(want)} others are not", str(got))
        for kind in ("pop3", "imap"):
            got = {name for name, p in made.items() if by_its_verb(s, kind, "192.0.2.1", p)}
            t.check(got == {name for name, kinds in good_for.items() if kind in kinds}, f"{kind}: by its own verb the same", str(got))


def networks(t):
    with start(common__ban="no") as s:
        made = {name: app(s, "add", "--networks", of, U1, name).stdout.strip()
                for name, of in (("office", "192.0.2.0/25,2001:db8:5::/48"), ("host", "198.51.100.7"), ("six", "2001:db8:5:1::/64"))}
        made["any"] = app(s, "add", U1, "any").stdout.strip()
        sources = {"192.0.2.127": {"office"}, "192.0.2.128": set(), "198.51.100.7": {"host"}, "198.51.100.8": set(), "2001:db8:5:2::1": {"office"},
                   "2001:db8:5:1::1": {"office", "six"}, "2001:db8:6::1": set()}
        for kind in KINDS:
            got = {source: right(s, kind, source, made) for source in sources}
            t.check(all(got[source] == (want | {"any"}, want | {"any"}) for source, want in sources.items()),
                    f"{kind}: from {len(sources)} places those are right that are for there, by PLAIN and by SCRAM", str(got))
        for kind in ("pop3", "imap"):
            t.check(by_its_verb(s, kind, "198.51.100.7", made["host"]) and not by_its_verb(s, kind, "198.51.100.8", made["host"]), f"{kind}: by its own verb the same")


def expiry(t):
    with Suite(common__proxy_networks=["127.0.0.0/8"], common__ban="no") as s:
        set_clock = clock_of(s)
        s.user(U1, "pass")
        s.start(*LOGINS)
        made = {name: app(s, "add", "--expires", str(days), U1, name).stdout.strip() for name, days in (("day", 1), ("week", 7))}
        made["ever"] = app(s, "add", U1, "ever").stdout.strip()
        for ahead, want in ((0, {"day", "week", "ever"}), (DAY - 300, {"day", "week", "ever"}), (DAY + 1, {"week", "ever"}), (7 * DAY - 300, {"week", "ever"}),
                            (7 * DAY + 1, {"ever"})):
            set_clock(ahead)
            for kind in KINDS:
                got = right(s, kind, "192.0.2.1", made)
                t.check(got == (want, want), f"{kind}, {ahead} s later: {' '.join(sorted(want))}, by PLAIN and by SCRAM", str(got))
        for kind in ("pop3", "imap"):
            t.check(by_its_verb(s, kind, "192.0.2.1", made["ever"]) and not by_its_verb(s, kind, "192.0.2.1", made["week"]), f"{kind}: by its own verb the same")
        t.check(all(ok for ok, _ in attempts(s, [(k, "192.0.2.1", U1, "pass") for k in KINDS])), "the main password has no end")
        t.check(set(listed(s, U1)) == set(made), "those that are over are listed still", str(listed(s, U1)))


def last_use(t):
    with Suite(common__proxy_networks=["127.0.0.0/8"], common__ban="no") as s:
        set_clock = clock_of(s)
        s.user(U1, "pass")
        s.start(*LOGINS)
        phone = app(s, "add", U1, "phone").stdout.strip()
        away = app(s, "add", "--networks", "203.0.113.0/24", U1, "away").stdout.strip()

        def used(name="phone"):
            row = listed(s, U1)[name]
            return row["used_by"], row["used_from"], seconds(row["used"])
        ahead = 0
        for mechanism, user in (("PLAIN", U1), ("SCRAM-SHA-256", f"{U1}/phone")):
            for i, kind in enumerate(KINDS):
                ahead += 61
                set_clock(ahead)
                source = f"2001:db8::{i + 1}" if mechanism == "PLAIN" else f"192.0.2.{i + 1}"
                least = int(time.time())
                ok, line = attempts(s, [(kind, source, user, phone, mechanism)])[0]
                by, of, when = used()
                t.check(ok and (by, of) == (PROTOCOLS[kind], source) and least + ahead <= when <= time.time() + ahead,
                        f"{kind}: {mechanism} is listed as its last use: when, by which protocol, from where", f"{line} {by} {of} {when - ahead}")
        for kind in ("pop3", "imap"):
            ahead += 61
            set_clock(ahead)
            ok = by_its_verb(s, kind, "198.51.100.1", phone)
            t.check(ok and used()[:2] == (PROTOCOLS[kind], "198.51.100.1"), f"{kind}: also that by its own verb", str(used()))
        before = used()
        rows = [(kind, "198.51.100.2", U1, p) for kind in KINDS for p in (away, phone[:-1])] + [("imap", "198.51.100.3", U1, phone)]
        got = [ok for ok, _ in attempts(s, rows)]
        t.check(got == [False] * 8 + [True] and used() == before, "a use within a minute of the last in that daemon is not noted", str(used()))
        t.check(used("away") == ("", "", 0), "nor is what was refused", str(used("away")))
        s.stop()
        s.start(*LOGINS)
        t.check(used() == before, "restarts leave it", str(used()))


GROUPS = {"apps": everywhere, "protocols": protocols, "networks": networks, "expiry": expiry, "last_use": last_use}
