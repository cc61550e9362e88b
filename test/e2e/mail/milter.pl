#!/usr/bin/perl
# A milter (Sendmail's filter protocol, version 6) on stdin and stdout, as spawn(8) starts one: answers each message, when
# it is complete, with its arguments as the reply.
use strict;
use warnings;

# Please tell me nothing but the end of the message: the bits of SMFIP_NO... for what comes before.
my $nothing_else = 0x37f;

binmode STDIN;
binmode STDOUT;
$| = 1;

# A packet is its length, a letter and data; the letter counts.
sub answer {
    my ($letter, $data) = @_;
    print pack('N a a*', 1 + length $data, $letter, $data);
}

while ((read(STDIN, my $head, 5) // 0) == 5) {
    my ($length, $letter) = unpack('N a', $head);
    read(STDIN, my $data, $length - 1);
    answer('O', pack('N N N', 6, 0, $nothing_else)) if $letter eq 'O';
    answer('y', "@ARGV\0") if $letter eq 'E';
    last if $letter eq 'Q';
}
