#!/bin/bash
# Starts a DNS server that knows what stands in /etc/dns/options (one option of dnsmasq a line) and asks nobody:
# all else does not exist. It is no configuration file, since dnsmasq takes no line of one that is as long as an
# SPF record.
set -euo pipefail

known=$(grep -v '^#' /etc/dns/options)
mapfile -t options <<<"$known"
how=(--keep-in-foreground --pid-file= --log-facility=- --log-queries)
exec dnsmasq "${how[@]}" --conf-file=/dev/null --no-resolv --no-hosts '--local=/#/' "${options[@]}" 2>&1
