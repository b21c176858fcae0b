// The lines that keepalived 2.2.7 logs for what happens here, word for word: log watchers look for them. Lines of our own are where
// they are needed; every text of the C daemon is in this file.

export const scriptSucceeded = (name: string) => `VRRP_Script(${name}) succeeded`;

/** `how`: from exitText, or `timedOut`. */
export const scriptFailed = (name: string, how: string) =>
  how === timedOut ? `VRRP_Script(${name}) ${timedOut}` : `VRRP_Script(${name}) failed (${how})`;

export const timedOut = 'timed_out';

export const exitText = (kind: 'exited' | 'killed', number: number) =>
  kind === 'exited' ? `exited with status ${number}` : `due to signal ${number}`;

export const nowReturning = (name: string, status: number) => `Script \`${name}\` now returning ${status}`;

export const skippedRun = (name: string, run: 'running' | 'terminating') =>
  `Track script ${name} is ${run === 'running' ? 'already running' : 'being timed out'}, expect idle - skipping run`;

export const consideredOnReload = (name: string, good: boolean) =>
  `VRRP_Script(${name}) considered ${good ? 'successful' : 'unsuccessful'} on reload`;

export const unusedScript = (name: string) => `Warning - script ${name} is not used`;
export const disabledScript = (name: string, why: 'insecure' | 'missing') =>
  `Disabling track script ${name} ${why === 'insecure' ? 'due to insecure' : 'since not found/accessible'}`;

export const scriptInaccessible = (path: string, reason: string) =>
  `Script ${path} cannot be accessed - ${reason}`;
export const scriptNotExecutable = (path: string, uid: number, gid: number) =>
  `WARNING - script '${path}' is not executable for uid:gid ${uid}:${gid} - disabling.`;
export const scriptNotInPath = (name: string) => `Cannot find script ${name} in path - disabling`;
export const scriptWrongType = (path: string) => `Wrong file type found in script path '${path}'.`;
export const scriptUnsafe = (path: string, disabled: boolean) =>
  `Unsafe permissions found for script '${path}'${disabled ? ' - disabling' : ''}.`;
export const scriptFoundInPath = (name: string, path: string) =>
  `WARNING - script \`${name}\` resolved by path search to \`${path}\`. Please specify full path.`;
export const noSuchUser = (user: string) => `Script user '${user}' does not exist`;
export const noSuchGroup = (group: string) => `Script group '${group}' does not exist`;
export const noScriptSecurity = (insecure: boolean) =>
  `SECURITY VIOLATION - scripts are being executed but script_security not enabled.${insecure ? ' There are insecure scripts.' : ''}`;

export const ignoredWeights = (instance: string, kind: string, name: string, because: string) =>
  `(${instance}) ignoring tracked ${kind} ${name} with weights due to ${because}`;
export const trackerNotFound = (instance: string, kind: string, name: string) =>
  `(${instance}) track ${kind} ${name} not found, ignoring...`;

/** A group with the owner of its addresses: 255 is 255. */
export const weightCleared = (group: string, kind: string, name: string) =>
  `(${group}) Cannot have weighted track ${kind} '${name}' with member having priority 255 - ${kind === 'script' ? 'clearing weight' : 'setting weight 0'}`;
export const trackedTwice = (instance: string, kind: string, name: string) =>
  `(${instance}) duplicate track_${kind} ${name} - ignoring`;
export const trackedByGroupToo = (instance: string, kind: string, name: string) =>
  `(${instance}) track_${kind} ${name} is configured on VRRP instance and sync group. Remove vrrp instance config`;

export const fileFaults = (instance: string, file: string) =>
  `(${instance}): tracked file ${file} now FAULT state`;
export const fileLeavesFault = (instance: string, file: string) =>
  `(${instance}): tracked file ${file} leaving FAULT state`;

export const processCount = (name: string, from: number, to: number, quorum: 'up' | 'down' | null) =>
  `Process ${name}, number of current processes changed from ${from} to ${to}${quorum === null ? '' : `, quorum ${quorum}`}`;

export const entering = (instance: string, state: string, first: boolean) =>
  `(${instance}) Entering ${state} STATE${first ? ' (init)' : ''}`;
export const groupSyncing = (group: string, state: string) =>
  `VRRP_Group(${group}) Syncing instances to ${state} state`;
export const changingPriority = (instance: string, from: number, to: number) =>
  `(${instance}) Changing effective priority from ${from} to ${to}`;

export const smtpConnected = (server: string) => `Remote SMTP server ${server} connected.`;
export const smtpSent = 'SMTP alert successfully sent.';
export const fifoScriptEnded = (side: '' | 'vrrp' | 'lvs') =>
  `${side === '' ? '' : `${side} `}notify fifo script terminated`;
