require "reject";
reject "Not today.";
