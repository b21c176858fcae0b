#!/bin/sh
# Runs one service of a lab host and starts it again as systemd would.
# Usage: supervise.sh NAME RUNDIR POLICY DELAY_S COMMAND...
# POLICY: on-abnormal (Debian's mariadb.service: after a signal other than TERM, INT, HUP, PIPE),
#         on-failure (also after an exit code other than 0). NAME.once in RUNDIR: not started again, whatever the end.
name=$1 dir=$2 policy=$3 delay=$4
printf '%s\0' "$@" >"$dir/$name.argv" # service.sh starts it again with these
shift 4
while :; do
  "$@" >>"$dir/$name.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$dir/$name.pid"
  rc=0
  wait "$pid" || rc=$?
  # The next supervisor may have begun already, and have written its own.
  [ "$(cat "$dir/$name.pid" 2>/dev/null)" != "$pid" ] || rm -f "$dir/$name.pid"
  echo "$(date +%T.%N) $name ended with $rc" >>"$dir/supervisor.log"
  [ -e "$dir/$name.once" ] && break
  case $rc in
  0 | 129 | 130 | 141 | 143) break ;;
  esac
  if [ "$rc" -le 128 ] && [ "$policy" = on-abnormal ]; then break; fi
  sleep "$delay"
  [ -e "$dir/$name.once" ] && break
done
