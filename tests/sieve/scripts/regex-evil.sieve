require ["regex", "variables"];
set "a" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
if string :regex "${a}" "^(a+)+$" { stop; }
