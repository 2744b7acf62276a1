# SPDX-License-Identifier: ISC
"""imap_clients.py - programs that read, file and synchronise by IMAP."""
import imaplib
import os
import pathlib
import pty
import re
import select
import shutil
import ssl
import subprocess
import time

from imap import Imap, fetch_pairs

HERE = pathlib.Path(__file__).resolve().parent
MESSAGE = "From: <a@example.net>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <{}@example.net>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\nbody of {}\r\n"


def must(ok, *about):
    if not ok:
        raise RuntimeError(" ".join(str(a)[-1500:] for a in about))


def command(*args, input=None, env=None, seconds=120, may_fail=False):
    p = subprocess.run([str(a) for a in args], input=input, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=seconds, env=dict(os.environ, **(env or {})))
    must(may_fail or p.returncode == 0, f"{args[0]}: status {p.returncode}:", p.stdout)
    return p.stdout


def text(user, subject):
    return MESSAGE.format(user, subject, subject, subject).encode()


def account(s, name, count=0):
    """A new account with that many messages."""
    user = f"{name}@example.test"
    s.user(user, "pass", "--quota", "1G")
    for i in range(count):
        s.message(user, text(user, f"mail-{i}"))
    return user


def connect(s, user):
    c = Imap(s.port("imap"))
    c.login(user, "pass")
    return c


def state(s, user):
    """{mailbox: {subject: flags}}"""
    c = connect(s, user)
    out = {}
    for *_, name in c.do('LIST "" "*"').of("LIST"):
        must(c.do(f'EXAMINE "{name}"').ok, name)
        out[name] = box = {}
        for _, values in c.do("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").numbered("FETCH"):
            items = fetch_pairs(values[0])
            header = next(v for k, v in items.items() if k.startswith("BODY["))
            subject = header.decode().split(": ", 1)[1].strip()
            must(subject not in box, f"{subject} is twice in {name}")
            box[subject] = set(items["FLAGS"]) - {"\\Recent"}
    c.close()
    return out


def marks(s, user):
    """What any change would change: {mailbox: (UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ)}"""
    c = connect(s, user)
    names = [u[-1] for u in c.do('LIST "" "*"').of("LIST")]
    out = {n: c.do(f'STATUS "{n}" (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)').of("STATUS")[0][1] for n in names}
    c.close()
    return out


# ---- curl ----

def curl(s):
    user = account(s, "curl", 3)

    def run(scheme, path, *options):
        return command("curl", "-sS", "--cacert", s.dir / "cert.pem", "--user", f"{user}:pass", *options,
                       f"{scheme}://localhost:{s.port(scheme)}/{path}")
    must("INBOX" in run("imaps", ""), "LIST by IMAPS")
    must("Subject: mail-0" in run("imaps", "INBOX;UID=1"), "a message by its uid")
    must("Subject: mail-1" in run("imap", "INBOX;MAILINDEX=2", "--ssl-reqd"), "a message by its number, STARTTLS")
    must("body of mail-2" in run("imaps", "INBOX;UID=3;SECTION=TEXT"), "a section")
    must("body" not in run("imaps", "INBOX;UID=3;SECTION=HEADER.FIELDS%20(SUBJECT)"), "a header field")
    must("* SEARCH 2" in run("imaps", "INBOX?SUBJECT%20mail-1"), "SEARCH")
    must("3" in run("imaps", "", "-X", "STATUS INBOX (MESSAGES)"), "STATUS")
    f = s.dir / "curl.eml"
    f.write_bytes(text(user, "uploaded"))
    run("imap", "Sent", "--ssl-reqd", "-T", f)
    must(state(s, user)["Sent"] == {"uploaded": {"\\Seen"}}, "upload", state(s, user))
    for mechanism in ("PLAIN", "LOGIN"):
        must("INBOX" in run("imaps", "", "--login-options", f"AUTH={mechanism}", "--sasl-ir"), mechanism)
    run("imaps", "INBOX", "-X", "UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    run("imaps", "INBOX", "-X", "EXPUNGE")
    must(set(state(s, user)["INBOX"]) == {"mail-1", "mail-2"}, "EXPUNGE", state(s, user))


# ---- synchronisers ----

def maildir_files(folder):
    return {p for sub in ("cur", "new") for p in (folder / sub).iterdir()}


def by_subject(folder):
    """{subject: file} of a Maildir"""
    return {re.search(r"^Subject: (\S+)", p.read_text(), re.M).group(1): p for p in maildir_files(folder)}


def put_local(folder, user, subject):
    for sub in ("cur", "new", "tmp"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "new" / f"{time.time_ns()}.{subject}.here").write_bytes(text(user, subject).replace(b"\r\n", b"\n"))


def set_local(path, flags):
    """Flags of a Maildir's message"""
    path.rename(path.parent.parent / "cur" / (path.name.split(":")[0] + ":2," + flags))


def flags_local(path):
    return path.name.partition(":2,")[2]


def synchronise(s, user, near, sync, is_quiet):
    """500 messages, and then each kind of change on both sides; sync() brings them together and says what it printed."""
    for i in range(100):
        put_local(near / "Archive", user, f"local-{i}")
    sync()
    there = state(s, user)
    must(len(there["INBOX"]) == 400 and len(there["Archive"]) == 100, {n: len(b) for n, b in there.items()})
    must(len(by_subject(near / "INBOX")) == 400 and len(by_subject(near / "Archive")) == 100, "the Maildir has not all")
    before = marks(s, user), maildir_files(near / "INBOX"), maildir_files(near / "Archive")
    said = sync()
    must(before == (marks(s, user), maildir_files(near / "INBOX"), maildir_files(near / "Archive")) and is_quiet(said),
         "a second run changed something", said)
    c = connect(s, user)
    c.do("SELECT INBOX")
    must(c.do("UID STORE 1:20 +FLAGS (\\Seen \\Flagged)").ok and c.do("UID STORE 21:30 +FLAGS (\\Answered)").ok, "STORE")
    must(c.do("UID STORE 31:35 +FLAGS (\\Deleted)").ok and c.do("EXPUNGE").ok, "EXPUNGE")
    c.append("INBOX", text(user, "new-there"))
    files = by_subject(near / "INBOX")
    for i in range(100, 110):
        set_local(files[f"mail-{i}"], "FS")
    for i in range(110, 115):
        files[f"mail-{i}"].unlink()
    put_local(near / "INBOX", user, "new-here")
    sync()
    sync()
    there, files = state(s, user)["INBOX"], by_subject(near / "INBOX")
    must(set(there) == set(files), "the sides differ", set(there) ^ set(files))
    must({"new-there", "new-here"} <= set(there), "what is new is not on both sides")
    gone = {f"mail-{i}" for i in [*range(30, 35), *range(110, 115)]} & set(there)
    must(not gone, "deleted on one side, and still there", gone)
    wrong = {f"mail-{i}": there[f"mail-{i}"] for i in [*range(20), *range(100, 110)] if not there[f"mail-{i}"] >= {"\\Seen", "\\Flagged"}}
    must(not wrong, "flags there", wrong)
    wrong = {x: flags_local(files[x]) for i in range(30) for x in [f"mail-{i}"] if not set("FS" if i < 20 else "R") <= set(flags_local(files[x]))}
    must(not wrong, "flags here", wrong)
    before = marks(s, user)
    said = sync()
    must(before == marks(s, user) and is_quiet(said), "the last run changed something", said)
    c.close()


def mbsync(s):
    user = account(s, "mbsync", 400)
    near = s.dir / "mbsync"
    near.mkdir()
    rc = s.dir / "mbsyncrc"
    rc.write_text(f"""IMAPAccount there
Host localhost
Port {s.port("imaps")}
User {user}
Pass pass
SSLType IMAPS
CertificateFile {s.dir}/cert.pem

IMAPStore far
Account there

MaildirStore near
Path {near}/
Inbox {near}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")

    def sync():
        return command("mbsync", "-V", "-c", rc, "all")
    # the last line of a run: what was added, changed and trashed on each side
    synchronise(s, user, near, sync, lambda said: not re.search(r"(far|near): \+[1-9]|\*[1-9]|#[1-9]", said.splitlines()[-1]))
    shutil.rmtree(near / "Archive")
    command("mbsync", "-c", rc, "all", may_fail=True)  # refused or carried out: no message may be lost by it unsaid


def offlineimap(s):
    user = account(s, "offlineimap", 400)
    near, home = s.dir / "offline", s.dir / "offline-home"
    home.mkdir()
    rc = s.dir / "offlineimaprc"
    rc.write_text(f"""[general]
accounts = a
metadata = {home}/meta
ui = basic
[Account a]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = {near}
[Repository there]
type = IMAP
remotehost = localhost
remoteport = {s.port("imaps")}
ssl = yes
sslcacertfile = {s.dir}/cert.pem
remoteuser = {user}
remotepass = pass
""")

    def sync():
        return command("offlineimap", "-c", rc, "-o", env={"HOME": str(home)})
    synchronise(s, user, near, sync, lambda said: "ERROR" not in said)


# ---- readers ----

def on_terminal(args, env, seconds=60):
    """A program that wants a screen; what it wrote there."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(args[0], args, dict(os.environ, TERM="xterm", **env))
    out, end = b"", time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.5)[0]:
                out += os.read(fd, 65536)
    except OSError:
        pass  # it ended
    else:
        os.kill(pid, 9)
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    must(status == 0, f"{args[0]}: status {status}", out[-800:])
    return out


def mutt(s):
    user = account(s, "mutt", 4)
    home = s.dir / "mutt-home"
    home.mkdir()
    base = f"imap://{user.replace('@', '%40')}@localhost:{s.port('imap')}"
    rc = home / "muttrc"
    rc.write_text(f"""set imap_user="{user}"
set imap_pass="pass"
set ssl_force_tls=yes
set ssl_starttls=yes
set certificate_file="{s.dir}/cert.pem"
set folder="{base}"
set header_cache=
set quit=yes
set move=no
set delete=yes
set confirmappend=no
set confirmcreate=no
set record=
set wait_key=no
set pager=builtin
""")
    keys = ("<first-entry><display-message><exit>"                             # reads mail-0
            "<next-entry><flag-message>"                                      # flags mail-1; the cursor moves on
            "<first-entry><next-entry><next-entry><save-message>=Archive<enter>"   # moves mail-2
            "<last-entry><copy-message>=Filed<enter><enter>"                  # copies mail-3 to a new one
            "<sync-mailbox><quit>")
    on_terminal(["mutt", "-n", "-F", str(rc), "-f", f"{base}/INBOX", "-e", f"push '{keys}'"], {"HOME": str(home)})
    there = state(s, user)
    must(set(there["INBOX"]) == {"mail-0", "mail-1", "mail-3"}, there)
    must("\\Seen" in there["INBOX"]["mail-0"] and "\\Flagged" in there["INBOX"]["mail-1"], there)
    must(set(there["Archive"]) == {"mail-2"} and set(there.get("Filed", ())) == {"mail-3"}, there)


def fetchmail(s):
    user = account(s, "fetcher", 5)
    home, rc, out = s.dir / "fetch-home", s.dir / "fetchmailrc-imap", s.dir / "fetched-imap"
    home.mkdir()

    def poll(options):
        rc.write_text(f'poll localhost service {s.port("imap")} proto imap user "{user}" password "pass" sslproto "TLS1.2+" '
                      f'sslcertck sslcertfile "{s.dir}/cert.pem" {options} mda "cat >> {out}"\n')
        rc.chmod(0o700)
        return command("fetchmail", "-f", rc, "--nodetach", "--nosyslog", env={"HOME": str(home)}, may_fail=True)
    poll("keep")
    must(out.read_text().count("Subject: mail-") == 5, "not all were fetched")
    must(all("\\Seen" in f for f in state(s, user)["INBOX"].values()), "what was fetched is not \\Seen", state(s, user))
    poll("keep")
    must(out.read_text().count("Subject: mail-") == 5, "what is \\Seen was fetched again")
    poll("fetchall nokeep")
    must(state(s, user)["INBOX"] == {} and out.read_text().count("Subject: mail-") == 10, "fetched and removed")


# ---- libraries ----

def perl(s):
    user = account(s, "perl", 3)
    said = command("perl", HERE / "imapclient.pl", s.port("imap"), s.port("imaps"), s.dir / "cert.pem", user)
    must(said.splitlines()[-1:] == ["done"], said)


IMAPFLOW = "imapflow@1.0.171"


def has_imapflow(folder):
    """npm fetches it once a build; None, or why there is none."""
    if (folder / "node_modules" / "imapflow").exists():
        return None
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        command("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", IMAPFLOW)
    except (RuntimeError, subprocess.TimeoutExpired) as e:
        return f"npm did not bring {IMAPFLOW}: {str(e)[-200:]}"
    return None


def run_imapflow(s, folder):
    user = account(s, "imapflow", 3)
    shutil.copy(HERE / "imapflow.mjs", folder)
    said = command("node", folder / "imapflow.mjs", s.port("imap"), s.port("imaps"), s.dir / "cert.pem", user)
    must(said.splitlines()[-1:] == ["done"], said)


def imapflow(t, s):
    folder = s.build / "tests" / "clients" / "node"
    why = has_imapflow(folder)
    if why:
        t.skip("node: imapflow", why)
    else:
        t.run("node: imapflow", run_imapflow, s, folder)


def python_imaplib(s):
    """Each method; of what the server does not have, that it says so."""
    user, context = account(s, "imaplib", 4), ssl.create_default_context(cafile=s.dir / "cert.pem")
    with imaplib.IMAP4_SSL("localhost", s.port("imaps"), ssl_context=context) as c:
        must(c.authenticate("PLAIN", lambda _: f"\0{user}\0pass".encode())[0] == "OK", "AUTHENTICATE PLAIN")
    c = imaplib.IMAP4("localhost", s.port("imap"))
    must(c.starttls(context)[0] == "OK" and "LOGINDISABLED" not in c.capabilities, "STARTTLS")
    try:
        c.login(user, "wrong")
        must(False, "a wrong password is taken")
    except imaplib.IMAP4.error as e:
        must("AUTHENTICATIONFAILED" in str(e), e)
    must(c.login(user, "pass")[0] == "OK", "LOGIN")

    def ok(name, *args, of=None):
        kind, data = getattr(of or c, name)(*args)
        must(kind == "OK", name, args, data)
        return data

    def refused(name, *args):
        try:
            must(getattr(c, name)(*args)[0] == "NO", name, "is not refused")
        except imaplib.IMAP4.error as e:
            must("BAD" in str(e) or "CANNOT" in str(e), name, e)
    must(b"IMAP4rev1" in ok("capability")[0], "CAPABILITY")
    ok("noop")
    ok("namespace")
    must(len(ok("list")) == 6 and any(b"\\Sent" in line for line in ok("list", '""', "*")), "LIST")
    ok("enable", "CONDSTORE")
    must(ok("select")[0] == b"4" and c.response("UIDVALIDITY")[1][0], "SELECT")
    must(ok("recent") == [b"4"], "RECENT")
    must(ok("check"), "CHECK")
    must(ok("search", None, "SUBJECT", "mail-2") == [b"3"] and ok("search", "UTF-8", "TEXT", "body") == [b"1 2 3 4"], "SEARCH")
    must(ok("sort", "(REVERSE SUBJECT)", "UTF-8", "ALL") == [b"4 3 2 1"], "SORT")
    must(len(ok("thread", "REFERENCES", "UTF-8", "ALL")[0].split(b")(")) == 4, "THREAD")
    must(b"body of mail-0" in ok("fetch", "1", "(BODY.PEEK[])")[0][1], "FETCH")
    must(b"\\Flagged" in ok("store", "1:2", "+FLAGS", "(\\Flagged)")[1], "STORE")
    must(b"work" in ok("uid", "STORE", "1", "+FLAGS", "(work)")[0], "UID STORE")
    must(ok("create", "a/b") and ok("subscribe", "a/b") and ok("lsub", "a/", "*")[0].endswith(b"a/b"), "CREATE, SUBSCRIBE, LSUB")
    must(b"APPENDUID" in ok("append", "a/b", "\\Seen", imaplib.Time2Internaldate(1772446000), text(user, "by imaplib"))[0], "APPEND")
    must(b"COPYUID" in ok("copy", "1:2", "a/b")[0] and ok("uid", "COPY", "3", "a/b") and ok("uid", "MOVE", "4", "a/b"), "COPY and MOVE")
    must(ok("status", "a/b", "(MESSAGES UNSEEN)")[0].endswith(b"(MESSAGES 5 UNSEEN 4)"), "STATUS", ok("status", "a/b", "(MESSAGES UNSEEN)"))
    must(ok("store", "1", "+FLAGS.SILENT", "\\Deleted") and ok("expunge")[-1] == b"1", "EXPUNGE")
    must(ok("store", "1", "+FLAGS.SILENT", "\\Deleted") and ok("close") and ok("select") == [b"1"], "CLOSE")
    must(ok("unselect"), "UNSELECT")
    must(ok("select", "a/b", True) == [b"5"] and c.is_readonly, "EXAMINE")
    must(c.store("1", "+FLAGS", "\\Seen")[0] == "NO", "STORE into what is read-only")
    must(ok("rename", "a/b", "a/ü".encode("utf-7").decode().replace("+", "&")) and ok("unsubscribe", "a/b"), "RENAME, UNSUBSCRIBE")
    must(ok("delete", '"a/&APw-"') and ok("delete", "a"), "DELETE")
    must(ok("getquotaroot", "INBOX"), "GETQUOTAROOT")
    must(ok("getquota", '""'), "GETQUOTA")
    must(ok("xatom", "ID", "NIL"), "xatom")
    must(ok("setquota", '""', "(STORAGE 100000)"), "SETQUOTA, below the admin's")
    must(ok("setacl", "INBOX", "x", "lr") and ok("getacl", "INBOX")[0].endswith(b" x@example.test lr"), "SETACL, GETACL")
    must(ok("deleteacl", "INBOX", "x") and b"x@example" not in ok("getacl", "INBOX")[0], "DELETEACL")
    must(ok("myrights", "INBOX")[0].startswith(b"INBOX lrs"), "MYRIGHTS")
    for name, args in (("getannotation", ("INBOX", '"*"', '"value"')), ("setannotation", ("INBOX", '"/comment" ("value" "x")'))):
        refused(name, *args)
    must(c.logout()[0] == "BYE", "LOGOUT")
    with imaplib.IMAP4("localhost", s.port("imap")) as c:
        refused("login_cram_md5", user, "pass")  # it would need the password itself on disk
        c.login(user, "pass")
        refused("proxyauth", "x")
