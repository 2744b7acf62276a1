# SPDX-License-Identifier: ISC
"""dovecot.py - a Dovecot of its own: unprivileged, on free ports, in a temporary directory."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from suite import free_ports, wait_for

CONF = """
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/log
protocols = {protocols}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
listen = 127.0.0.1, 127.0.0.2
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_dh =
disable_plaintext_auth = no
mail_location = maildir:{mail}
mail_privileged_group =
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {d}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={d}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox "Sent Messages" {{
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
"""


POP3 = """
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
protocol pop3 {{
  pop3_uidl_format = %08Xu%08Xv
  pop3_deleted_flag = "$POP3Deleted"
}}
"""


def is_installed():
    return shutil.which("dovecot") is not None and pathlib.Path("/usr/lib/dovecot/imap").exists()


def has_pop3():
    return pathlib.Path("/usr/lib/dovecot/pop3").exists()


class Dovecot:
    """user "anna", password "theirs"; its Maildir is .mail"""

    def __init__(self, cert, key, separator="/", prefix="", mail=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="merpati-dovecot-"))
        me = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.me = me
        self.imap, self.imaps, self.pop3, self.pop3s = free_ports(4)
        self.mail = self.dir / "mail"
        if mail:
            shutil.copytree(mail, self.mail)
        for name in ("run", "state", "home", "mail"):
            (self.dir / name).mkdir(exist_ok=True)
        for name, path in (("cert.pem", cert), ("key.pem", key)):
            shutil.copy(path, self.dir / name)
        import grp
        (self.dir / "users").write_text("anna:{PLAIN}theirs\n")
        (self.dir / "dovecot.conf").write_text((CONF + POP3 * has_pop3()).format(
            d=self.dir, user=me.pw_name, group=grp.getgrgid(me.pw_gid).gr_name, uid=me.pw_uid, gid=me.pw_gid, mail=self.mail,
            cert=self.dir / "cert.pem", key=self.dir / "key.pem", imap=self.imap, imaps=self.imaps,
            pop3=self.pop3, pop3s=self.pop3s, protocols="imap pop3" if has_pop3() else "imap",
            separator=separator, prefix=prefix))
        for path in (self.dir, *self.dir.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, me.pw_uid, me.pw_gid)
        self.start()

    def start(self):
        as_user = {"user": self.me.pw_uid, "group": self.me.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        self.out = open(self.dir / "out", "ab")
        self.proc = subprocess.Popen(["dovecot", "-F", "-c", self.dir / "dovecot.conf"], stdout=self.out, stderr=self.out, **as_user)
        if not wait_for(lambda: self.answers() or self.proc.poll() is not None) or self.proc.poll() is not None:
            raise RuntimeError(f"dovecot did not start: {self.said()}")

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.imap), 5) as s:
                s.settimeout(5)
                return s.recv(100).startswith(b"* OK")
        except OSError:
            return False

    def said(self):
        return "".join(p.read_text(errors="replace")[-2000:] for p in (self.dir / "out", self.dir / "log") if p.exists())

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            self.proc.wait(20)
        self.out.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.said())
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
