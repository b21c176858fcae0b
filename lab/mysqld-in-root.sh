#!/bin/sh
# Becomes mysqld inside ROOT, with FOLDER and /run/mysqld at their own paths. Wants a mount namespace of its own (unshare --mount).
# Usage: mysqld-in-root.sh ROOT FOLDER ARGUMENT...
set -e
root=$1 folder=$2
shift 2
mount -t tmpfs none "$root/tmp"
mkdir -p "$root$folder"
mount --rbind "$folder" "$root$folder"
if [ -d /run/mysqld ]; then
  mount -t tmpfs none "$root/run"
  mkdir "$root/run/mysqld"
  mount --bind /run/mysqld "$root/run/mysqld"
fi
exec chroot "$root" /usr/sbin/mysqld "$@"
