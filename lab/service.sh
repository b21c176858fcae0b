#!/bin/sh
# Stops or starts a service of a lab host from within it, as systemctl does on a host that has systemd.
# Usage: service.sh stop|start NAME RUNDIR
here=$(cd "$(dirname "$0")" && pwd) verb=$1 name=$2 dir=$3
case $verb in
stop)
  : >"$dir/$name.once"
  pid=$(cat "$dir/$name.pid" 2>/dev/null) || exit 0
  kill -TERM "$pid" 2>/dev/null
  while [ "$(cat "$dir/$name.pid" 2>/dev/null)" = "$pid" ]; do sleep 0.05; done
  ;;
start)
  rm -f "$dir/$name.once"
  [ -e "$dir/$name.argv" ] || { echo "$name was never started in $dir" >&2; exit 1; }
  cd / && xargs -0 -a "$dir/$name.argv" setsid sh "$here/supervise.sh" >/dev/null 2>&1 </dev/null &
  ;;
*)
  echo "Usage: service.sh stop|start NAME RUNDIR" >&2
  exit 2
  ;;
esac
