#!/usr/bin/env bash
# What the tests and the benchmark talk to: SIPp, Kamailio, Net::SIP, a C compiler, PostgreSQL, openssl, valgrind, which
# counts what a call costs, systemd-analyze, which reads our units, and tshark, which reads captures.
# Installs what is missing when it may (root, apt); otherwise says what to install and goes on, since the tests
# that need it are skipped with their reason, or fail where RINGFENCE_REQUIRE_PEERS=1 says that none may be.
set -euo pipefail

declare -A package_of=([sipp]=sip-tester [kamailio]=kamailio [gcc]=gcc [openssl]=openssl [valgrind]=valgrind
    [systemd-analyze]=systemd [tshark]=tshark)
PATH=$PATH:/usr/sbin
missing=()
for program in "${!package_of[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if ! compgen -G '/usr/lib/*/kamailio/modules/ndb_redis.so' >/dev/null; then
    missing+=(kamailio-redis-modules)
fi
if ! perl -MNet::SIP -e1 2>/dev/null; then
    missing+=(libnet-sip-perl)
fi
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null; then
    missing+=(postgresql)
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "=== missing for the interop tests: ${missing[*]}" >&2
    echo "=== those tests will not run; to run them: sudo apt-get install ${missing[*]} libc6-dev" >&2
    exit 0
fi

# Kamailio's package would start a server of its own on port 5060; a policy of 101 keeps it from that.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}" libc6-dev >/dev/null
