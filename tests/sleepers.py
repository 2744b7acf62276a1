# SPDX-License-Identifier: ISC
"""sleepers.py - many IMAP clients that idle, each in a few bytes of ours, and what their server takes for them."""
import multiprocessing
import os
import pathlib
import resource
import selectors
import socket
import ssl
import time
import zlib

from suite import wait_for


class Sleeper:
    """One that is in IDLE; kind: "plain", "tls", "deflate" (and TLS), "silent" (selected, no IDLE), and the other way
    round "deflate_plain" (no TLS), "silent_tls".
    Without a mailbox none is selected; notify is what it says behind NOTIFY."""

    def __init__(self, suite, user, kind, mailbox="INBOX", notify=None, idles=True, source="127.0.0.1"):
        self.user, self.kind = user, kind
        has_tls = kind in ("tls", "deflate", "silent_tls")
        self.socket = socket.create_connection(("127.0.0.1", suite.port("imaps" if has_tls else "imap")), 60, (source, 0))
        if has_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.deflate = self.inflate = None
        self.unread, self.lines = b"", []
        self.until(b"* OK")
        self.do(b"a LOGIN %s pass" % user.encode())
        if kind.startswith("deflate"):
            self.do(b"b COMPRESS DEFLATE")
            self.deflate, self.inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        if mailbox:
            self.do(b"c SELECT " + mailbox.encode())
        if notify:
            self.do(b"n NOTIFY " + notify)
        if idles and not self.is_silent:
            self.idle()

    @property
    def is_silent(self):
        return self.kind.startswith("silent")

    def say(self, line):
        data = line + b"\r\n"
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def hear(self):
        """What is there; False at the end."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError):
            data = b""
        self.unread += self.inflate.decompress(data) if self.inflate else data
        *lines, self.unread = self.unread.split(b"\r\n")
        self.lines += lines
        return bool(data)

    def until(self, begin):
        while True:
            while self.lines:
                line = self.lines.pop(0)
                if line.startswith(begin):
                    return line
            if not self.hear():
                raise EOFError(f"{self.user} {self.kind}: no {begin}")

    def do(self, command):
        self.say(command)
        return self.until(command.split()[0] + b" OK")

    def idle(self):
        self.say(b"d IDLE")
        self.until(b"+ ")

    def done(self):
        self.say(b"DONE")
        return self.until(b"d OK")

    def close(self):
        self.socket.close()


def hear_all(sleepers, what, seconds=60):
    """Until a line with what came to each of them; the seconds that each took, and those that did not hear."""
    begun, took = time.monotonic(), []
    waiting = set(sleepers)
    with selectors.DefaultSelector() as selector:
        for s in sleepers:
            selector.register(s.socket, selectors.EVENT_READ, s)
        left, then = seconds, begun
        while waiting and left > 0:
            for key, _ in selector.select(0.5):
                s = key.data
                if not s.hear():
                    selector.unregister(s.socket)
                    continue
                if s in waiting and any(what in line for line in s.lines):
                    took.append(time.monotonic() - begun)
                    waiting.discard(s)
                s.lines = []
            now = time.monotonic()
            left -= min(now - then, 1)
            then = now
    return took, waiting


class Crowd:
    """More sleepers than one process has descriptors for: in several, each from an address of its own."""

    def __init__(self, suite, users, n, kind, parts=8):
        context = multiprocessing.get_context("fork")
        self.sources, self.parts = [f"127.0.0.{2 + part}" for part in range(parts)], []
        for part, source in enumerate(self.sources):
            # those of an account one after the other: the process of who sleeps serves the next
            mine = [users[i * len(users) // n] for i in range(part, n, parts)]
            ours, theirs = context.Pipe()
            process = context.Process(target=self.serve, args=(theirs, suite, mine, kind, source), daemon=True)
            process.start()
            theirs.close()
            self.parts.append((process, ours))
        self.answers()

    @staticmethod
    def serve(pipe, suite, users, kind, source):
        clients, hard = [], resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        def answer(fn, *args):
            try:
                pipe.send(fn(*args))
            except Exception as e:  # who asked raises it
                pipe.send(e)
        answer(lambda: clients.extend(Sleeper(suite, user, kind, source=source) for user in users))
        while True:
            try:
                fn, args = pipe.recv()
            except EOFError:
                return
            answer(fn, clients, *args)

    def answers(self):
        out = [pipe.recv() for _, pipe in self.parts]
        for e in out:
            if isinstance(e, Exception):
                raise e
        return out

    def each(self, fn, *args):
        """What fn(clients, ...), which is of a module, comes to in each of the processes, all at once."""
        for _, pipe in self.parts:
            pipe.send((fn, args))
        return self.answers()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process, _ in self.parts:
            process.kill()
            process.join()


def hear_of(clients, user, what, seconds):
    """hear_all of those of one account: what each took, and how many did not hear."""
    took, deaf = hear_all([c for c in clients if c.user == user], what, seconds)
    return took, len(deaf)


def processes(suite, daemon="imapd"):
    """(pid, name of the role) of a daemon and of all keepers."""
    out = [(suite.procs[daemon].pid, "monitor")]
    for pid in suite.children(daemon):
        out.append((pid, suite.role_of(pid)))
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == "keeper" and os.readlink(path.parent / "cwd").startswith(f"{suite.dir}/"):
                out.append((int(path.parent.name), "keeper"))
        except OSError:
            pass
    return out


def pss_kb(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def memory_kb(suite):
    """PSS by role"""
    out = {}
    for pid, role in processes(suite):
        out[role] = out.get(role, 0) + pss_kb(pid)
    return out


def machine_kb():
    """What the whole machine has in use, with what the kernel has for sockets and the like."""
    lines = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    total, available = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return total - available


def cpu_sec(suite):
    total = 0
    for pid, _ in processes(suite):
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def count(suite, role):
    return sum(1 for _, r in processes(suite) if r == role)


def nests(suite):
    """{pid of a nest: whose sessions the daemon says are asleep in it}"""
    out = {}
    for line in suite.merpati("who").stdout.splitlines():
        if line.split()[1] == "asleep":
            out.setdefault(int(line.split()[2]), []).append(line.split()[4])
    return out


def asleep(suite):
    return sum(len(accounts) for accounts in nests(suite).values())


def all_asleep(suite, n, seconds=120):
    return wait_for(lambda: count(suite, "session") == 0 and count(suite, "keeper") == 0 and asleep(suite) == n, seconds, 0.2)
