# SPDX-License-Identifier: ISC
"""policy_server.py - a policy server for tests: answers(attributes) gives the bytes of an answer, or None for silence."""
import os
import socket
import threading


def action(text):
    return f"action={text}\n\n".encode()


class PolicyServer:
    def __init__(self, answers, path=None):
        self.answers, self.asked, self.connections = answers, [], 0
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o600)
            self.where = f"unix:{path}"
        else:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.where = f"inet:127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.listen(20)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            lines = conn.makefile("rb")
            asked = {}
            while line := lines.readline():
                name, _, value = line.rstrip(b"\n").partition(b"=")
                if name:
                    asked[name.decode()] = value.decode("utf-8", "replace")
                    continue
                self.asked.append(asked)
                answer = self.answers(asked)
                asked = {}
                if answer == b"":
                    return
                if answer:
                    conn.sendall(answer)
        except OSError:
            pass
        finally:
            conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Its number may be another's at once: a thread that is about to accept would take what comes there."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
