# SPDX-License-Identifier: ISC
"""sieve_clients.py - programs that keep Sieve scripts by ManageSieve."""
import imaplib
import smtplib
import subprocess

from suite import wait_for

FILTER = 'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "pigeon" {\r\n\tfileinto :create "Birds";\r\n}\r\n'


def connect(s, *words, check=True):
    """sieve-connect, over STARTTLS with the server's certificate verified; a password on its standard input."""
    p = subprocess.run(["sieve-connect", "--server", "localhost", "--port", str(s.port("sieve")), "--user", "u1@example.test",
                        "--tlscafile", str(s.dir / "cert.pem"), "--passwordfd", "0", *map(str, words)],
                       input="pass\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if (p.returncode == 0) != check:
        raise RuntimeError(f"sieve-connect {words}: status {p.returncode}: {p.stdout[-500:]}")
    return p.stdout


def filed(s):
    """What the script says is done with the next message."""
    with smtplib.SMTP("127.0.0.1", s.port("smtp")) as c:
        c.sendmail("x@example.net", ["u1@example.test"], b"Subject: a pigeon\r\n\r\nx\r\n")

    def there():
        with imaplib.IMAP4("127.0.0.1", s.port("imap"), timeout=60) as c:
            c.login("u1@example.test", "pass")
            c.list()  # as mail programs begin; it takes in what has come, and makes the mailbox that the script wants
            return c.status("Birds", "(MESSAGES)")[1] == [b"Birds (MESSAGES 1)"]
    if not wait_for(there, 20, step=0.2):
        raise RuntimeError("the message is not where the script wants it")


def sieve_connect(s):
    script, wrong, got = s.dir / "filter.sieve", s.dir / "wrong.sieve", s.dir / "got.sieve"
    script.write_text(FILTER, newline="")
    wrong.write_text("keep;\r\nfrobnicate;\r\n", newline="")
    connect(s, "--checkscript", "--localsieve", script)
    said = connect(s, "--upload", "--localsieve", wrong, "--remotesieve", "wrong", check=False)
    if "frobnicate" not in said or "line 2" not in said:
        raise RuntimeError(f"a wrong script: {said}")
    connect(s, "--upload", "--localsieve", script, "--remotesieve", "birds")
    connect(s, "--upload", "--localsieve", script, "--remotesieve", "other birds")
    connect(s, "--activate", "--remotesieve", "birds")
    said = connect(s, "--list")
    if sorted(said.split("\n")) != sorted(['"birds" ACTIVE', '"other birds"', ""]):
        raise RuntimeError(f"--list: {said!r}")
    connect(s, "--download", "--remotesieve", "other birds", "--localsieve", got)
    if got.read_bytes().decode() != FILTER:
        raise RuntimeError(f"--download: {got.read_bytes()!r}")
    connect(s, "--delete", "--remotesieve", "birds", check=False)
    filed(s)
    connect(s, "--deactivate")
    connect(s, "--delete", "--remotesieve", "birds")
    said = connect(s, "--list")
    if said != '"other birds"\n':
        raise RuntimeError(f"--list at the end: {said!r}")
    connect(s, "--delete", "--remotesieve", "other birds")
