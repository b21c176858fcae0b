// `twinkeep keepalived --help`: the C daemon's options in its order, with what is different here said beside them.

export const HELP = `Usage: twinkeep keepalived [OPTION...]

Reads keepalived.conf and does what the daemon keepalived does with it: VRRP, scripts, notifications, virtual servers.

  -f, --use-file=FILE          Use the specified configuration file
                                default '/etc/keepalived/keepalived.conf'
  -P, --vrrp                   Only run the VRRP part
  -C, --check                  Only run the health checkers
  -l, --log-console            Log messages to the local console (standard error), too
  -D, --log-detail             Detailed log messages
  -S, --log-facility=([0-7]|local[0-7]|user|daemon)
                               Set the syslog facility to LOG_LOCAL[0-7], user or daemon (default)
  -g, --log-file=FILE          Also log to FILE; the lines of VRRP and of the checkers go to files of their own,
                                with _vrrp and _healthcheckers before the last '.'
      --flush-log-file         Accepted: each line is written at once anyway
  -G, --no-syslog              Don't log via syslog
  -u, --umask=MASK             umask for file creation (in numeric form)
  -V, --dont-release-vrrp      Don't remove VRRP VIPs and VROUTEs on daemon stop
  -I, --dont-release-ipvs      Don't remove IPVS topology on daemon stop
  -n, --dont-fork              Stay in the foreground
  -d, --dump-conf              Log the configuration data at the start
  -p, --pid=FILE               Use specified pid file for the process
  -r, --vrrp_pid=FILE          Use specified pid file for VRRP: the same process
  -c, --checkers_pid=FILE      Use specified pid file for the checkers: the same process
  -s, --namespace=NAME         Run in network namespace NAME (overrides net_namespace)
  -m, --core-dump              Produce a core dump if it terminates abnormally
  -e, --all-config             Don't start if an included configuration file is missing
  -i, --config-id=ID           Skip any configuration lines beginning '@' that don't match ID
                                or any lines beginning @^ that do match.
                                The config-id defaults to the host name without its domain
      --ignore-sigint          Go on when SIGINT comes (a terminal's Ctrl-C)
      --signum=SIGFUNC         Print the signal number for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON
  -t, --config-test[=FILE]     Check the configuration, say what is wrong on standard error, or in FILE
  -v, --version                Display the version number
  -h, --help                   Display this help message

Accepted, and said to do nothing here: -B -b -R -X -a -x -A -M --all --perf --debug --no-mem-check. Not there: -T (genhash).

Exit codes: 0 done (in the background: it runs), 1 wrong usage or refused, 2 the configuration cannot be run,
6 the file cannot be read. With -t: 0 fine, 2 cannot be run, 5 mistakes but would run, 6 scripts without security.

Examples:
  twinkeep keepalived -t -f /etc/keepalived/keepalived.conf
  twinkeep keepalived -n -l -D
  kill -s "$(twinkeep keepalived --signum=JSON)" "$(cat /run/keepalived.pid)"
`;
