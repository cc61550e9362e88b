#!/usr/bin/perl
# Plays many SMTP sessions at once, each by a script of its own, and prints what each client heard. One session a line of
# stdin, fields parted by tabs:
#   ID  START (ms after the start)  ADDRESS[:PORT] of the client, or -  ADDRESS:PORT to connect to  STEP...
# Steps, in order: `send HEX`; `wait`: for one whole reply; `more HEX` and `next`: the same, unless the last reply was 4xx,
# 5xx or none; `pause MS`; `shut`: closes politely; `reset`: closes with RST. Prints `ID CLIENT-PORT CODE...`, a `-` for a
# reply that did not come. The sessions of one ID come one after the other, a second apart.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER SO_REUSEADDR);

my $most = 80;
# The log's own stamps have whole seconds: of two sessions of one address, port and second nobody could tell which is which.
my $apart = 1100;
$SIG{PIPE} = 'IGNORE';
$| = 1;

# perl-base has no Time::HiRes.
sub pause { my ($ms) = @_; select undef, undef, undef, $ms / 1000 if $ms > 0 }

sub play {
    my ($id, undef, $from, $to, @steps) = @_;
    my ($address, $port) = split /:/, $from;
    my @from = $from eq '-' ? () : (LocalAddr => $address, ($port ? (LocalPort => $port, ReuseAddr => 1) : ()));
    my $socket = IO::Socket::INET->new(PeerAddr => $to, Proto => 'tcp', Timeout => 20, @from)
        or do { print "$id 0 away\n"; return };
    my $text = '';
    my $last = 0;
    my @heard;
    my $wait = sub {
        $last = 0;
        while (1) {
            while ($text =~ s/^([^\n]*)\n//) {
                if ($1 =~ /^(\d{3})(?: |\r?\z)/) { $last = $1; push @heard, $last; return }
            }
            sysread($socket, $text, 4096, length $text) or last;
        }
        push @heard, '-';
    };
    local $SIG{ALRM} = sub { die "no answer\n" };
    eval {
        alarm 90;
        for (@steps) {
            my ($verb, $what) = split / /;
            syswrite $socket, pack 'H*', $what if $verb eq 'send' || ($verb eq 'more' && $last =~ /^[23]/);
            $wait->() if $verb eq 'wait' || ($verb eq 'next' && $last =~ /^[23]/);
            pause($what) if $verb eq 'pause';
            setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $verb eq 'reset';
            last if $verb eq 'shut' || $verb eq 'reset';
        }
    };
    alarm 0;
    my $mine = $socket->sockport;
    close $socket;
    print "$id $mine @heard\n";
}

my %sessions;
my @order;
while (my $line = <STDIN>) {
    chomp $line;
    my @fields = split /\t/, $line;
    push @order, $fields[0] unless $sessions{ $fields[0] };
    push @{ $sessions{ $fields[0] } }, \@fields;
}
my $running = 0;
my $before  = 0;
for my $id (sort { $sessions{$a}[0][1] <=> $sessions{$b}[0][1] } @order) {
    if ($running >= $most) { wait; $running -= 1 }
    my $start = $sessions{$id}[0][1];
    pause($start - $before);
    $before = $start;
    my $child = fork // die "fork: $!\n";
    if ($child == 0) {
        my $first = shift @{ $sessions{$id} };
        play(@$first);
        for (@{ $sessions{$id} }) { pause($apart); play(@$_) }
        exit 0;
    }
    $running += 1;
}
1 while wait != -1;
