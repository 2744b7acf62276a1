require ["fileinto", "mailbox", "mailboxid"];
fileinto :mailboxid "Fnosuch" :create "INBOX.no-such-folder";
