#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# imapclient.pl PORT PORT-TLS CERTIFICATE USER - what Mail::IMAPClient can do, on an account with three messages in INBOX.
use strict;
use warnings;
use Mail::IMAPClient;

my ($port, $port_tls, $certificate, $user) = @ARGV;

sub client {
	return Mail::IMAPClient->new(Server => 'localhost', User => $user, Password => 'pass', Uid => 1, @_)
	    || die "login: $@";
}

sub must {
	my ($ok, $what, $c) = @_;
	die "$what: " . ($c ? $c->LastError // '' : '') . "\n" unless $ok;
}

my $tls = client(Port => $port_tls, Ssl => [SSL_ca_file => $certificate]);
must($tls->IsAuthenticated, 'IMAPS', $tls);
$tls->logout;
my $c = client(Port => $port, Starttls => [SSL_ca_file => $certificate]);
must($c->IsAuthenticated, 'STARTTLS', $c);
must($c->has_capability('IMAP4rev1') && $c->has_capability('UIDPLUS'), 'capability', $c);
must(defined $c->noop && $c->select('INBOX') && $c->message_count == 3, 'select', $c);
my @uids = $c->messages;
must("@uids" eq '1 2 3', "messages: @uids", $c);
must($c->subject(1) eq 'mail-0' && $c->get_header(2, 'Message-ID') eq '<mail-1@example.net>', 'headers', $c);
my $headers = $c->parse_headers(\@uids, 'Subject', 'Date');
must($headers->{3}{Subject}[0] eq 'mail-2', 'parse_headers', $c);
must($c->message_string(1) =~ /body of mail-0/ && $c->body_string(1) =~ /^body of mail-0/, 'bodies', $c);
must($c->size(1) > 100 && $c->internaldate(1), 'size and date', $c);
my $flags = $c->flags([1, 2]);
must(grep({ $_ eq '\\Seen' } @{$flags->{1}}), 'flags', $c);
must($c->set_flag('\\Flagged', 2) && $c->see(2) && $c->deny_seeing(2) && $c->set_flag('work', 3), 'set flags', $c);
must("@{[$c->search('FLAGGED')]}" eq '2' && "@{[$c->search(KEYWORD => 'work')]}" eq '3', 'search', $c);
must("@{[$c->unseen]}" eq '2 3', "unseen: @{[$c->unseen]}", $c);
must("@{[$c->sort('REVERSE SUBJECT', 'UTF-8', 'ALL')]}" eq '3 2 1', 'sort', $c);
must($c->thread('REFERENCES', 'UTF-8', 'ALL'), 'thread', $c);
must(@{$c->get_bodystructure(1)->bodytype ? [1] : []}, 'bodystructure', $c);
must($c->get_envelope(1)->subject eq 'mail-0', 'envelope', $c);
must($c->create('Work/Old') && $c->exists('Work/Old') && $c->is_parent('Work'), 'create', $c);
must($c->subscribe('Work/Old') && grep({ $_ eq 'Work/Old' } $c->subscribed), 'subscribe', $c);
my $uid = $c->append_string('Work/Old', "Subject: by perl\r\n\r\nx\r\n", '\\Seen', '01-Mar-2026 10:00:00 +0000');
must($uid && $uid == 1, 'append', $c);
must($c->copy('Work/Old', 1), 'copy', $c);
must($c->move('Work/Old', 2) && defined $c->expunge, 'move', $c);
must($c->status('Work/Old', 'MESSAGES') && $c->message_count('Work/Old') == 3, 'status', $c);
must($c->rename('Work/Old', 'Work/Older') && !$c->exists('Work/Old'), 'rename', $c);
must($c->select('Work/Older') && "@{[$c->messages]}" eq '1 2 3', 'what was filed', $c);
must($c->delete_message([$c->messages]) && defined $c->expunge && $c->message_count == 0, 'expunge', $c);
must($c->close && $c->unsubscribe('Work/Old') && $c->delete('Work/Older'), 'delete', $c);
must($c->examine('INBOX') && $c->message_count == 2, 'examine', $c);
must($c->idle && $c->done, 'idle', $c);
must($c->getquotaroot('INBOX'), 'quota', $c);
must($c->logout, 'logout', $c);
print "done\n";
