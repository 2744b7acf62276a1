# SPDX-License-Identifier: ISC
"""sieve_clients.py - programs that keep Sieve scripts by ManageSieve."""
import subprocess

FILTER = 'require "fileinto";\r\nif header :contains "subject" "pigeon" {\r\n\tfileinto "Birds";\r\n}\r\n'


def connect(s, *words, check=True):
    """sieve-connect, over STARTTLS with the server's certificate verified; a password on its standard input."""
    p = subprocess.run(["sieve-connect", "--server", "localhost", "--port", str(s.port("sieve")), "--user", "u1@example.test",
                        "--tlscafile", str(s.dir / "cert.pem"), "--passwordfd", "0", *map(str, words)],
                       input="pass\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if (p.returncode == 0) != check:
        raise RuntimeError(f"sieve-connect {words}: status {p.returncode}: {p.stdout[-500:]}")
    return p.stdout


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
    connect(s, "--deactivate")
    connect(s, "--delete", "--remotesieve", "birds")
    said = connect(s, "--list")
    if said != '"other birds"\n':
        raise RuntimeError(f"--list at the end: {said!r}")
    connect(s, "--delete", "--remotesieve", "other birds")
