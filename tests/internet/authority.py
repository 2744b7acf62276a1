# SPDX-License-Identifier: ISC
"""authority.py - an authority for certificates, and servers of HTTPS that have them.

    ca = Authority(suite.dir)                                # ca.file: for tls_authorities
    cert, key = ca.certificate("mta-sts.good.test")          # names; days=-1: expired
    with Web(("127.0.5.9", 443), cert, key, pages) as web:   # pages: {path: (status, headers, body)}, or a function
"""
import http.server
import pathlib
import ssl
import subprocess
import threading


class Authority:
    def __init__(self, directory, name="authority"):
        self.dir = pathlib.Path(directory) / name
        self.dir.mkdir()
        self.n = 0
        self.file, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        self.openssl("-x509", "-days", "30", "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
                     "-keyout", self.key, "-out", self.file)
        self.dir.chmod(0o755)
        self.file.chmod(0o644)

    def openssl(self, *args):
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *map(str, args)],
                       check=True, stderr=subprocess.DEVNULL)

    def certificate(self, *names, days=30):
        """files of a certificate for names, and of its key"""
        self.n += 1
        cert, key, request = (self.dir / f"{self.n}.{x}" for x in ("pem", "key", "csr"))
        extensions = self.dir / f"{self.n}.ext"
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{n}" for n in names) + "\nextendedKeyUsage=serverAuth\n")
        self.openssl("-subj", f"/CN={names[0]}", "-keyout", key, "-out", request)
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-set_serial", str(self.n),
                        "-days", str(days), "-extfile", extensions, "-out", cert], check=True, stderr=subprocess.DEVNULL)
        return cert, key


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        web = self.server.web
        web.asked.append((self.headers.get("Host"), self.path))
        page = web.pages.get(self.path)
        if page is None:
            page = (404, {"Content-Type": "text/plain"}, b"there is nothing here")
        if callable(page):
            page(self)
            return
        status, headers, body = page
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        web = self.server.web
        body = self.rfile.read(int(self.headers["Content-Length"]))
        web.posted.append((self.path, self.headers["Content-Type"], body))
        self.send_response(web.posts.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, request, client_address):
        pass  # who will not have our certificate leaves in the middle of the handshake


class Web:
    def __init__(self, address, cert, key, pages, posts=None):
        """posts: {path: the status of what is posted there}; posted: (path, media type, bytes)"""
        self.pages, self.asked = pages, []
        self.posts, self.posted = posts or {}, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.server = Server(address, Handler)
        self.server.web = self
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.server.shutdown()
        self.server.server_close()
