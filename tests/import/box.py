# SPDX-License-Identifier: ISC
"""box.py - what an account has, as IMAP and POP3 show it: of our imapd, or of any other server."""
import imaplib
import json
import poplib
import re

USER = "anna@example.test"
imaplib._MAXLINE = 10_000_000


def letter(n, size=600, newline="\r\n"):
    head = [f"From: a@example.org", f"To: {USER}", f"Subject: letter {n}", f"Message-ID: <{n}@example.org>", ""]
    return (newline.join(head + [f"line of letter {n}"] * (size // 18)) + newline).encode()


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Box:
    """Folders by their names as the wire has them (modified UTF-7)."""

    def __init__(self, port, user=USER, password="pass", host="127.0.0.1"):
        self.imap = imaplib.IMAP4(host, port)
        self.imap.login(user, password)

    def folders(self):
        out = {}
        for line in self.imap.list()[1]:
            m = re.match(rb'\(([^)]*)\) (?:"."|NIL) (?:"((?:[^"\\]|\\.)*)"|(.*))$', line)
            name = (m[2] if m[2] is not None else m[3]).decode().replace('\\"', '"').replace("\\\\", "\\")
            out[name] = {a.lower() for a in m[1].decode().split()}
        return out

    def subscriptions(self):
        found = set()
        for line in self.imap.lsub()[1]:
            if line:
                m = re.match(rb'\(([^)]*)\) (?:"."|NIL) (?:"((?:[^"\\]|\\.)*)"|(.*))$', line)
                found.add((m[2] if m[2] is not None else m[3]).decode())
        return found

    def folder(self, name):
        """{"uidvalidity", "uidnext", "messages": {uid: (flags, internaldate, bytes)}}"""
        typ, data = self.imap.select(quoted(name), readonly=True)
        assert typ == "OK", (name, data)
        got = {"uidvalidity": int(self.imap.response("UIDVALIDITY")[1][0]), "messages": {}}
        got["uidnext"] = int(self.imap.response("UIDNEXT")[1][0])
        if int(data[0]):
            typ, rows = self.imap.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
            for row in rows:
                if not isinstance(row, tuple):
                    continue
                head = row[0].decode()
                uid = int(re.search(r"UID (\d+)", head)[1])
                flags = set(re.search(r"FLAGS \(([^)]*)\)", head)[1].split()) - {"\\Recent"}
                date = imaplib.Internaldate2tuple(row[0])
                got["messages"][uid] = (frozenset(flags), date and tuple(date)[:6], bytes(row[1]))
        self.imap.unselect()
        return got

    def all(self):
        return {name: self.folder(name) for name, attributes in self.folders().items()
                if "\\noselect" not in attributes and "\\nonexistent" not in attributes}

    def close(self):
        self.imap.logout()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def uidls(port, user=USER, password="pass"):
    p = poplib.POP3("127.0.0.1", port)
    p.user(user)
    p.pass_(password)
    found = [line.decode().split()[1] for line in p.uidl()[1]]
    p.quit()
    return found


def run_import(s, *args, user=USER, check=0, input=None):
    """merpati --json import ...; {folder: its row}, and what it said"""
    p = s.merpati("--json", "import", *args[:0], user, *args, check=False, input=input)
    rows = {r["folder"]: r for r in json.loads(p.stdout)} if p.stdout.strip() else {}
    if check is not None and p.returncode != check:
        raise RuntimeError(f"import {args}: {p.returncode}\n{p.stdout}\n{p.stderr}")
    return rows, p
