#!/usr/bin/perl
# A policy server (Postfix's SMTPD_POLICY_README) on stdin and stdout, as spawn(8) starts one: gives its arguments as the
# action to every question.
use strict;
use warnings;

$| = 1;
while (my $line = <STDIN>) {
    print "action=@ARGV\n\n" if $line eq "\n";
}
