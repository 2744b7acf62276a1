require "regex";
if header :regex "a" ["a(b", "*x", "a{9999}", "[[.x.]]"] { stop; }
