# SPDX-License-Identifier: ISC
"""dovecot.py - a Dovecot of its own, with IMAP and POP3 on free ports, and one user."""
import shutil
import socket

import dovecot_own
from suite import free_ports

CONF = """
protocols = {protocols}
listen = 127.0.0.1, 127.0.0.2
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_dh =
disable_plaintext_auth = no
mail_location = maildir:{mail}
mail_privileged_group =
mail_fsync = never
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
    return dovecot_own.is_installed("imap")


def has_pop3():
    return dovecot_own.is_installed("pop3")


class Dovecot(dovecot_own.DovecotOwn):
    """user "anna", password "theirs"; its Maildir is .mail"""

    def __init__(self, cert, key, separator="/", prefix="", mail=None):
        super().__init__()
        self.imap, self.imaps, self.pop3, self.pop3s = free_ports(4)
        self.mail = self.dir / "mail"
        if mail:
            shutil.copytree(mail, self.mail)
        self.mail.mkdir(exist_ok=True)
        for name, path in (("cert.pem", cert), ("key.pem", key)):
            shutil.copy(path, self.dir / name)
        self.configure(CONF + POP3 * has_pop3(), "anna:{PLAIN}theirs\n", mail=self.mail,
                       cert=self.dir / "cert.pem", key=self.dir / "key.pem", imap=self.imap, imaps=self.imaps,
                       pop3=self.pop3, pop3s=self.pop3s, protocols="imap pop3" if has_pop3() else "imap",
                       separator=separator, prefix=prefix)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.imap), 5) as s:
                s.settimeout(5)
                return s.recv(100).startswith(b"* OK")
        except OSError:
            return False
