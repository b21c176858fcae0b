#!/bin/sh
# Process 1 of a lab host: gives the host its name and its own /run and /tmp, then reaps whatever ends there.
# Usage: host-init.sh LABDIR HOST KEEP...   (KEEP: folders under /tmp that must stay visible)
# Says "ready" on its output once the host can be used. `lab` finds a running host by this command line.
set -e
host=$2
shift 2
hostname "$host"
mount -t sysfs sysfs /sys 2>/dev/null || true # so that /sys/class/net shows this host's interfaces
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/newtmp
mount -t tmpfs -o mode=1777 tmpfs /run/newtmp
for keep in "$@"; do
  case $keep in
  /tmp/*)
    mkdir -p "/run/newtmp/${keep#/tmp/}"
    mount --rbind "$keep" "/run/newtmp/${keep#/tmp/}"
    ;;
  esac
done
mount --move /run/newtmp /tmp
rmdir /run/newtmp
mkdir -p /run/mysqld
chown mysql /run/mysqld 2>/dev/null || true
ip link set lo up
echo ready
exec >/dev/null 2>&1 </dev/null
cd /
trap : TERM INT HUP # a signal to the whole terminal's group must not end the host
while :; do
  sleep 3600 &
  wait $! || true # waiting reaps every child of process 1, adopted ones too
done
