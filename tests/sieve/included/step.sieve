require ["include", "variables"];
global "count";
set "local" "other";
set "count" "${count}p";
return;
set "count" "wrong";
