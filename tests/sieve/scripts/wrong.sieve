require "fileinto";
frobnicate "x";
if header :is "x" { keep; }
fileinto "a"
keep;
