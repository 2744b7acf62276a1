require "reject";
keep;
reject "Not today.";
