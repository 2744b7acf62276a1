# SPDX-License-Identifier: ISC
"""Maildirs as Dovecot and Courier leave them, written by hand; again, while they change; and hostile ones."""
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import tempfile
import termios

from box import USER, Box, letter, run_import, uidls
from suite import Suite

DATE = 1_500_000_000


class Maildir:
    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="merpati-maildir-"))
        self.folder("")

    def folder(self, name):
        for sub in ("cur", "new", "tmp"):
            (self.path / name / sub).mkdir(parents=True, exist_ok=True)

    def message(self, n, folder="", flags="S", base=None, sub="cur", text=None, mtime=None):
        base = base or f"{DATE + n}.M{n}P1.old"
        path = self.path / folder / sub / (base + (f":2,{flags}" if sub == "cur" else ""))
        path.write_bytes(letter(n, newline="\n") if text is None else text)
        os.utime(path, (DATE + n, DATE + n if mtime is None else mtime))
        return path

    def text(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def base(n):
    return f"{DATE + n}.M{n}P1.old"


def dovecot():
    """INBOX with UIDs that have gaps, UIDLs, keywords; folders of all kinds of names; one without a list."""
    m = Maildir()
    for n, flags in ((1, "S"), (2, "RSa"), (3, "FTb"), (5, "DP")):
        m.message(n, flags=flags)
    m.message(9, sub="new")
    m.text("dovecot-uidlist", f"3 V1400000000 N20 G0123456789abcdef0123456789abcdef\n"
           f"3 P0001.first :{base(1)}:2,S\n7 :{base(2)}\n9 W700 P0003.third :{base(3)}\n15 :{base(5)}:2,\n19 :{base(99)}\n")
    m.text("dovecot-keywords", "0 NonJunk\n1 $Label1\n2 unused\n")
    for folder in (".Sent Messages", ".lists.c&APY-deburg", ".lists.Gel\u00f6scht", ".R&D", ".empty", ".Spam"):
        m.folder(folder)
    m.message(20, ".Sent Messages")
    m.text(".Sent Messages/dovecot-uidlist", f"1 1400000001 5\n4 {base(20)}\n")
    for n in (31, 32):
        m.message(n, ".lists.c&APY-deburg", text=letter(n))  # CRLF already
    m.text(".lists.c&APY-deburg/dovecot-uidlist", f"3 V1400000002 N900 G00\n800 :{base(32)}\n801 :{base(31)}\n")
    m.message(40, ".lists.Gel\u00f6scht", flags="")
    m.message(41, ".R&D", flags="S", base="41.plain")
    m.text(".empty/dovecot-uidlist", "3 V1400000003 N77 G00\n")
    m.text("subscriptions", "V\t2\n\nINBOX\nSent Messages\nlists\tc&APY-deburg\ngone\n")
    return m


def seen(box, name):
    return {uid: (flags, text) for uid, (flags, _, text) in box.folder(name)["messages"].items()}


def test_dovecot(t):
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass")
        rows, _ = run_import(s, "maildir", m.path)
        s.start("imapd", "pop3d")
        with Box(s.port("imap")) as box:
            inbox = box.folder("INBOX")
            t.check(inbox["uidvalidity"] == 1400000000, "UIDVALIDITY of INBOX", inbox["uidvalidity"])
            uids = sorted(inbox["messages"])
            t.check(uids[:4] == [3, 7, 9, 15] and len(uids) == 5 and uids[4] >= 20 + 10000,
                    "UIDs; one that the old server did not number gets one far behind", uids)
            flags = {u: inbox["messages"][u][0] for u in uids}
            want = {3: {"\\Seen"}, 7: {"\\Answered", "\\Seen", "NonJunk"}, 9: {"\\Flagged", "\\Deleted", "$Label1"},
                    15: {"\\Draft", "$Forwarded"}}
            t.check(all(flags[u] == want[u] for u in want) and not flags[uids[4]], "flags, letters of keywords, forwarded", flags)
            t.check(inbox["messages"][3][2] == letter(1), "LF became CRLF")
            t.check(inbox["messages"][7][1][:3] == (2017, 7, 14), "INTERNALDATE is the file's", inbox["messages"][7][1])
            sent = box.folder("Sent Messages")
            t.check(sent["uidvalidity"] == 1400000001 and list(sent["messages"]) == [4], "a list of version 1", sent)
            coburg = box.folder("lists/c&APY-deburg")
            t.check(sorted(coburg["messages"]) == [800, 801] and coburg["messages"][801][2] == letter(31) and coburg["uidnext"] == 900,
                    "levels, modified UTF-7, CRLF stays, UIDNEXT", coburg)
            t.check(len(seen(box, "lists/Gel&APY-scht")) == 1 and len(seen(box, "R&-D")) == 1, "names in UTF-8")
            t.check(box.folder("empty")["uidvalidity"] == 1400000003, "numbers of an empty folder")
            folders = box.folders()
            t.check("\\sent" in folders["Sent Messages"] and "Sent" not in folders, "an unused Sent makes room for the one that came", folders)
            t.check("\\junk" in folders["Spam"] and "Junk" not in folders, "Spam is Junk", folders)
            subscribed = box.subscriptions()
            t.check({"INBOX", "Sent Messages", "lists/c&APY-deburg", "gone"} <= subscribed and "Spam" not in subscribed,
                    "subscriptions", subscribed)
        ids = uidls(s.port("pop3"))
        t.check(ids[0] == "0001.first" and ids[2] == "0003.third" and len(ids[1]) == 32, "UIDLs that the list has", ids)
        t.check(rows["INBOX"]["source"] == rows["INBOX"]["here"] == rows["INBOX"]["fetched"] == 5 and rows["INBOX"]["uids"] == "kept",
                "the row of INBOX", rows["INBOX"])
        t.check(rows["R&D"]["uids"] == "none", "a folder without numbers says so", rows["R&D"])
        t.check(s.merpati("mailbox", "verify", USER).returncode == 0, "the mailbox is sound")


def test_layout_fs(t):
    """Dovecot's LAYOUT=fs: folders in folders, some of them without messages; what else lies about is no folder."""
    m = Maildir()
    m.message(1)
    m.text("dovecot-uidlist", f"3 V1400000000 N9 G00\n8 :{base(1)}\n")
    for folder in ("Sent Messages", "lists/c&APY-deburg", "lists/c&APY-deburg/2020.old", "lists/Gel\u00f6scht", ".hidden"):
        m.folder(folder)
    m.message(2, "Sent Messages")
    m.message(3, "lists/c&APY-deburg")
    m.text("lists/c&APY-deburg/dovecot-uidlist", f"3 V1400000002 N900 G00\n800 :{base(3)}\n")
    m.message(4, "lists/c&APY-deburg/2020.old")
    (m.path / "sieve" / "tmp").mkdir(parents=True)
    (m.path / "loop").symlink_to(m.path)
    m.text("subscriptions", "V\t2\n\nINBOX\nlists\tc&APY-deburg\n")
    with Suite() as s:
        s.user(USER, "pass")
        rows, _ = run_import(s, "--layout", "fs", "maildir", m.path)
        want = {"INBOX": 1, "Sent Messages": 1, "lists/c\u00f6deburg": 1, "lists/c\u00f6deburg/2020.old": 1, "lists/Gel\u00f6scht": 0}
        t.check({n: r["here"] for n, r in rows.items()} == want, "LAYOUT=fs: each folder, and no other one", rows)
        s.start("imapd")
        with Box(s.port("imap")) as box:
            folders = box.folders()
            t.check("lists/c&APY-deburg/2020.old" in folders and "\\sent" in folders["Sent Messages"], "their names and uses", folders)
            t.check(set(box.all()["lists/c&APY-deburg"]["messages"]) == {800}, "their numbers", box.all())
            t.check("lists/c&APY-deburg" in box.subscriptions(), "their subscriptions", box.subscriptions())
        again, _ = run_import(s, "--layout", "fs", "maildir", m.path)
        t.check(not any(r["fetched"] for r in again.values()), "a second run finds all of it again", again)
        _, p = run_import(s, "--layout", "sideways", "maildir", m.path, check=64)
        t.check("maildir++ or fs" in p.stderr, "another layout is none", p.stderr)
    m = Maildir()
    for sub in ("cur", "new", "tmp"):
        (m.path / sub).rmdir()
    m.folder("inbox")
    m.message(1, "inbox")
    with Suite() as s:
        s.user(USER, "pass")
        _, p = run_import(s, "maildir", m.path, check=66)
        t.check("--layout fs" in p.stderr, "without it a Maildir that has none of its own is none", p.stderr)
        rows, _ = run_import(s, "--layout", "fs", "maildir", m.path)
        t.check({n: r["here"] for n, r in rows.items()} == {"INBOX": 1}, "a folder called inbox is INBOX", rows)


def test_quota(t):
    """An import brings what is there, whatever the quota; then the mailbox is full."""
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass", "--quota", "1K", "--quota-messages", "2")
        rows, _ = run_import(s, "maildir", m.path)
        t.check(all(r["here"] == r["source"] for r in rows.values()) and rows["INBOX"]["here"] == 5, "quotas do not hold an import up", rows)
        s.start("imapd")
        with Box(s.port("imap")) as box:
            r = box.imap.append("INBOX", "", None, letter(1))
            t.check(r[0] == "NO" and b"OVERQUOTA" in r[1][0], "but they count what it brought", r)


def test_uidl_format(t):
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass")
        t.check(s.merpati("import", "--pop3-uidl", "%v", USER, "maildir", m.path, check=False).returncode == 64, "a format that is none")
        run_import(s, "--pop3-uidl", "%08Xu%08Xv", "maildir", m.path)
        s.start("pop3d")
        ids = uidls(s.port("pop3"))
        t.check(ids[:4] == ["0001.first", f"00000007{1400000000:08x}", "0003.third", f"0000000f{1400000000:08x}"], "--pop3-uidl", ids)


def on_terminal(s, *args):
    """What merpati writes on a standard error that is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    p = subprocess.Popen([s.program("merpati"), "-c", s.conf, *args], env=s.env, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # EIO: nobody has the other end any more
        pass
    os.close(ours)
    return p.wait(60), said.decode()


def test_progress(t):
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass")
        status, said = on_terminal(s, "import", USER, "maildir", str(m.path))
        bars = re.findall(r"\r(\S[^\r[]*?) +\[(#*) *\]  (\d+) of (\d+)\x1b\[K", said)
        t.check(status == 0 and ("INBOX", "5") in {(name, of) for name, _, _, of in bars}, "on a terminal: a bar for each folder", repr(said))
        t.check(bars and all(int(n) <= int(of) and len(full) == int(n) * 26 // int(of) for _, full, n, of in bars), "as full as the part that is done", bars)
        t.check(said.endswith("\r\x1b[K"), "which goes at the end", repr(said[-40:]))
        _, p = run_import(s, "maildir", m.path)
        t.check(p.stderr == "", "not on a terminal: none", p.stderr)


def test_again(t):
    """The old server is in use still: mail comes, flags change, mail goes; and here too."""
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass")
        run_import(s, "maildir", m.path)
        rows, _ = run_import(s, "maildir", m.path)
        t.check(all(r["fetched"] == r["flagged"] == r["removed"] == r["failed"] == 0 for r in rows.values()), "again: nothing to do", rows)
        # there: 1 is answered and not seen any more, 2 loses its keyword, 3 goes, 50 comes; here: 5 is flagged, 2 moved away
        (m.path / "cur" / f"{base(1)}:2,S").rename(m.path / "cur" / f"{base(1)}:2,R")
        (m.path / "cur" / f"{base(2)}:2,RSa").rename(m.path / "cur" / f"{base(2)}:2,RS")
        (m.path / "cur" / f"{base(3)}:2,FTb").unlink()
        m.message(50, flags="S")
        with open(m.path / "dovecot-uidlist", "a") as f:
            f.write(f"20 :{base(50)}\n")
        s.start("imapd")
        with Box(s.port("imap")) as box:
            box.imap.select("INBOX")
            box.imap.uid("STORE", "15", "+FLAGS", "(\\Flagged mine)")
            box.imap.uid("MOVE", "7", "Trash")
        dry, _ = run_import(s, "--dry-run", "maildir", m.path)
        t.check((dry["INBOX"]["fetched"], dry["INBOX"]["flagged"], dry["INBOX"]["removed"], dry["INBOX"]["left"]) == (1, 1, 1, 1),
                "--dry-run tells what would be done", dry["INBOX"])
        rows, _ = run_import(s, "maildir", m.path)
        row = rows["INBOX"]
        t.check((row["fetched"], row["flagged"], row["removed"], row["left"]) == (1, 1, 1, 1), "and it is done", row)
        with Box(s.port("imap")) as box:
            got = seen(box, "INBOX")
            t.check(got[3][0] == {"\\Answered"}, "flags that changed there", got[3][0])
            t.check(got[15][0] == {"\\Draft", "$Forwarded", "\\Flagged", "mine"}, "flags that were set here stay", got[15][0])
            t.check(9 not in got, "what went there goes")
            t.check(7 not in got and len(seen(box, "Trash")) == 1, "what was moved here stays there")
            new = [u for u in got if got[u][1] == letter(50)]
            t.check(len(new) == 1 and new[0] > 10020, "one whose number was overtaken gets another", new)
        rows, _ = run_import(s, "maildir", m.path)
        t.check(all(r["fetched"] == r["flagged"] == r["removed"] == 0 for r in rows.values()), "a third time: nothing to do", rows)
        (m.path / "cur" / f"{base(1)}:2,R").unlink()
        rows, _ = run_import(s, "--keep-removed", "maildir", m.path)
        t.check(rows["INBOX"]["removed"] == 0 and rows["INBOX"]["here"] == 4, "--keep-removed", rows["INBOX"])


def test_numbers_go_on(t):
    """All is numbered there, and nothing comes here meanwhile: a second run keeps numbers too."""
    m = Maildir()
    lines = ""
    for n in range(1, 6):
        m.message(n)
        lines += f"{n} :{base(n)}\n"
    m.text("dovecot-uidlist", "3 V1300000000 N6 G00\n" + lines)
    with Suite() as s:
        s.user(USER, "pass")
        run_import(s, "maildir", m.path)
        m.message(6)
        m.text("dovecot-uidlist", "3 V1300000000 N7 G00\n" + lines + f"6 :{base(6)}\n")
        rows, _ = run_import(s, "maildir", m.path)
        s.message(USER, letter(1000))
        m.message(7)
        m.text("dovecot-uidlist", "3 V1300000000 N8 G00\n" + lines + f"6 :{base(6)}\n7 :{base(7)}\n")
        s.start("imapd")
        with Box(s.port("imap")) as box:
            got = seen(box, "INBOX")
            t.check(sorted(got)[:6] == [1, 2, 3, 4, 5, 6], "numbers go on in a second run", sorted(got))
            mine = [u for u in got if got[u][1] == letter(1000)]
            t.check(mine and mine[0] >= 10007, "mail that came here leaves the source its numbers", mine)
        run_import(s, "maildir", m.path)
        with Box(s.port("imap")) as box:
            got = seen(box, "INBOX")
            t.check(7 not in got and len(got) == 8, "a number that was leapt over names no other message", sorted(got))


def test_not_empty(t):
    """Mail was delivered here before: its numbers stay, those of the source cannot."""
    m = dovecot()
    with Suite() as s:
        s.user(USER, "pass")
        s.message(USER, letter(500))
        s.start("imapd")
        with Box(s.port("imap")) as box:
            before = box.folder("INBOX")
        rows, _ = run_import(s, "maildir", m.path)
        with Box(s.port("imap")) as box:
            after = box.folder("INBOX")
        t.check(rows["INBOX"]["uids"] == "new" and rows["INBOX"]["here"] == 6, "the row says new numbers", rows["INBOX"])
        t.check(after["uidvalidity"] == before["uidvalidity"] and after["messages"][1][2] == letter(500) and len(after["messages"]) == 6,
                "an INBOX that has mail keeps its numbers", after["uidvalidity"])
        rows, _ = run_import(s, "maildir", m.path)
        t.check(rows["INBOX"]["fetched"] == 0 and rows["INBOX"]["here"] == 6, "and again nothing comes twice", rows["INBOX"])


def courier():
    m = Maildir()
    for n in (1, 2, 3):
        m.message(n, flags="S" if n == 1 else "")
    m.text("courierimapuiddb", f"1 1234567890 30\n10 {base(1)}\n11 {base(2)}\n29 {base(3)}\n")
    m.text("courierimapkeywords/:list", f"$Label2\nwork\n\n{base(2)}:0 1\n{base(3)}:1\n")
    m.text("courierpop3dsizelist", f"/3 5 1234500000\n{base(1)}:2,S 700 3:1234500000:0\n{base(2)} 700 4:1234500000:0\n")
    m.folder(".Trash")
    m.message(4, ".Trash", flags="T")
    m.text(".Trash/courierimapuiddb", f"1 1234567891 8\n7 {base(4)}\n")
    m.text("courierimapsubscribed", "INBOX\nINBOX.Trash\n")
    return m


def test_courier(t):
    m = courier()
    with Suite() as s:
        s.user(USER, "pass")
        run_import(s, "maildir", m.path)
        s.start("imapd", "pop3d")
        with Box(s.port("imap")) as box:
            inbox = box.folder("INBOX")
            t.check(inbox["uidvalidity"] == 1234567890 and sorted(inbox["messages"]) == [10, 11, 29], "Courier's numbers", inbox)
            t.check(inbox["messages"][11][0] == {"$Label2", "work"} and inbox["messages"][29][0] == {"work"}, "Courier's keywords")
            t.check(sorted(box.folder("Trash")["messages"]) == [7], "an empty Trash takes over the source's numbers")
            t.check({"INBOX", "Trash"} <= box.subscriptions(), "Courier's subscriptions")
        ids = uidls(s.port("pop3"))
        t.check(ids[:2] == ["UID3-1234500000", "UID4-1234500000"] and len(ids[2]) == 32, "Courier's UIDLs", ids)


def test_hostile(t):
    """What a user may have put into his Maildir for root to read."""
    m = Maildir()
    secret = pathlib.Path(tempfile.mkdtemp(prefix="merpati-secret-"))
    (secret / "cur").mkdir()
    (secret / "cur" / "1.secret:2,").write_bytes(b"Subject: secret\n\nsecret\n")
    os.symlink(secret / "cur" / "1.secret:2,", m.path / "cur" / "2.link:2,")
    os.symlink(secret, m.path / ".linked")
    os.mkfifo(m.path / "cur" / "3.fifo:2,")
    (m.path / "cur" / "4.directory:2,").mkdir()
    m.folder(".in")
    os.symlink("../../../../../../etc/passwd", m.path / ".in" / "cur" / "5.up:2,")
    m.text("dovecot-uidlist", b"3 V1 N99999999999 Gx\n" + b"5 :" + b"x" * 100000 + b"\n\0\0\0\n4294967295 :7.last\n4294967296 :8.over\n")
    m.text("dovecot-keywords", b"0 \xff\xfe\n1 a(b\n2 ok\n99999999999 x\n")
    m.message(6, flags="abc", base="6.keywords")
    m.message(7, base="7.last")
    m.folder(".\u0001ctl")
    m.folder(".a..b")
    m.folder("." + "x" * 250)
    with Suite() as s:
        s.user(USER, "pass")
        rows, p = run_import(s, "maildir", m.path, check=65)
        t.check(rows["INBOX"]["fetched"] == 2, "links, pipes and directories are no messages", rows["INBOX"])
        t.check("linked" not in rows and rows["in"]["fetched"] == 0, "links to elsewhere are not followed", rows)
        bad = [r for r in rows.values() if r["note"]]
        t.check(any("name" in r["note"] for r in bad), "names that cannot be are told", bad)
        s.start("imapd")
        with Box(s.port("imap")) as box:
            flags = [m[0] for m in box.folder("INBOX")["messages"].values()]
            t.check({"ok"} in flags, "keywords that cannot be are left out", flags)
            t.check(not any(b"secret" in m[2] for f in box.all().values() for m in f["messages"].values()), "nothing secret was read")
        link = m.path.parent / (m.path.name + "-link")
        os.symlink(secret, link)
        t.check(s.merpati("import", USER, "maildir", link, check=False).returncode == 66, "the Maildir itself may be no link")
        link.unlink()
        t.check(s.merpati("import", USER, "maildir", secret / "cur", check=False).returncode == 66, "what is no Maildir")
        t.check(s.merpati("import", USER, "maildir", "/nonexistent", check=False).returncode == 66, "what is not there")
        t.check(s.merpati("import", "nobody@example.test", "maildir", m.path, check=False).returncode == 67, "no such account")
        t.check(s.merpati("import", USER, "mbox", m.path, check=False).returncode == 64, "no such kind of source")
        t.check(s.merpati("mailbox", "verify", USER).returncode == 0, "the mailbox is sound")


def run(t):
    for test in (test_dovecot, test_layout_fs, test_quota, test_uidl_format, test_progress, test_again, test_numbers_go_on, test_not_empty, test_courier, test_hostile):
        try:
            test(t)
        except Exception as e:  # a test's failure must not end the others
            t.check(False, test.__name__, f"{type(e).__name__}: {e}")
