# SPDX-License-Identifier: ISC
"""listener.py - a server of a filter's kind: at a path, or a free port of loopback; serve(connection) in a thread each."""
import os
import socket
import threading


class Listener:
    def __init__(self, path=None):
        self.connections = 0
        self.lock = threading.Condition()
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
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Its number may be another's at once: a thread that is about to accept would take what comes there."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
