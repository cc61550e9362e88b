#!/bin/sh
# As start.sh, but the container outlives Postfix, as docker-mailserver's does: when Postfix was stopped it is started
# again, once there is no file /run/chaos/postfix-held.
set -u

trap 'kill -TERM "$child"; wait "$child"; exit 0' TERM INT
start.sh &
while :; do
  child=$!
  wait "$child"
  while [ -e /run/chaos/postfix-held ]; do sleep 0.2; done
  /usr/sbin/postfix start-fg &
done
