# SPDX-License-Identifier: ISC
"""policy_server.py - a policy server for tests: answers(attributes) gives the bytes of an answer, or None for silence."""
from listener import Listener


def action(text):
    return f"action={text}\n\n".encode()


class PolicyServer(Listener):
    def __init__(self, answers, path=None):
        self.answers, self.asked = answers, []
        super().__init__(path)

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
