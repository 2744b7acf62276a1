require ["fileinto", "copy"];
if address :is :domain "to" "acme.example.com" { fileinto "acme"; redirect :copy "b@example.com"; }
