# SPDX-License-Identifier: ISC
"""webmail.py - Debian's Roundcube in front of a merpati of suite.py, and a browser that uses it as a person does.

    with Webmail(suite) as w:
        w.log_in("u1@example.test", "pass")
        w.read("a subject")

Roundcube is the distribution's program with a configuration and a database of its own below the suite's directory; PHP's
own server serves it.  Each act waits for what the page shows then."""
import os
import shutil
import sqlite3
import subprocess

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException

from suite import SANITIZERS, free_ports, listens, wait_for

ROOT = "/var/lib/roundcube/public_html"
WAIT_SEC = 40
# as common/webmail.md says
CONFIG = """<?php
$tls = ['ssl' => ['cafile' => '{dir}/cert.pem', 'verify_peer' => true, 'peer_name' => 'localhost']];
$config = [
    'db_dsnw' => 'sqlite:///{dir}/web/db.sqlite?mode=0640',
    'imap_host' => 'ssl://localhost:{imaps}',
    'imap_conn_options' => $tls,
    'smtp_host' => 'ssl://localhost:{submissions}',
    'smtp_user' => '%u',
    'smtp_pass' => '%p',
    'smtp_conn_options' => $tls,
    'managesieve_host' => 'tls://localhost:{sieve}',
    'managesieve_conn_options' => $tls,
    'managesieve_default' => '',
    'des_key' => 'only-for-a-test-of-24-ch',
    'plugins' => ['managesieve', 'acl', 'archive', 'markasjunk'],
    'managesieve_vacation' => 1,
    'archive_mbox' => 'Archive',
    'skin' => 'elastic',
    'temp_dir' => '{dir}/web/temp',
    'log_dir' => '{dir}/web/logs',
    'log_driver' => 'file',
    'lock_special_folders' => true,
];
"""


class Webmail:
    def __init__(self, s):
        self.s, self.dir = s, s.dir / "web"
        for name in ("config", "temp", "logs"):
            (self.dir / name).mkdir(parents=True)
        for name in ("defaults.inc.php", "mimetypes.php"):
            shutil.copy(f"/etc/roundcube/{name}", self.dir / "config")
        (self.dir / "config/config.inc.php").write_text(CONFIG.format(
            dir=s.dir, **{p: s.port(p) for p in ("imaps", "submissions", "sieve")}))
        with sqlite3.connect(self.dir / "db.sqlite") as db, open("/usr/share/roundcube/SQL/sqlite.initial.sql") as sql:
            db.executescript(sql.read())
        [self.port] = free_ports(1)
        self.server = self.browser = None

    def __enter__(self):
        env = {k: v for k, v in os.environ.items() if k not in SANITIZERS}
        self.server = subprocess.Popen(
            ["php", "-d", "error_log=" + str(self.dir / "logs/php"), "-d", "log_errors=1", "-S", f"127.0.0.1:{self.port}", "-t", ROOT],
            env=dict(env, ROUNDCUBE_CONFIG_DIR=str(self.dir / "config"), PHP_CLI_SERVER_WORKERS="4"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            if not wait_for(lambda: listens(self.port), 20):
                raise RuntimeError("PHP's server does not come")
            self.open_browser()
        except BaseException:
            self.__exit__()
            raise
        return self

    def open_browser(self):
        o = Options()
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1400,900", "--lang=en"):
            o.add_argument(word)
        o.add_argument(f"--user-data-dir={self.dir / 'chromium'}")
        o.binary_location = "/usr/bin/chromium"
        self.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=o)
        self.browser.set_page_load_timeout(WAIT_SEC)

    def __exit__(self, *_):
        if self.browser:
            self.browser.quit()
        if self.server:
            os.killpg(self.server.pid, 15)
            self.server.wait()

    # --- looking ---

    def errors(self):
        """What Roundcube and PHP have logged as errors."""
        return "".join(p.read_text(errors="replace") for p in sorted((self.dir / "logs").iterdir()) if p.name.startswith(("errors", "php")))

    def screenshot(self, name):
        """Into the folder WEB_SHOTS, for people to look at."""
        if os.environ.get("WEB_SHOTS"):
            self.browser.save_screenshot(os.path.join(os.environ["WEB_SHOTS"], f"{name}.png"))

    def until(self, what, fn):
        """fn's value, as soon as it is true."""
        try:
            return WebDriverWait(self.browser, WAIT_SEC, 0.1, (NoSuchElementException, StaleElementReferenceException)).until(lambda _: fn())
        except TimeoutException:
            raise RuntimeError(f"{what} is not so; the page says: {self.said()!r}") from None

    def said(self):
        return self.browser.execute_script("return [...document.querySelectorAll('#messagestack div')].map(e => e.textContent).join(' ')")

    def one(self, css):
        def seen():
            e = self.browser.find_element(By.CSS_SELECTOR, css)
            return e if e.is_displayed() else None
        return self.until(css, seen)

    def click(self, css):
        def clicked():
            e = self.browser.find_element(By.CSS_SELECTOR, css)
            if not e.is_displayed() or "disabled" in (e.get_attribute("class") or "").split():
                return False
            e.click()
            return True
        self.until(f"click {css}", clicked)

    def go(self, query):
        self.browser.switch_to.default_content()
        self.browser.get(f"http://127.0.0.1:{self.port}/?{query}")

    def into(self, frame):
        """What follows is in this frame, once its page is there."""
        self.browser.switch_to.default_content()

        def entered():
            self.browser.switch_to.default_content()
            self.browser.switch_to.frame(self.browser.find_element(By.CSS_SELECTOR, frame))
            return self.browser.execute_script("return document.readyState == 'complete' && document.URL != 'about:blank'")
        self.until(frame, entered)

    # --- acts ---

    def log_in(self, user, password):
        self.go("_task=login")
        self.one("#rcmloginuser").send_keys(user)
        self.one("#rcmloginpwd").send_keys(password)
        self.one("#rcmloginsubmit").click()

    def log_out(self):
        self.go("_task=mail")
        token = self.browser.execute_script("return rcmail.env.request_token")
        self.go(f"_task=logout&_token={token}")
        self.one("#rcmloginuser")

    def subjects(self):
        return self.browser.execute_script(
            "return [...document.querySelectorAll('#messagelist tbody tr')].filter(e => e.offsetParent)"
            ".map(e => e.querySelector('.subject a').textContent.trim())")

    def row(self, subject):
        def found():
            for e in self.browser.find_elements(By.CSS_SELECTOR, "#messagelist tbody tr"):
                if subject in e.text:
                    return e
            return None
        return self.until(f"the message {subject!r} in the list", found)

    def pick(self, subject):
        self.until(f"{subject} is picked", lambda: self.row(subject).click() or "selected" in self.row(subject).get_attribute("class"))

    def folder(self, name):
        self.go(f"_task=mail&_mbox={name}")
        self.until(f"folder {name}", lambda: self.browser.execute_script("return rcmail.env.mailbox") == name)

    def wait_subjects(self, wanted):
        def same():
            return sorted(self.subjects()) == sorted(wanted)
        self.until(f"the list is {wanted}", same)

    def read(self, subject):
        """The text of a message, opened from the list."""
        self.browser.switch_to.default_content()
        self.pick(subject)
        self.into("#messagecontframe")
        text = self.until("the message's text", lambda: subject in self.browser.find_element(By.CSS_SELECTOR, "#message-header").text
                          and self.browser.find_element(By.CSS_SELECTOR, "#messagebody").text)
        names = [e.text for e in self.browser.find_elements(By.CSS_SELECTOR, "#attachment-list li a.filename")]
        self.browser.switch_to.default_content()
        return text, names

    def search(self, words, scope="text"):
        """scope: subject, from, ... or text: the whole message."""
        boxes = "#searchmenu input[name='s_mods[]']"
        if not self.browser.find_element(By.CSS_SELECTOR, boxes).is_displayed():
            self.click(".searchbar a.options")
        for box in self.until("what to search in", lambda: self.browser.find_elements(By.CSS_SELECTOR, boxes)):
            if box.is_selected() != (box.get_attribute("value") == scope):
                self.browser.execute_script("arguments[0].click()", box)
        form = self.one("#mailsearchform")
        form.clear()
        form.send_keys(words, Keys.ENTER)

    def compose(self, to, subject, text, attachment=None):
        self.go("_task=mail&_action=compose")
        self.one("#compose_to input").send_keys(to, ",")
        self.one("#compose-subject").send_keys(subject)
        self.one("#composebody").send_keys(text)
        if attachment:
            self.browser.find_element(By.CSS_SELECTOR, "#uploadform input[type=file]").send_keys(str(attachment))
            self.until("the attachment", lambda: attachment.name in self.one("#attachment-list").text and
                       not self.browser.find_elements(By.CSS_SELECTOR, "#attachment-list li.uploading"))

    def send(self):
        self.click("a.send, button.send")
        self.until("sent", lambda: "_action=compose" not in self.browser.current_url)

    def drag(self, subject, folder):
        """A message is dragged onto a folder."""
        target = self.one(f"#mailboxlist li.mailbox a[rel='{folder}']")
        ActionChains(self.browser).click_and_hold(self.row(subject)).move_by_offset(8, 8).move_to_element(target).release().perform()

    def choose(self, css, words):
        """Of a list, what is shown with these words."""
        Select(self.one(css)).select_by_visible_text(words)

    def delete(self, subject):
        self.pick(subject)
        self.click("#layout-content > .header a.delete")
