#!/bin/sh
# Starts the DNS server and Postfix. Environment:
#   CLIENT_ADDRESSES  addresses that test clients may come from, put on lo
#   LISTED_ADDRESSES  addresses that zen.spamhaus.org lists, as far as this container can see; ADDRESS=ANSWER
#                     where the answer is not 127.0.0.2
set -eu

# As in docker-mailserver: the user's settings are taken over once, and a mere restart does not look again.
user_settings=/tmp/docker-mailserver/postfix-main.cf
done_before=/etc/postfix/.set-up
if [ ! -e "$done_before" ]; then
  if [ -f "$user_settings" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        '' | '#'*) ;;
        *) postconf -e "$line" ;;
      esac
    done <"$user_settings"
  fi
  touch "$done_before"
fi

# One process each, however many addresses: a machine that is busy starts few in a second.
for address in ${CLIENT_ADDRESSES:-}; do echo "address replace $address/32 dev lo"; done | ip -batch -

for listed in ${LISTED_ADDRESSES:-}; do echo "$listed"; done |
  sed -E -e '/=/!s|$|=127.0.0.2|' -e 's|(.*)\.(.*)\.(.*)\.(.*)=(.*)|address=/\4.\3.\2.\1.zen.spamhaus.org/\5|' \
    >/run/dnsmasq-listed.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
dnsmasq --conf-file=/etc/mail-test/dnsmasq.conf

# The master becomes process 1: it takes the signals, and its log is the container's.
exec postfix start-fg
