#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Runs dialogue files: several numbered clients of a server, line by line.

    run.py [--host H] [--port KIND=PORT]... [-D NAME=VALUE]... [--timeout SEC] FILE...

Prints one line a file, "ok NAME" or "not ok NAME: FILE:LINE: why" (skipped: "ok NAME # skip ..."), then
a sum; the exit status is the number of failed files (at most 99).

A dialogue file holds one step a line:

    # comment                 blank lines are skipped too
    connect 1 smtp            client 1 connects; kinds: smtp submission submissions pop3 pop3s (and what
                              --port names); a kind that ends in s, but is not "pop3"-like plain, speaks
                              TLS at once.  The greeting is read like any other line
    C1: EHLO x                client 1 sends this line and CRLF
    B1: a\\r\\nb\\x00           client 1 sends these bytes: escapes as in Python, nothing added
    S1: 250-                  the next line from the server begins with this
    S1= * 2 EXISTS            the next line is this exactly
    S1~ ^250 .*id (?P<id>\\w+) the next line matches this regular expression (from its beginning);
                              named groups are captured as $id for all later lines
    S1> 250                   lines are read up to the one that begins with this (multi-line replies)
    S1. .                     as S1>, and the line equals this exactly
    repeat 25 C1: NOOP        a step (C, B or S), 25 times over
    starttls 1                client 1 begins TLS now
    compress 1                both sides of client 1 are raw DEFLATE from now on (RFC 4978)
    close 1                   client 1 closes
    closed 1                  the server has closed: the next thing to read is the end
    silent 1 0.3              nothing comes from the server within 0.3 seconds
    pause 0.5                 waits, in seconds
    set NAME text             $NAME from now on
    b64 NAME text             $NAME is the base64 of text (escapes as in B1: "\\0u1\\0pass")
    need NAME                 the file is skipped unless $NAME was given with -D

$NAME is replaced in every step ($$ is a dollar; an unknown name fails the file; in S~ a $ that no letter
follows stays).  Given at the start: $run, random hex digits of this run, and what -D says; by default
$domain example.test, $user u1@example.test, $user2 u2@example.test, $password pass.
"""
import argparse
import base64
import os
import re
import socket
import ssl
import sys
import time
import zlib

IMPLICIT_TLS = {"submissions", "pop3s", "imaps"}
PORTS = {"smtp": 2525, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995,
         "imap": 143, "imaps": 993, "sieve": 4190}


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def unescape(text):
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1") if text.isascii() \
        else text.encode("utf-8")


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    def __init__(self, options, kind):
        if kind not in options.ports:
            raise Failed(f"no port for {kind}")
        self.timeout = options.timeout
        self.socket = socket.create_connection((options.host, options.ports[kind]), self.timeout)
        self.unread = b""
        self.deflate = self.inflate = None
        if kind in IMPLICIT_TLS:
            self.starttls()

    def starttls(self):
        if self.unread:
            raise Failed(f"the server said {self.unread!r} before TLS")
        self.socket = tls_context().wrap_socket(self.socket)

    def compress(self):
        self.deflate, self.inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        self.unread = self.inflate.decompress(self.unread)

    def send(self, data):
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def line(self, timeout=None):
        """The next line without CRLF; None at the end of the connection."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while b"\n" not in self.unread:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                more = self.socket.recv(65536)
            except (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                return None
            self.unread += self.inflate.decompress(more) if self.inflate else more
        line, self.unread = self.unread.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Failed(f"a line of the server without CRLF: {line!r}")
        return line[:-1].decode("utf-8", "replace")


class Dialogue:
    def __init__(self, options):
        self.options = options
        self.clients = {}
        self.names = dict(options.names)

    def fill(self, text):
        def name(match):
            key = match.group(1)
            if key == "$":
                return "$"
            if key not in self.names:
                raise Failed(f"${key} is not known")
            return self.names[key]
        return re.sub(r"\$(\$|[A-Za-z_][A-Za-z0-9_]*)", name, text)

    def client(self, number):
        if number not in self.clients:
            raise Failed(f"client {number} is not connected")
        return self.clients[number]

    def expect_line(self, number):
        try:
            line = self.client(number).line()
        except TimeoutError:
            raise Failed(f"nothing came from the server for client {number}") from None
        if line is None:
            raise Failed(f"the server closed client {number}")
        return line

    def expect(self, number, how, wanted):
        line = self.expect_line(number)
        if how == ":" and not line.startswith(wanted):
            raise Failed(f"wanted {wanted!r}, got {line!r}")
        if how == "=" and line != wanted:
            raise Failed(f"wanted {wanted!r}, got {line!r}")
        if how == "~":
            match = re.match(wanted, line)
            if not match:
                raise Failed(f"wanted /{wanted}/, got {line!r}")
            self.names.update({k: v for k, v in match.groupdict().items() if v is not None})
        while how == ">" and not line.startswith(wanted):
            line = self.expect_line(number)
        while how == "." and line != wanted:
            line = self.expect_line(number)

    def talk(self, who, number, how, text):
        if who == "S":
            self.expect(number, how, text)
        elif how != ":":
            raise Failed(f"{who}{number}{how} is no step")
        elif who == "C":
            self.client(number).send(text.encode("utf-8") + b"\r\n")
        else:
            self.client(number).send(unescape(text))

    def expect_closed(self, number):
        try:
            line = self.client(number).line()
        except TimeoutError:
            raise Failed(f"the server did not close client {number}") from None
        if line is not None:
            raise Failed(f"wanted the end, got {line!r}")

    def expect_silence(self, number, seconds):
        try:
            line = self.client(number).line(float(seconds))
        except TimeoutError:
            return
        raise Failed(f"wanted silence, got {line!r}")

    def command(self, words, rest):
        verb = words[0]
        if verb == "connect":
            self.clients[words[1]] = Client(self.options, words[2])
        elif verb == "starttls":
            self.client(words[1]).starttls()
        elif verb == "compress":
            self.client(words[1]).compress()
        elif verb == "close":
            self.client(words[1]).socket.close()
            del self.clients[words[1]]
        elif verb == "closed":
            self.expect_closed(words[1])
        elif verb == "silent":
            self.expect_silence(words[1], words[2])
        elif verb == "pause":
            time.sleep(float(words[1]))
        elif verb == "set":
            self.names[words[1]] = rest
        elif verb == "b64":
            self.names[words[1]] = base64.b64encode(unescape(rest)).decode()
        elif verb == "need":
            if words[1] not in self.names:
                raise Skipped(f"needs {words[1]}")
        else:
            raise Failed(f"no step {verb!r}")

    def step(self, line):
        times = 1
        if line.startswith("repeat "):
            _, count, line = line.split(" ", 2)
            times = int(count)
        match = re.match(r"([CBS])(\d+)([:~>.=]) ?(.*)$", line, re.S)
        for _ in range(times):
            if match:
                self.talk(match[1], match[2], match[3], self.fill(match[4]))
            else:
                words = line.split()
                rest = line.split(None, 2)[2] if len(words) > 2 else ""
                self.command([self.fill(w) for w in words[:3]], self.fill(rest))

    def run(self, path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                if not line.strip() or line.startswith("#"):
                    continue
                try:
                    self.step(line)
                except (Failed, OSError, IndexError, ValueError, re.error) as error:
                    raise Failed(f"{path}:{number}: {error}") from None

    def close(self):
        for client in self.clients.values():
            client.socket.close()


def run_file(options, path):
    name = os.path.splitext(os.path.basename(path))[0]
    dialogue = Dialogue(options)
    try:
        dialogue.run(path)
    except Skipped as why:
        print(f"ok {name} # skip {why}", flush=True)
        return True
    except Failed as why:
        print(f"not ok {name}: {why}", flush=True)
        return False
    finally:
        dialogue.close()
    print(f"ok {name}", flush=True)
    return True


def parse_options():
    parser = argparse.ArgumentParser(description="runs dialogue files against a server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", action="append", default=[], metavar="KIND=PORT")
    parser.add_argument("-D", action="append", default=[], dest="define", metavar="NAME=VALUE")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for each line")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    options.ports = dict(PORTS)
    options.ports.update((k, int(v)) for k, v in (p.split("=", 1) for p in options.port))
    options.names = {"run": os.urandom(4).hex(), "domain": "example.test",
                     "user": "u1@example.test", "user2": "u2@example.test", "password": "pass"}
    options.names.update(d.split("=", 1) for d in options.define)
    return options


def main():
    options = parse_options()
    failed = sum(not run_file(options, path) for path in options.files)
    print(f"dialogues: {len(options.files) - failed} of {len(options.files)} ok")
    return min(failed, 99)


if __name__ == "__main__":
    sys.exit(main())
