#!/usr/bin/perl
# An independent reader of a mail log: lists who was refused, and at which gate. It judges screenpass, so it shares no
# code with it: it is written from Postfix's own log format and needs nothing but perl-base. It reads no claim of a
# client (HELO, MAIL FROM, RCPT TO).
#
#   mail-log.pl [FILE...]            one JSON object for each session of postscreen and each refusal of a later gate
#   mail-log.pl --lines [FILE...]    one JSON object for each line: what the line alone says
#
# A session has the stamp of its CONNECT: the Engine's if the log has it (docker logs --timestamps), else the log's own.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 inet_ntop inet_pton);

my $by_line = @ARGV && $ARGV[0] eq '--lines' && shift;
# The Engine's own stamps have nine digits.
my $engine  = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/;
my $stamp   = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)/;
my $classic = qr/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/;
my $client  = qr/\[([^\]\s]*)\]:(\d+)/;
my $status  = qr/([45]\d\d) ([45]\.\d{1,3}\.\d{1,3})/;
# What smtpd and cleanup call the client: a name, or "unknown", and the address; a port if smtpd_client_port_logging.
my $host    = qr/[^\s\[\]]*\[([^\]]*)\](?::(\d+))?/;
my $daemons = qr/postscreen|dnsblog|tlsproxy|smtpd|cleanup|qmgr|master|postfix-script|anvil|smtp|lmtp|local|virtual|pickup|bounce/;

# The longest text that Postfix writes in one piece; a longer one is cut without a sign.
my $most = 2000;

sub address {
    my ($text) = @_;
    for my $family (AF_INET, AF_INET6) {
        my $packed = inet_pton($family, $text) or next;
        return inet_ntop($family, $packed);
    }
    return undef;
}

sub port { my ($text) = @_; return defined $text && $text <= 65535 ? $text + 0 : undef }

# What stands before the text of a program: undef for a line that did not come through syslog's format.
sub header {
    my ($line) = @_;
    my %read;
    $line =~ s/^[\w.-]+ +\| //;
    ($read{engine}) = $line =~ s/^($engine) // ? $1 : ();
    $line =~ s/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBG '[^']*' stdout output: //;
    ($read{own}) = $line =~ s/^($stamp|$classic) // ? $1 : ();
    $line =~ /^[^\s\[\]]+ ([^\s\[\]:]+)\[\d+\]: (.*)\z/s or return undef;
    @read{qw(tag text)} = ($1, $2);
    return \%read;
}

# The program of Postfix that wrote a line; undef: another one did.
sub program {
    my ($tag) = @_;
    my ($service, $name) = $tag =~ m{^(.+)/([^/]+)\z} or return undef;
    return $service =~ m{^postfix(?:-[^/]*)?(?:/|\z)} || $name =~ /^(?:$daemons)\z/ ? $name : undef;
}

my @postscreen = (
    [connect         => qr/^CONNECT from $client(?: to \[[^\]\s]*\]:\d+)?\z/],
    [pass_new        => qr/^PASS NEW $client\z/],
    [pass_old        => qr/^PASS OLD $client\z/],
    [allowlisted     => qr/^(?:ALLOW|WHITE)LISTED $client\z/],
    [denylisted      => qr/^(?:DENY|BLACK)LISTED $client\z/],
    [allowlist_veto  => qr/^(?:ALLOW|WHITE)LIST VETO $client\z/],
    [pregreet        => qr/^PREGREET \d+ after [\d.]+ from $client: /],
    [data_without_rcpt => qr/^(?:DATA|BDAT) without valid RCPT from $client\z/],
    [disconnect      => qr/^DISCONNECT $client\z/],
    [protocol        => qr/^(?:COMMAND PIPELINING|BARE NEWLINE|COMMAND (?:TIME|LENGTH|COUNT) LIMIT) from $client(?: after .*)?\z/s],
    [protocol        => qr/^NON-SMTP COMMAND from $client /],
    [reject          => qr/^NOQUEUE: reject: CONNECT from $client: (?:too many connections|all (?:server|screening) ports busy)\z/],
    [reject          => qr/^reject: connect from $client: all screening ports busy\z/],
);

sub of_postscreen {
    my ($text) = @_;
    if ($text =~ /^DNSBL rank (\d+) for $client\z/) {
        return { kind => 'dnsbl_rank', rank => $1 + 0, ip => address($2), port => port($3) };
    }
    # The first border is Postfix's: all that a client says comes after it.
    if ($text =~ /^NOQUEUE: reject: RCPT from $client: $status (.*?)(?:; from=<|\z)/s) {
        my %read = (kind => 'reject', ip => address($1), port => port($2), code => $3 + 0, enhanced => $4);
        ($read{dnsbl}) = $5 =~ /^Service unavailable; client \[[^\]]*\] blocked using (.*)\z/s;
        return \%read;
    }
    if ($text =~ /^HANGUP after [\d.]+ from $client in tests (before|after) SMTP handshake\z/) {
        return { kind => 'hangup', early => $3 eq 'before', ip => address($1), port => port($2) };
    }
    for (@postscreen) {
        my ($kind, $form) = @$_;
        return { kind => $kind, ip => address($1), port => port($2) } if $text =~ $form;
    }
    return { kind => 'cache_or_info' };
}

sub of_dnsblog {
    my ($text) = @_;
    return { kind => 'cache_or_info' } unless $text =~ /^addr (\S+) listed by domain (\S+) as \S+\z/;
    return { kind => 'dnsbl_listed', ip => address($1), dnsbl => $2 };
}

# Refusals of smtpd and cleanup; the text of the reply is read apart from its fields.
sub of_smtpd {
    my ($text, $program) = @_;
    my $code = $program eq 'cleanup' ? qr/(?:([45]\d\d) )?([45]\.\d{1,3}\.\d{1,3})/ : $status;
    my $verb = $program eq 'cleanup' ? qr/milter-reject/                          : qr/reject|milter-reject/;
    $text =~ /^(?:NOQUEUE|\w+): ($verb): [-A-Z]+ from $host: $code (.*)\z/s or return { kind => 'other' };
    my ($what, $ip, $at, $digits, $enhanced, $reply) = ($1, $2, $3, $4, $5, $6);
    my %read = (kind => $what eq 'reject' ? 'smtpd_reject' : 'milter_reject', ip => address($ip), port => port($at));
    @read{qw(code enhanced)} = (defined $digits ? $digits + 0 : undef, $enhanced);
    ($read{dnsbl}) = $reply =~ /^Service unavailable; [A-Z][a-z]+ [a-z]+ \[.*?\] blocked using ([^\s;]+)/s;
    $read{gate} =
        $what eq 'reject'
        ? smtpd_gate($enhanced, $reply, length $text)
        : milter_gate($enhanced, $reply =~ /^(.*?)(?:; (?:from|to|proto)=|\z)/s);
    return \%read;
}

my %by_status = (
    '4.7.25' => 'client-hostname', '5.7.25' => 'client-hostname', '4.1.8' => 'sender-domain', '5.1.8' => 'sender-domain',
    '5.7.27' => 'sender-domain', '4.1.2' => 'recipient-domain', '5.1.2' => 'recipient-domain', '5.1.1' => 'unknown-user',
    '5.7.23' => 'spf', '4.7.24' => 'spf', '5.7.24' => 'spf', '4.2.0' => 'postgrey',
);
my @by_words = (
    [helo               => qr/Helo command rejected: /],
    ['sender-domain'    => qr/Sender address rejected: Domain /],
    ['recipient-domain' => qr/Recipient address rejected: Domain not found/],
    ['unknown-user'     => qr/Recipient address rejected: (?:User unknown|Unknown user|undeliverable address)/],
    ['relay-denied'     => qr/Relay access denied/],
    [spf                => qr/Recipient address rejected: Message (?:rejected|deferred) due to: SPF/],
    [postgrey           => qr/Recipient address rejected: (?:Greylist|Delayed by Postgrey)/i],
);

# smtpd repeats what the client said, in <>, before its own words: "<WHAT>: WORDS". A client can write a second border of
# that form, but cannot take the real one away: with two, the status alone decides.
sub smtpd_gate {
    my ($enhanced, $reply, $length) = @_;
    return $by_status{$enhanced} if $by_status{$enhanced};
    return 'client-hostname' if $reply =~ /^Client host rejected: cannot find your (?:reverse )?hostname/;
    return 'smtpd-dnsbl'     if $reply =~ /^Service unavailable; (?:Client host|Helo command|(?:Sender|Recipient) address) \[/;
    return 'other-later'     if $length >= $most || $reply !~ /^</;
    my ($said) = $reply =~ /^(.*?)(?:; (?:from|to|proto)=|\z)/s;
    my @borders = $said =~ />: (?=Helo command|Sender address|Recipient address|Client host|Relay access)/g;
    return 'other-later' if @borders != 1;
    my ($words) = $said =~ />: ((?:Helo command|Sender address|Recipient address|Client host|Relay access).*)\z/s;
    $words =~ /^$_->[1]/ and return $_->[0] for @by_words;
    return 'other-later';
}

sub milter_gate {
    my ($enhanced, $reply) = @_;
    return 'rspamd-greylist' if $enhanced =~ /^4/ && $reply =~ /^(?:Try again later|Greylist)/i;
    return 'rspamd-reject'   if $reply =~ /^(?:Spam message rejected|Gtube pattern)\z/;
    return 'dmarc'           if $reply =~ /^rejected by DMARC policy for /;
    return 'other-later';
}

# Refusals that are no reply of Postfix's. They count only with the stamp of syslog.
sub elsewhere {
    my ($tag, $text) = @_;
    if ($tag =~ m{/smtpd\z} && $text =~ /^warning: [A-Z][A-Za-z ]+ limit exceeded: \d+ from $host for service /) {
        return { gate => 'rate-limit', ip => address($1) };
    }
    if ($tag eq 'amavis' && $text =~ /^\([-\w]+\) Blocked (?:SPAM|SPAMMY|INFECTED|UNCHECKED|CLEAN|BAD-HEADER)\b[^\[]*\[([^\]\s]*)\]:\d+ /) {
        return { gate => 'amavis', ip => address($1) };
    }
    if ($tag eq 'fail2ban.actions' && $text =~ /^NOTICE \[[^\]]*\] (?:Restore )?Ban (\S+)\z/) {
        return { gate => 'fail2ban', ip => address($1) };
    }
    return {};
}

sub event {
    my ($line) = @_;
    my $header = header($line) or return undef;
    my $text = $header->{text};
    my $program = program($header->{tag});
    my %read = (program => $program, engine => $header->{engine}, own => $header->{own});
    if (defined $program) {
        my $body =
              $program eq 'postscreen'            ? of_postscreen($text)
            : $program eq 'dnsblog'               ? of_dnsblog($text)
            : $program =~ /^(?:smtpd|cleanup)\z/  ? of_smtpd($text, $program)
            : $program eq 'master' && $text =~ /^reload -- version / ? { kind => 'reload' }
            :                                       { kind => 'other' };
        %read = (%read, %$body);
    }
    if (!defined $read{gate}) {
        my $found = elsewhere($header->{tag}, $text);
        %read = (%read, gate => $found->{gate}, at => $found->{ip}) if $found->{gate};
    }
    $read{at} = $read{ip} if defined $read{gate} && !exists $read{at};
    delete @read{qw(gate at)} unless defined $read{own} && defined $read{at};
    return \%read;
}

sub json {
    my %given = @_;
    my @fields = map {
        my $value = $given{$_};
        my $text =
              !defined $value               ? 'null'
            : $value =~ /^(?:0|[1-9]\d*)\z/ ? $value
            :                                 '"' . $value =~ s/([^ !#-\[\]-~])/sprintf '\\u%04x', ord $1/ger . '"';
        qq("$_":$text);
    } sort keys %given;
    return '{' . join(',', @fields) . "}\n";
}

# --- Sessions of postscreen -------------------------------------------------------------------------------------------

my %open;
my $number = 0;

# The gate of a reply: Postfix's own code and words, and what it logged of the session before.
sub gate_of {
    my ($session, $read) = @_;
    return 'operator-reject' if $session->{denylisted};
    return 'dnsbl' if defined $read->{dnsbl};
    return $session->{pregreet} ? 'pregreet' : 'protocol' if $read->{enhanced} =~ /^[45]\.5\.1\z/;
    return $session->{allowlist_veto} ? 'veto' : 'first-contact' if $read->{enhanced} eq '4.3.2';
    return 'protocol';
}

# The last test that a client failed, when postscreen ended the session and neither passed it nor answered a RCPT. The
# deep tests are on for a client that spoke too early, so what it fails then is still pregreet.
sub gate_without_reply {
    my ($session) = @_;
    return 'operator-reject' if $session->{denylisted};
    my $failed = $session->{failed} // return undef;
    return $failed eq 'protocol' && $session->{pregreet} ? 'pregreet' : $failed;
}

my %failure = (dnsbl_rank => 'dnsbl', pregreet => 'pregreet', protocol => 'protocol');

sub finish {
    my ($key, $outcome, %more) = @_;
    my $session = delete $open{$key};
    my %known = map { $_ => $session->{$_} } qw(ip port connected line);
    my %absent = map { $_ => undef } qw(gate code enhanced end);
    print json(what => 'session', client => $key, outcome => $outcome, %absent, %known, %more);
}

sub follow {
    my ($read) = @_;
    return unless defined $read->{ip} && defined $read->{port};
    my ($kind, $key) = ($read->{kind}, "[$read->{ip}]:$read->{port}");
    if ($kind eq 'connect') {
        finish($key, 'lost') if $open{$key};
        $open{$key} = { ip => $read->{ip}, port => $read->{port}, connected => $read->{engine} // $read->{own}, line => $number };
        return;
    }
    my $session = $open{$key} or return;
    if ($kind eq 'reject') {
        my $gate = defined $read->{code} ? gate_of($session, $read) : 'overload';
        finish($key, 'refused', gate => $gate, code => $read->{code}, enhanced => $read->{enhanced}, end => $number);
    }
    elsif ($kind =~ /^(?:pass_new|pass_old|allowlisted)\z/) { finish($key, 'passed', gate => $kind, end => $number) }
    elsif ($kind eq 'disconnect') {
        my $gate = gate_without_reply($session);
        my $outcome = $gate ? 'refused' : $session->{hangup} ? 'left' : 'ended';
        finish($key, $outcome, gate => $gate, end => $number);
    }
    else {
        $session->{$kind} = $read->{early} // 1;
        $session->{failed} = $failure{$kind} if $failure{$kind};
    }
}

binmode STDOUT;
for my $file (@ARGV ? @ARGV : '-') {
    my $log = \*STDIN;
    if ($file ne '-') { undef $log; open $log, '<', $file or die "$file: $!\n" }
    binmode $log;
    while (my $line = <$log>) {
        $number += 1;
        $line =~ s/\r?\n\z//;
        my $read = event($line);
        if ($by_line) {
            my %labels = map { $_ => $read->{$_} } qw(program kind ip port code enhanced dnsbl rank gate at);
            print json(line => $number, %labels);
            next;
        }
        next unless $read;
        follow($read) if ($read->{program} // '') eq 'postscreen';
        next unless defined $read->{gate};
        my $time = $read->{engine} // $read->{own};
        print json(what => 'later', ip => $read->{at}, gate => $read->{gate}, at => $time, line => $number);
    }
}
finish($_, 'open') for sort { $open{$a}{line} <=> $open{$b}{line} } keys %open;
