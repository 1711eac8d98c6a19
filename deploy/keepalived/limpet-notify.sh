#!/bin/sh
# /etc/keepalived/limpet-notify.sh, of root, mode 0755. keepalived calls it at each change: TYPE NAME STATE PRIORITY.
set -eu

name=$2
state=$3
# A host without a system log still closes what is left.
say() {
  logger -t limpet-keepalived -- "$*" || echo "$*" >&2
}

say "$name is $state"
case $state in
  BACKUP | FAULT | STOP)
    # The address is gone, and with it every client that came by it: what they have left here would count as load of the
    # servers until `timeouts.keepalive` finds it dead.
    if ! said=$(limpet sessions close --listener redis --per-second 0 2>&1); then
      # Limpet itself may be gone: then nothing is left to close.
      say "sessions were not closed: $said"
    fi
    ;;
esac
