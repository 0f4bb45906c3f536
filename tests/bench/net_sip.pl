#!/usr/bin/perl
# Net::SIP's stateless proxy with Record-Route, the other open proxy that Debian has: `net_sip.pl LISTEN GATEWAY`, each
# host:port. Stateless: it keeps no transaction and repeats nothing, less work than ringfence's and Kamailio's.
use strict;
use warnings;
use Net::SIP qw(:all);

my ($listen, $gateway) = @ARGV;
my ($host, $port) = split /:/, $listen;
my $loop = Net::SIP::Dispatcher::Eventloop->new;
my $leg = Net::SIP::Leg->new(addr => $host, port => $port);
my $dispatcher = Net::SIP::Dispatcher->new([$leg], $loop, do_retransmits => 0);
my $proxy = Net::SIP::StatelessProxy->new(
    dispatcher => $dispatcher,
    rewrite_contact => sub { },    # in a dialog it shall go by the Route, as the others do
);

# Whether it listens is asked by OPTIONS; a first INVITE goes to the one gateway whatever its URI.
$dispatcher->set_receiver(
    sub {
        my ($packet, $incoming, $from) = @_;
        if ($packet->is_request && $packet->method eq 'OPTIONS') {
            return $dispatcher->deliver($packet->create_response('200', 'OK'), leg => $incoming, dst_addr => $from);
        }
        if ($packet->is_request && $packet->method eq 'INVITE' && !$packet->get_header('route')) {
            $packet->insert_header('route', "<sip:$gateway;lr>");
        }
        return $proxy->receive($packet, $incoming, $from);
    }
);
$loop->loop;
