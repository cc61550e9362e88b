#!/usr/bin/perl
# Sends one message, or tries to, from an address of this host, and prints the whole talk.
# Exit: 0 queued, 1 refused, 2 no connection or an answer that is no SMTP.
use strict;
use warnings;
use Getopt::Long;
use IO::Socket::INET;

my %option = (
    'to-address' => '127.0.0.1',
    port         => 25,
    helo         => 'client.example',
    'mail-from'  => '',
    'rcpt-to'    => 'user@example.test',
);
my @known = qw(from-address=s to-address=s port=i helo=s mail-from=s rcpt-to=s pregreet);
GetOptions(\%option, @known) or exit 2;
$SIG{ALRM} = sub { print "! no answer in time\n"; exit 2 };
$SIG{PIPE} = 'IGNORE';
$| = 1;
alarm 60;

my $socket = IO::Socket::INET->new(
    PeerAddr => $option{'to-address'},
    PeerPort => $option{port},
    Proto    => 'tcp',
    ($option{'from-address'} ? (LocalAddr => $option{'from-address'}) : ()),
) or do { print "! cannot connect: $@\n"; exit 2 };

sub say_line {
    my ($line) = @_;
    print "> $line\n";
    print $socket "$line\r\n";
}

# Reads one answer to its last line (the one without a dash) and returns its code.
sub answer {
    while (my $line = <$socket>) {
        $line =~ s/\r?\n\z//;
        print "< $line\n";
        return $1 if $line =~ /^(\d{3})(?: |\z)/;
    }
    print "! connection closed\n";
    exit 1;
}

# Returns the code if it starts as wanted. A wrong one ends the talk politely: postscreen counts a client
# that just hangs up as a different case.
sub expect {
    my ($wanted) = @_;
    my $code = answer();
    return $code if $code =~ /^$wanted/;
    say_line('QUIT');
    answer();
    exit 1;
}

# postscreen shows the first line of its banner (220-) at once and the last (220 ) after its tests. A client
# with manners waits for the last one. With --pregreet it speaks at once, and then postscreen may leave the
# last line out.
say_line("EHLO $option{helo}") if $option{pregreet};
my $first = expect(2);
say_line("EHLO $option{helo}") unless $option{pregreet};
expect(2) if $first == 220;
say_line("MAIL FROM:<$option{'mail-from'}>");
expect(2);
say_line("RCPT TO:<$option{'rcpt-to'}>");
expect(2);
say_line('DATA');
expect(3);
say_line($_) for "From: <$option{'mail-from'}>", "To: <$option{'rcpt-to'}>", 'Subject: test';
say_line($_) for '', 'A test.', '.';
expect(2);
say_line('QUIT');
answer();
