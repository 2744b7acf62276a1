require ["fileinto"];
if header :contains "Subject" "invoice" { fileinto "Bills"; stop; }
if header :is "List-Id" "<dev.lists.example.org>" { fileinto "Lists"; stop; }
if header :contains "List-Id" "announce" { fileinto "Lists"; stop; }
if address :is "from" "boss@work.example" { keep; stop; }
if address :domain :is "from" "shop.example" { fileinto "Shops"; stop; }
if address :localpart :is "to" "postmaster" { keep; stop; }
if size :over 20M { discard; stop; }
if header :contains "X-Spam-Flag" "YES" { fileinto "Junk"; stop; }
if header :is "Precedence" ["bulk", "junk"] { keep; stop; }
if header :contains ["To", "Cc"] "team@work.example" { keep; stop; }
if address :all :contains "from" "noreply" { keep; stop; }
if allof (header :contains "Subject" "report", size :over 1M) { keep; stop; }
if anyof (header :is "X-Priority" "1", header :is "Importance" "high") { keep; stop; }
if header :matches "Subject" "[ticket *] *" { keep; stop; }
if not exists ["From", "Date"] { discard; stop; }
if address :is "to" ["sales@work.example", "info@work.example"] { keep; stop; }
if header :contains "Received" "backup.work.example" { keep; stop; }
if header :is "Auto-Submitted" "auto-replied" { keep; stop; }
if header :contains "User-Agent" "cron" { discard; stop; }
if header :contains "Subject" "load" { keep; }
