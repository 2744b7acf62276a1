# SPDX-License-Identifier: ISC
"""verify and rebuild: bits that flip, files that go, strangers, counts, damaged items, a lost index."""
import json
import os
import poplib
import shutil

from imap import Imap
from suite import Suite, wait_for

USER = "anna@example.test"


def letter(n, size=600):
    head = f"From: a@example.org\r\nTo: {USER}\r\nSubject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n"
    return (head + f"line of letter {n}\r\n" * (size // 18)).encode()


def verify(s, *args):
    p = s.merpati("--json", "mailbox", "verify", *(args or (USER,)), check=False)
    return p.returncode, json.loads(p.stdout)


def account(s, n):
    """An account with n messages, taken in; their files in order of name."""
    s.user(USER, "pass")
    for i in range(n):
        s.message(USER, letter(i))
    code, told = verify(s)
    if code or told["accounts"][0]["messages"] != n or told["findings"]:
        raise RuntimeError(f"a new account is not sound: {code} {told}")
    return sorted(p for p in (s.mailbox(USER) / "msg").rglob("*") if p.is_file())


def findings(s):
    code, told = verify(s)
    return code, sorted((f["finding"], os.path.basename(f["file"]), f["uid"] > 0) for f in told["findings"])


def test_bits(t):
    with Suite() as s:
        files = account(s, 30)
        text = bytearray(files[3].read_bytes())
        text[200] ^= 1
        files[3].write_bytes(text)
        files[7].write_bytes(files[7].read_bytes()[:-2])
        files[9].unlink()
        os.chmod(files[11], 0)
        code, found = findings(s)
        want = sorted([("its file has another SHA-256", files[3].name, True), ("its file has another size", files[7].name, True),
                       ("its file is gone", files[9].name, True)]
                      + [("its file cannot be read", files[11].name, True)])
        t.check(code == 65 and found == want, "a flipped bit, a cut file, one that is gone, one that cannot be read", (code, found))
        people = s.merpati("mailbox", "verify", USER, check=False)
        t.check(people.returncode == 65 and "another SHA-256" in people.stdout and USER in people.stdout,
                "verify prints tables for people", people.stdout)


def test_strangers(t):
    with Suite() as s:
        files = account(s, 5)
        home = s.mailbox(USER)
        alike = "0" * 32 if not files[0].name.startswith("00") else "01" + "0" * 30
        (home / "msg" / alike[:2]).mkdir(exist_ok=True)
        (home / "msg" / alike[:2] / alike).write_bytes(letter(99))
        (home / "msg" / files[0].parent.name / "notes.txt").write_text("hello")
        (home / "msg" / "more").mkdir()
        code, found = findings(s)
        want = sorted([("without a row in the table of files", alike, False), ("no message file", "notes.txt", False),
                       ("no message file", "more", False)])
        t.check(code == 65 and found == want, "files without a row, and what is no message file", (code, found))


def test_sound_in_use(t):
    """Verified again and again while mail comes: nothing that merely changes is told."""
    with Suite() as s:
        account(s, 50)
        bad = []
        for i in range(20):
            for k in range(5):
                s.message(USER, letter(1000 + 5 * i + k))
            code, told = verify(s)
            if code or told["findings"]:
                bad.append((code, told))
        t.check(not bad, "a mailbox in use is sound", bad[:1])


def test_all(t):
    with Suite() as s:
        account(s, 3)
        s.user("bert@example.test", "pass")
        code, told = verify(s, "--all")
        t.check(code == 0 and [a["address"] for a in told["accounts"]] == [USER, "bert@example.test"], "verify --all", told)
        t.check(s.merpati("mailbox", "verify", "nobody@example.test", check=False).returncode == 67, "verify of nobody says so")
        t.check(s.merpati("mailbox", "verify", check=False).returncode == 64, "verify needs an address")
        shutil.rmtree(s.mailbox("bert@example.test"))
        code, told = verify(s, "--all")
        t.check(code == 75 and [a["address"] for a in told["accounts"]] == [USER], "an account without a mailbox fails alone", (code, told))


def test_rebuild(t):
    with Suite() as s:
        files = account(s, 40)
        home = s.mailbox(USER)
        files[1].unlink()
        stray = "0f" * 16
        (home / "msg" / stray[:2]).mkdir(exist_ok=True)
        (home / "msg" / stray[:2] / stray).write_bytes(letter(77))
        if os.geteuid() == 0:
            for p in (home / "msg" / stray[:2], home / "msg" / stray[:2] / stray):
                os.chown(p, home.stat().st_uid, home.stat().st_gid)
        p = s.merpati("--json", "mailbox", "rebuild", USER)
        told = json.loads(p.stdout)
        t.check(told["messages"] == 40 and told["found"] == 1 and told["without_file"] == 1, "rebuild says what it found", told)
        t.check((home / told["aside"]).is_dir(), "the old index is put aside", told)
        code, after = verify(s)
        t.check(code == 0 and after["accounts"][0]["messages"] == 40, "what was rebuilt is sound", after)
        s.merpati("mailbox", "rebuild", USER)
        code, after = verify(s)
        t.check(code == 0 and after["accounts"][0]["messages"] == 40, "and sound when it is rebuilt again", after)


def test_rebuild_damaged(t):
    """All tables overwritten, the dump lost: no message is, and the keeper of before has ended."""
    with Suite() as s:
        account(s, 25)
        home = s.mailbox(USER)
        s.kill_keepers(USER)
        for p in (home / "index" / "db").iterdir():
            if p.is_file():
                p.write_bytes(os.urandom(p.stat().st_size))
        (home / "dump").unlink(missing_ok=True)
        told = json.loads(s.merpati("--json", "mailbox", "rebuild", USER).stdout)
        t.check(told["messages"] == 25, "an index of noise and no dump: all messages are found", told)
        code, after = verify(s)
        t.check(code == 0 and after["accounts"][0]["messages"] == 25, "and sound afterwards", after)


def test_slices(t):
    """What sessions turned of signatures, for searches of many messages."""
    with Suite() as s:
        s.user(USER, "pass")
        s.start("imapd")
        c = Imap(s.port("imap"))
        c.login(USER, "pass")
        assert c.do([x for i in range(1000) for x in ("APPEND INBOX () " if i == 0 else " () ", letter(i, 36))]).ok

        def slices():
            assert c.do("SELECT INBOX").ok and c.do('SEARCH TEXT "letter 77x"').ok and c.do("NOOP").ok
            return list((s.mailbox(USER) / "index").glob("slices.[0-9]*"))
        t.check(wait_for(slices, 60) and findings(s) == (0, []), "slices of 1,000 messages are sound", findings(s))
        path = slices()[0]
        sound = path.read_bytes()
        for at, what in ((16 + 40, "who it is of"), (len(sound) // 2, "a row"), (len(sound) - 1, "a sum")):
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:])
            t.check(findings(s) == (65, [("damaged slices of signatures", path.name, False)]), f"a flipped bit in {what} is told", findings(s))
        path.write_bytes(sound[:-8])
        code, told = verify(s)
        t.check(code == 65 and told["accounts"][0]["cache"] == 1, "so is an end that is missing", told)
        c.close()
        s.merpati("mailbox", "rebuild", USER)
        t.check(findings(s) == (0, []), "a rebuild mends it", findings(s))
        c = Imap(s.port("imap"))
        c.login(USER, "pass")
        t.check(wait_for(slices, 120) and findings(s) == (0, []), "and others are made", findings(s))


def test_undelete(t):
    """What a client deleted, with its folder, is listed, and goes back where it was."""
    with Suite(common__undelete_days=7) as s:
        account(s, 6)
        s.start("imapd", "pop3d")
        c = Imap(s.port("imap"))
        c.login(USER, "pass")
        for command in ("CREATE Work", "SELECT INBOX", "MOVE 5:6 Work", "DELETE Work", "STORE 1:2 +FLAGS (\\Deleted \\Flagged)", "EXPUNGE"):
            if not (r := c.do(command)).ok:
                raise RuntimeError(f"{command}: {r}")
        pop = poplib.POP3("127.0.0.1", s.port("pop3"))
        pop.user(USER)
        pop.pass_("pass")
        pop.dele(1)
        pop.quit()

        def listed(*args):
            return json.loads(s.merpati("--json", "mailbox", "undelete", USER, "--list", *args).stdout)

        t.check(wait_for(lambda: len(listed()) == 5, 20), "what went is listed", listed())
        rows = {r["subject"]: r for r in listed()}
        t.check(sorted((k, r["folder"]) for k, r in rows.items()) ==
                [("letter 0", "INBOX"), ("letter 1", "INBOX"), ("letter 2", "INBOX"), ("letter 4", "Work"), ("letter 5", "Work")] and
                rows["letter 0"]["from"] == "a@example.org" and rows["letter 0"]["bytes"] > 500 and rows["letter 4"]["expunged"].startswith("20"),
                "with folder, subject, sender, size and time", rows)
        t.check([r["folder"] for r in listed("--folder", "Work")] == ["Work"] * 2 and len(listed("--since", "1h")) == 5, "--folder, --since")
        code, told = verify(s)
        t.check(code == 0 and told["accounts"][0]["messages"] == 1 and told["accounts"][0]["kept"] == 5, "verify counts it by itself", told)
        one = str(rows["letter 1"]["id"])
        back = json.loads(s.merpati("--json", "mailbox", "undelete", USER, one).stdout)
        t.check(back == [{"folder": "INBOX", "messages": 1, "error": ""}], "one goes back", back)
        c.do("NOOP")
        flags = c.do("FETCH 2 (FLAGS)").untagged
        t.check("Flagged" in str(flags) and "Deleted" not in str(flags), "with its flags, and not deleted any more", flags)
        p = s.merpati("mailbox", "undelete", USER, one, check=False)
        t.check(p.returncode == 65 and "1 of these" in p.stderr, "what is not there is said", p)
        s.merpati("mailbox", "rebuild", USER)
        t.check(len(listed()) == 4 and verify(s)[0] == 0, "a rebuild keeps it so", listed())
        people = s.merpati("mailbox", "undelete", USER, "--all").stdout
        t.check("Work" in people and "INBOX" in people, "all goes back", people)
        c.do("NOOP")
        t.check(listed() == [] and verify(s)[1]["accounts"][0]["messages"] == 6, "and the folder is there again", verify(s))
        t.check(s.merpati("mailbox", "undelete", USER, check=False).returncode == 64 and
                s.merpati("mailbox", "undelete", USER, "x", check=False).returncode == 64, "it must be said what")
        c.close()


def test_quota(t):
    """What is used is shown as verdicts see it; a level that is reached is told once; counts can be made anew."""
    with Suite(common__quota_warnings=["50", "90"], common__domain_quotas=["example.test=1M"], common__undelete_days=7) as s:
        account(s, 4)
        s.user("bert@example.test", "pass")

        def shown(*names):
            return {r["name"]: r for r in json.loads(s.merpati("--json", "quota", "show", *names).stdout)}

        wait_for(lambda: shown()[USER]["messages"] == 4, 20)  # a keeper writes it within a second
        all_of = shown()
        t.check(sorted(all_of) == [USER, "bert@example.test", "example.test"] and all_of[USER]["messages"] == 4 and
                all_of["example.test"]["bytes"] == all_of[USER]["bytes"] > 2000 and all_of["example.test"]["quota_bytes"] == 1 << 20,
                "quota show: accounts, and domains with a quota", all_of)
        s.merpati("quota", "set", USER, "--quota", "4K", "--quota-messages", "100")
        row = shown(USER)[USER]
        t.check((row["quota_bytes"], row["quota_messages"]) == (4096, 100) and row["percent"] == row["bytes"] * 100 // 4096, "quota set", row)
        s.start("imapd")
        c = Imap(s.port("imap"))
        c.login(USER, "pass")
        c.do("SELECT INBOX")
        search = 'SEARCH SUBJECT "Your mailbox is"'
        t.check(wait_for(lambda: c.do("NOOP").ok and "5" in str(c.do(search).untagged), 20), "a mail says that half of it is used", c.do(search))
        c.do("STORE 1:2 +FLAGS (\\Deleted)")
        c.do("EXPUNGE")
        c.do("LOGOUT")
        c.close()
        t.check(wait_for(lambda: shown(USER)[USER]["kept_bytes"] > 1000 and shown(USER)[USER]["messages"] == 3, 20),
                "what is kept is shown by itself", shown(USER))
        told = json.loads(s.merpati("--json", "quota", "recalc", "example.test").stdout)
        t.check([(r["address"], r["messages"], r["mended"]) for r in told] == [(USER, 3, 0), ("bert@example.test", 0, 0)], "quota recalc", told)
        t.check(s.merpati("quota", "show", "nobody@example.test", check=False).returncode == 67 and
                s.merpati("quota", "set", USER, check=False).returncode == 64 and
                s.merpati("quota", "set", "example.test", "--quota", "1G", check=False).returncode == 64 and
                s.merpati("quota", "recalc", check=False).returncode == 64, "what is missing is said")
        t.check("example.test" in s.merpati("quota", "show").stdout, "a table for people")


def test_no_wait(t):
    """The keeper that a command started must not hold the command's output open."""
    with Suite() as s:
        account(s, 2)
        t.check(wait_for(lambda: s.merpati("mailbox", "verify", USER).returncode == 0, 5), "verify ends when it is done")


def run(t):
    for test in (test_bits, test_strangers, test_sound_in_use, test_all, test_rebuild, test_rebuild_damaged, test_slices, test_undelete, test_quota, test_no_wait):
        try:
            test(t)
        except Exception as e:  # a test's failure must not end the others
            t.check(False, test.__name__, f"{type(e).__name__}: {e}")
