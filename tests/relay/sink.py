# SPDX-License-Identifier: ISC
"""sink.py - an SMTP or LMTP server that takes mail, and misbehaves when a recipient's local part says so.

    with Sink() as sink:
        sink.port, sink.messages (Message: sender, rcpts, text, lines), sink.connections

Orders, the part of a recipient before "@" or before "+" or "-":
    reject, later          550, 450 at RCPT                   refuse, busy     554, 451 after the message
    bye                    421 at RCPT, and closes            odd              a line that is no reply at RCPT
    mixed                  RCPT is answered by two codes      flood            an endless reply at RCPT
    drip                   RCPT is answered a byte a second   mute             RCPT is not answered
    closedata, close354    closes instead of 354, after 354   die              closes after the final dot
    hang                   never answers the final dot        okdie            250, then closes
    line                   a reply of one line of 10 MB       unread, sip      reads nothing of the message, 64 KiB a second
"""
import base64
import dataclasses
import hashlib
import hmac
import os
import re
import socket
import ssl
import threading
import time

CAPS = ("PIPELINING", "SIZE 1000000000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING")


class Closed(Exception):
    """The conversation is over."""


@dataclasses.dataclass
class Message:
    sender: str
    rcpts: list
    text: bytes
    lines: list = dataclasses.field(default_factory=list)  # MAIL and RCPT as they came
    connection: int = 0
    has_tls: bool = False
    by_bdat: bool = False


class Conversation:
    def __init__(self, sink, sock, number):
        self.sink, self.sock, self.number = sink, sock, number
        self.buf = b""
        self.has_tls = False
        self.login = None
        self.reset()

    def reset(self):
        self.sender, self.rcpts, self.lines, self.chunks = None, [], [], b""

    # ---- bytes ----
    def fill(self, most=262144):
        data = self.sock.recv(most)
        if not data:
            raise Closed
        self.buf += data

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        line, self.buf = self.buf.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def exactly(self, n):
        while len(self.buf) < n:
            self.fill()
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def text(self):
        """Up to the final dot, dots undone."""
        while not (self.buf.startswith(b".\r\n") or b"\r\n.\r\n" in self.buf):
            self.fill()
        if self.buf.startswith(b".\r\n"):
            self.buf = self.buf[3:]
            return b""
        data, self.buf = self.buf.split(b"\r\n.\r\n", 1)
        return re.sub(rb"(?m)^\.", b"", data + b"\r\n")

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    # ---- verbs ----
    def hello(self, verb, line):
        with self.sink.lock:
            self.sink.hellos[self.number] = line.split(" ", 1)[-1]
        if verb == "EHLO" and self.sink.no_ehlo:
            return self.say("502 5.5.1 what is that")
        caps = [c for c in self.sink.caps if c != ("STARTTLS" if self.has_tls else "REQUIRETLS")]
        if verb == "HELO":
            caps = []
        lines = [self.sink.name, *caps]
        self.sock.sendall("".join(f"250{' ' if i == len(lines) - 1 else '-'}{x}\r\n" for i, x in enumerate(lines)).encode())
        if b"and bye" in (self.sink.greeting or b""):
            raise Closed

    def starttls(self):
        if self.sink.tls == "refuse":
            return self.say("454 4.7.0 not now")
        self.say("220 2.0.0 go")
        if self.sink.tls == "garbage":
            self.sock.sendall(b"250 hello\r\n" * 20)
            raise Closed
        if self.sink.tls == "silent":
            self.sink.released.wait(120)
            raise Closed
        context = self.sink.tls_context
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.sink.resumed.append(self.sock.session_reused)
        self.buf, self.has_tls = b"", True
        self.reset()

    def mail(self, line):
        if self.sender is not None:
            return self.say("503 5.5.1 nested MAIL")
        self.sender = re.match(r"MAIL FROM:<(.*?)>", line, re.I).group(1)
        self.lines = [line]
        self.say("250 2.1.0 ok")

    def rcpt(self, line):
        if self.sender is None:
            return self.say("503 5.5.1 MAIL first")
        address = re.match(r"RCPT TO:<(.*?)>", line, re.I).group(1)
        order = re.split("[@+-]", address)[0]
        self.lines.append(line)
        if order == "reject":
            return self.say("550 5.1.1 there is no such user")
        if order == "later" and not self.sink.is_open:
            return self.say("450-4.2.1 not now,\r\n450 4.2.1 really not")
        if order in self.sink.says and not self.sink.is_open:
            return self.say(self.sink.says[order])
        if order == "bye":
            self.say("421 4.3.2 going down")
            raise Closed
        if order == "odd":
            return self.say("hello there")
        if order == "mixed":
            return self.say("250-ok\r\n550 no")
        if order == "flood":
            while True:
                self.sock.sendall(b"250-" + b"x" * 900 + b"\r\n")
        if order == "line":
            self.sock.sendall(b"250 " + b"x" * 10_000_000 + b"\r\n")
        if order == "mute":
            self.sink.released.wait(120)
            raise Closed
        if order == "drip":
            for c in b"250-" + b"y" * 200:
                self.sock.sendall(bytes([c]))
                time.sleep(0.5)  # this is what it is: slow
        self.rcpts.append(address)
        self.say("250 2.1.5 ok")

    def orders(self):
        return {re.split("[@+-]", r)[0] for r in self.rcpts}

    def store(self, text, by_bdat):
        time.sleep(self.sink.delay)
        with self.sink.lock:
            self.sink.messages.append(Message(self.sender, list(self.rcpts), text, list(self.lines), self.number, self.has_tls, by_bdat))

    def end(self, text, by_bdat=False):
        """The message is here: what is said of it."""
        orders = self.orders()
        if "die" in orders:
            self.store(text, by_bdat)
            raise Closed
        if "hang" in orders:
            self.sink.released.wait(120)
            raise Closed
        bad = "554 5.6.0 not such a message" if "refuse" in orders else "451 4.3.0 not now" if "busy" in orders else None
        if self.sink.lmtp:
            answers = ["554 5.2.2 full" if r.startswith("full") else bad or "250 2.0.0 kept" for r in self.rcpts]
        else:
            answers = [bad or "250 2.0.0 taken"]
        if not bad:
            self.store(text, by_bdat)
        for a in answers:
            self.say(a)
        self.reset()
        if "okdie" in orders:
            raise Closed
        with self.sink.lock:
            self.sink.taken_on[self.number] = self.sink.taken_on.get(self.number, 0) + 1
        if self.sink.messages_most and self.sink.taken_on[self.number] >= self.sink.messages_most:
            if self.sink.says_bye:
                self.say("421 4.3.2 enough for one connection")
            raise Closed

    def swallow(self):
        """The bytes of a message, by those who are in no hurry."""
        if "unread" in self.orders():
            self.sink.released.wait(120)
            raise Closed
        while "sip" in self.orders():
            self.sink.released.wait(1)  # this is what it is: slow
            self.fill(65536)

    def data(self):
        if "closedata" in self.orders():
            raise Closed
        if not self.rcpts:
            return self.say("503 5.5.1 no recipients")
        self.say("354 go on")
        if "close354" in self.orders():
            raise Closed
        self.swallow()
        self.end(self.text())

    def bdat(self, line):
        words = line.split()
        self.swallow()
        chunk = self.exactly(int(words[1]))
        if not self.rcpts:
            return self.say("503 5.5.1 no recipients")
        self.chunks += chunk
        if len(words) > 2:
            return self.end(self.chunks, True)
        return self.say("250 2.0.0 go on")

    # ---- AUTH ----
    def ask(self, challenge):
        self.say("334 " + base64.b64encode(challenge).decode())
        return base64.b64decode(self.line())

    def auth(self, line):
        words = line.split()
        user, password = self.sink.auth
        initial = base64.b64decode(words[2]) if len(words) > 2 else b""
        mech = words[1].upper()
        ok = False
        if mech == "PLAIN":
            ok = initial.split(b"\0")[1:] == [user.encode(), password.encode()]
        elif mech == "LOGIN":
            ok = [self.ask(b"Username:"), self.ask(b"Password:")] == [user.encode(), password.encode()]
        elif mech == "SCRAM-SHA-256":
            ok = self.scram(initial, user, password)
        self.login = mech if ok else None
        with self.sink.lock:
            self.sink.logins.append((mech, ok))
        self.say("235 2.7.0 welcome" if ok else "535 5.7.8 no")

    def scram(self, initial, user, password):
        bare = initial.decode().split(",", 2)[2]
        nonce = bare.split("r=", 1)[1] + "SERVER"
        salt = os.urandom(16)
        first = f"r={nonce},s={base64.b64encode(salt).decode()},i=4096"
        final = self.ask(first.encode()).decode()
        without, proof = final.rsplit(",p=", 1)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
        message = f"{bare},{first},{without}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        right = bytes(a ^ b for a, b in zip(key, signature))
        if base64.b64decode(proof) != right or not bare.startswith(f"n={user},"):
            return False
        server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        if self.sink.lies:
            server = bytes(32)
        return self.ask(b"v=" + base64.b64encode(server)) == b""

    # ---- the conversation ----
    def run(self):
        greeting = self.sink.greeting
        if greeting is None:
            self.sink.released.wait(120)
            raise Closed
        self.sock.sendall(greeting)
        if not greeting.startswith(b"2"):
            raise Closed
        while True:
            line = self.line()
            verb = line.split(" ")[0].split(":")[0].upper()
            if verb in ("EHLO", "HELO", "LHLO"):
                self.hello(verb, line)
            elif verb == "STARTTLS":
                self.starttls()
            elif verb == "AUTH":
                self.auth(line)
            elif verb == "MAIL" and self.sink.auth and not self.login:
                self.say("530 5.7.0 log in first")
            elif verb == "MAIL":
                self.mail(line)
            elif verb == "RCPT":
                self.rcpt(line)
            elif verb == "DATA":
                self.data()
            elif verb == "BDAT":
                self.bdat(line)
            elif verb == "RSET":
                self.reset()
                self.say("250 2.0.0 ok")
            elif verb == "QUIT":
                with self.sink.lock:
                    self.sink.quits += 1
                self.say("221 2.0.0 bye")
                raise Closed
            else:
                self.say("500 5.5.2 what")


class Sink:
    def __init__(self, caps=CAPS, lmtp=False, path=None, tls=None, auth=None, greeting=b"220 sink.test ESMTP\r\n", name="sink.test",
                 no_ehlo=False, messages_most=0, says_bye=False, lies=False, port=0, host="127.0.0.1", connections_most=0):
        """tls: (certificate, key), "refuse", "garbage" or "silent"; greeting None: says nothing; with "and bye": closes after EHLO."""
        self.caps = list(caps) + (["STARTTLS"] if tls else []) + ([f"AUTH {auth[2] if len(auth) > 2 else 'PLAIN LOGIN'}"] if auth else [])
        self.lmtp, self.tls, self.auth, self.greeting, self.name = lmtp, tls, auth and auth[:2], greeting, name
        self.no_ehlo, self.messages_most, self.says_bye, self.lies = no_ehlo, messages_most, says_bye, lies
        self.connections_most = connections_most
        self.messages, self.logins, self.resumed, self.taken_on = [], [], [], {}
        self.names = []  # asked for by SNI
        self.delay = 0  # seconds that a message takes
        self.says = {}  # answers of the test's own to RCPT, by the order
        self.is_open = False  # set: what "later" or such an answer is said to comes in
        self.peers, self.hellos = [], {}  # addresses that connect; the names they give, by the number of the connection
        self.connections = self.now = self.most_at_once = self.quits = 0
        self.lock, self.released = threading.Lock(), threading.Event()
        if isinstance(tls, tuple):
            self.tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls_context.load_cert_chain(*tls)
            self.tls_context.sni_callback = lambda sock, name, context: self.names.append(name)
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o666)
            self.listener.listen(64)
            self.port = None
        else:
            self.listener = socket.create_server((host, port), backlog=256, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
            self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.now += 1
                self.most_at_once = max(self.most_at_once, self.now)
                number = self.connections
                self.peers.append(peer[0] if peer else None)
            threading.Thread(target=self.serve, args=(sock, number), daemon=True).start()

    def serve(self, sock, number):
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = Conversation(self, sock, number)
        try:
            if self.connections_most and self.now > self.connections_most:
                sock.sendall(b"421 4.7.0 too many connections\r\n")
                raise Closed
            talk.run()
        except (Closed, OSError):
            pass
        finally:
            with self.lock:
                self.now -= 1
            try:
                talk.sock.close()
            except OSError:
                pass

    def subjects(self):
        """Of all messages, as they came."""
        with self.lock:
            return [re.search(rb"(?m)^Subject: (.*?)\r?$", m.text).group(1).decode() for m in self.messages]

    def close(self):
        self.released.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
