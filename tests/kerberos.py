# SPDX-License-Identifier: ISC
"""kerberos.py - a realm on loopback: a KDC of MIT Kerberos, principals, a keytab, tickets.

    with Realm(directory, port) as r:
        r.principal("u1", "pass"); r.keytab(path, "imap/localhost"); r.kinit("u1", "pass"); r.run("curl", ...)
"""
import os
import pathlib
import shutil
import socket
import subprocess

from suite import wait_for

REALM = "EXAMPLE.TEST"


def is_there():
    return all(shutil.which(p) for p in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit"))


class Realm:
    def __init__(self, directory, port):
        self.dir, self.port = pathlib.Path(directory), port
        self.dir.mkdir()
        (self.dir / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n dns_canonicalize_hostname = false\n"
            f" rdns = false\n udp_preference_limit = 1\n[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n[domain_realm]\n localhost = {REALM}\n")
        (self.dir / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n {REALM} = {{\n"
            f"  database_name = {self.dir}/principal\n  key_stash_file = {self.dir}/stash\n  acl_file = {self.dir}/acl\n }}\n")
        self.env = dict(os.environ, KRB5_CONFIG=f"{self.dir}/krb5.conf", KRB5_KDC_PROFILE=f"{self.dir}/kdc.conf", KRB5CCNAME=f"FILE:{self.dir}/tickets")

    def __enter__(self):
        self.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master", check=True)
        self.kdc = subprocess.Popen(["krb5kdc", "-n", "-r", REALM], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait_for(self.answers):
            raise RuntimeError("the KDC does not listen")
        return self

    def __exit__(self, *why):
        self.kdc.kill()
        self.kdc.wait()

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def run(self, *args, input="", check=False):
        return subprocess.run([str(a) for a in args], env=self.env, input=input, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, check=check)

    def admin(self, query):
        self.run("kadmin.local", "-r", REALM, "-q", query, check=True)

    def principal(self, name, password):
        self.admin(f"addprinc -pw {password} {name}")

    def keytab(self, path, *names):
        for name in names:
            self.admin(f"addprinc -randkey {name}")
        self.admin(f"ktadd -k {path} {' '.join(names)}")

    def kinit(self, name, password):
        self.run("kinit", name, input=password + "\n", check=True)

    def forget(self):
        self.run("kdestroy")
