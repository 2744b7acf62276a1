# SPDX-License-Identifier: ISC
"""export: what comes out goes in again, here and into Dovecot."""
import imaplib
import pathlib
import tempfile

from box import USER, Box, letter, quoted, run_import, uidls
from dovecot import Dovecot, is_installed
from maildir import dovecot as dovecot_maildir
from suite import Suite

FLAGS = ["", "\\Seen", "\\Seen \\Answered $Forwarded", "\\Flagged work", "NonJunk $Label1 work", "\\Deleted", "\\Draft \\Seen"]


def account(s):
    """What came from a Maildir (with UIDLs), and what was made here: names, keywords, two of one message in a folder."""
    s.user(USER, "pass")
    run_import(s, "maildir", dovecot_maildir().path)
    s.start("imapd", "pop3d")
    with Box(s.port("imap")) as box:
        for name in ("a.b", "a.b/c\\2e", "INBOX/below", "Gel&APY-scht", "&Jjo-", "none"):
            box.imap.create(quoted(name))
            box.imap.subscribe(quoted(name))
        for i in range(42):
            name = ("INBOX", "a.b", "a.b/c\\2e", "INBOX/below", "Gel&APY-scht", "&Jjo-")[i % 6]
            box.imap.append(quoted(name), f"({FLAGS[i % 7]})", imaplib.Time2Internaldate(1_450_000_000 + i), letter(i, 2000))
        box.imap.select('"a.b"')
        box.imap.uid("COPY", "1:3", '"a.b"')
        box.imap.uid("STORE", "2", "+FLAGS.SILENT", "(\\Deleted)")
        box.imap.uid("EXPUNGE", "2")
        return box.all(), box.subscriptions()


def differences(a, b):
    bad = []
    for name in sorted(set(a) | set(b)):
        if a.get(name) != b.get(name):
            x, y = a.get(name), b.get(name)
            bad.append((name, x and {k: v for k, v in x.items() if k != "messages"}, y and {k: v for k, v in y.items() if k != "messages"},
                        x and y and [u for u in set(x["messages"]) | set(y["messages"]) if x["messages"].get(u) != y["messages"].get(u)][:5]))
    return bad


def test_there_and_back(t):
    with Suite() as s, Suite() as other:
        before, subscribed = account(s)
        ids = uidls(s.port("pop3"))
        out = pathlib.Path(tempfile.mkdtemp(prefix="merpati-export-")) / "Maildir"
        p = s.merpati("export", USER, out)
        t.check("a.b" in p.stdout and "FOLDER" in p.stdout, "export prints a table", p.stdout)
        t.check(s.merpati("export", USER, out, check=False).returncode == 73, "it overwrites nothing")
        t.check(s.merpati("export", "nobody@example.test", out / "x", check=False).returncode == 67, "export of nobody")
        other.user(USER, "pass")
        rows, _ = run_import(other, "maildir", out)
        other.start("imapd", "pop3d")
        with Box(other.port("imap")) as box:
            after = box.all()
            t.check(not differences(before, after), "export, import: the same folders, numbers, flags, dates, bytes", differences(before, after)[:3])
            t.check(box.subscriptions() == subscribed, "the same subscriptions", (box.subscriptions() ^ subscribed))
        t.check(uidls(other.port("pop3")) == ids, "the same UIDLs", (ids, uidls(other.port("pop3"))))
        t.check(all(r["uids"] == "kept" and not r["failed"] and not r["note"] for r in rows.values()), "all rows say so", rows)
        if not is_installed():
            return t.skip("Dovecot reads what was exported", "it is not installed")
        with Dovecot(s.dir / "cert.pem", s.dir / "key.pem", mail=out) as d, Box(d.imap, "anna", "theirs") as box:
            got = box.all()
            names = [n for n in before if "." not in n and "\\" not in n]
            t.check(not differences({n: before[n] for n in names}, {n: got.get(n) for n in names}),
                    "Dovecot shows the same of what was exported", differences({n: before[n] for n in names}, {n: got.get(n) for n in names})[:3])
    return None


def test_keywords_most(t):
    """A Maildir has 26 letters."""
    with Suite() as s:
        s.user(USER, "pass")
        s.start("imapd")
        with Box(s.port("imap")) as box:
            for i in range(30):
                box.imap.append("INBOX", f"(k{i})", None, letter(i))
        out = pathlib.Path(tempfile.mkdtemp(prefix="merpati-export-")) / "Maildir"
        p = s.merpati("--json", "export", USER, out)
        t.check("4 keywords have no letter" in p.stdout, "keywords beyond the letters are told", p.stdout)
        t.check(len(list((out / "cur").iterdir())) == 30, "their messages come")


def run(t):
    for test in (test_there_and_back, test_keywords_most):
        try:
            test(t)
        except Exception as e:  # a test's failure must not end the others
            t.check(False, test.__name__, f"{type(e).__name__}: {e}")
