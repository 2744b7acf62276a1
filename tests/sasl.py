# SPDX-License-Identifier: ISC
"""sasl.py - a client of SASL for SMTP submission, POP3, IMAP and ManageSieve: what is offered, and one conversation of any mechanism.

    with Client(s, "imap", tls=ssl.TLSVersion.TLSv1_2) as c:
        c.mechanisms(), c.auth("SCRAM-SHA-256-PLUS", Scram("sha256", "u1@example.test", "pass", c.binding()))

auth() takes an iterator-like object: first() gives the initial response or None, next(challenge) the following ones (None: "*").
It returns (True or False, the server's last line).
"""
import base64
import hashlib
import hmac
import os
import pathlib
import socket
import ssl
import tempfile

CHAIN_MOST = 20  # challenges


class Lines:
    """One password, said in the mechanism's own words; responses is what to send, one after the other."""

    def __init__(self, *responses):
        self.responses = list(responses)

    def first(self):
        return self.responses.pop(0) if self.responses else None

    def next(self, challenge):
        return self.responses.pop(0) if self.responses else None


def plain(user, password, authzid=""):
    return Lines(f"{authzid}\0{user}\0{password}".encode())


class Scram:
    """RFC 5802.  binding: (name, bytes) or None; flag "" is the right one for it."""

    def __init__(self, kind, user, password, binding=None, flag="", authzid=""):
        self.kind, self.password, self.data = kind, password.encode(), binding[1] if binding else b""
        self.header = f"{flag or ('p=' + binding[0] if binding else 'n')},{'a=' + authzid if authzid else ''},".encode()
        self.nonce = base64.b64encode(os.urandom(15))
        self.bare = b"n=" + user.replace("=", "=3D").replace(",", "=2C").encode() + b",r=" + self.nonce
        self.signature, self.is_proven = None, False

    def mac(self, key, text):
        return hmac.new(key, text, self.kind).digest()

    def first(self):
        return self.header + self.bare

    def next(self, challenge):
        if self.signature:
            self.is_proven = hmac.compare_digest(challenge, b"v=" + base64.b64encode(self.signature))
            return b""
        said = dict(part.split(b"=", 1) for part in challenge.split(b","))
        if not said[b"r"].startswith(self.nonce):
            return None
        salted = hashlib.pbkdf2_hmac(self.kind, self.password, base64.b64decode(said[b"s"]), int(said[b"i"]))
        key = self.mac(salted, b"Client Key")
        last = b"c=" + base64.b64encode(self.header + self.data) + b",r=" + said[b"r"]
        message = self.bare + b"," + challenge + b"," + last
        proof = bytes(a ^ b for a, b in zip(key, self.mac(hashlib.new(self.kind, key).digest(), message)))
        self.signature = self.mac(self.mac(salted, b"Server Key"), message)
        return last + b",p=" + base64.b64encode(proof)


class Client:
    """kind: submission, pop3, imap or sieve.  tls: None, or the one version to speak; then it says STARTTLS first.
    certificate: (cert, key) of the client.  source: the address it comes from, as the PROXY protocol says."""

    def __init__(self, s, kind, tls=ssl.TLSVersion.TLSv1_3, certificate=None, source=None):
        self.kind = kind
        self.socket = socket.create_connection(("127.0.0.1", s.port(kind)), 60)
        self.file = self.socket.makefile("rb")
        if source:
            family, us = ("TCP6", "2001:db8::1") if ":" in source else ("TCP4", "192.0.2.254")
            self.send(f"PROXY {family} {source} {us} 5000 25")
        self.greeting = self.line()
        if kind == "sieve" and self.greeting.startswith('"'):
            self.capabilities = [self.greeting, *self.to_ok()]
        if tls and self.greeting.startswith(("220", "+OK", "* OK", '"')):
            self.starttls(s, tls, certificate)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.file.close()
        self.socket.close()

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def to_ok(self):
        """What ManageSieve says up to its OK, without it."""
        out = [self.line()]
        while not out[-1].startswith(("OK", "NO", "BYE")):
            out.append(self.line())
        return out[:-1]

    def lines(self, command, is_last):
        self.send(command)
        out = [self.line()]
        while out[-1] and not is_last(out[-1]):
            out.append(self.line())
        return out

    def starttls(self, s, version, certificate):
        if self.kind == "submission":
            self.lines("EHLO client.test", lambda x: x[3:4] == " ")
        self.lines({"submission": "STARTTLS", "pop3": "STLS", "imap": "t STARTTLS", "sieve": "STARTTLS"}[self.kind], lambda x: True)
        context = ssl.create_default_context(cafile=s.dir / "cert.pem")
        context.minimum_version = context.maximum_version = version
        if certificate:
            context.load_cert_chain(*certificate)
        self.file.close()
        with tempfile.NamedTemporaryFile() as keys:
            context.keylog_filename = keys.name
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            self.keys = pathlib.Path(keys.name).read_text()
        self.file = self.socket.makefile("rb")
        if self.kind == "sieve":
            self.capabilities = self.to_ok()

    def binding(self):
        """Python knows only that of TLS 1.2; that of 1.3 is made here of the secret that OpenSSL tells."""
        if self.socket.version() == "TLSv1.2":
            return "tls-unique", self.socket.get_channel_binding("tls-unique")
        secret = next(line.split()[2] for line in self.keys.splitlines() if line.startswith("EXPORTER_SECRET "))
        return "tls-exporter", exporter("sha384" if self.socket.cipher()[0].endswith("SHA384") else "sha256", bytes.fromhex(secret))

    def mechanisms(self):
        if self.kind == "submission":
            found = [x[9:] for x in self.lines("EHLO client.test", lambda x: x[3:4] == " ") if x[4:9] == "AUTH "]
        elif self.kind == "pop3":
            found = [x[5:] for x in self.lines("CAPA", lambda x: x == ".") if x.startswith("SASL ")]
        elif self.kind == "sieve":
            found = [x[8:-1] for x in self.capabilities if x.startswith('"SASL" ')]
        else:
            words = self.lines("c CAPABILITY", lambda x: x.startswith("c "))[0].split()
            return [w[5:] for w in words if w.startswith("AUTH=")]
        return found[0].split() if found else []

    def auth(self, mechanism, talk):
        if self.kind == "submission":
            self.lines("EHLO client.test", lambda x: x[3:4] == " ")
        verb = "a AUTHENTICATE" if self.kind == "imap" else "AUTH"
        first = talk.first()
        if self.kind == "sieve":
            return self.auth_by_strings(mechanism, talk, first)
        said = "" if first is None else " =" if first == b"" else " " + base64.b64encode(first).decode()
        self.send(f"{verb} {mechanism}{said}")
        for _ in range(CHAIN_MOST):
            line = self.line()
            mark = "334 " if self.kind == "submission" else "+ "
            if not line.startswith(mark):
                break
            answer = talk.next(base64.b64decode(line[len(mark):]))
            self.send("*" if answer is None else base64.b64encode(answer).decode())
        return line.startswith(("235 ", "+OK", "a OK")), line


    def auth_by_strings(self, mechanism, talk, first):
        """RFC 5804 2.1: strings, here always as literals; what the mechanism says at its end comes with the OK."""
        self.send(f'AUTHENTICATE "{mechanism}"{"" if first is None else " " + literal(first)}')
        for _ in range(CHAIN_MOST):
            line = self.line()
            if not line.startswith('"') and not line.startswith("{"):
                break
            said = line[1:-1] if line.startswith('"') else self.file.read(int(line[1:-1]) + 2).decode()[:-2]
            answer = talk.next(base64.b64decode(said))
            self.send('"*"' if answer is None else literal(answer))
        if line.startswith("OK (SASL "):
            talk.next(base64.b64decode(line.split('"')[1]))
        return line.startswith("OK"), line


def expand_label(kind, secret, label, context, n):
    """HKDF-Expand-Label, RFC 8446 7.1, of no more octets than one round gives."""
    label = b"tls13 " + label
    info = n.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.new(secret, info + b"\1", kind).digest()[:n]


def exporter(kind, secret):
    """RFC 9266 2: 32 octets of RFC 8446 7.5, with an empty context."""
    label, nothing = b"EXPORTER-Channel-Binding", hashlib.new(kind, b"").digest()
    derived = expand_label(kind, secret, label, nothing, len(nothing))
    return expand_label(kind, derived, b"exporter", nothing, 32)


def literal(raw):
    text = base64.b64encode(raw).decode()
    return f"{{{len(text)}+}}\r\n{text}"


def login(s, kind, mechanism, talk, **more):
    with Client(s, kind, **more) as c:
        return c.auth(mechanism, talk)
