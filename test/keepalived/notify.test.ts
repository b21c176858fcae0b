// Notify scripts and FIFOs with everything real. The wire thread's reports are typed in.

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { WAITING_LINES_MAX } from '../../src/io/notify/fifo.ts';
import { configOf, GLOBALS, goes, instance, lines, makeBench, until } from './notify-bench.ts';

const { path, script, notify } = makeBench('tknotify-');

describe('notify scripts', () => {
  test('get the words of the C daemon behind their own', async () => {
    const out = path('out');
    const tell = script('tell', `echo "$*" >> ${out}`);
    const { notifier } = notify(
      instance(
        'VI_1',
        51,
        `notify "${tell} any 'two words'"\n notify_master "${tell} master"\n notify_backup "${tell} backup"\n notify_master_rx_lower_pri "${tell} lower"`,
      ),
    );
    notifier.report(goes('VI_1', 'INIT', 'BACKUP', 150));
    await until('BACKUP', () => lines(out).length === 2);
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER', 150));
    await until('MASTER', () => lines(out).length === 4);
    notifier.report({ kind: 'lower-heard', instance: 'VI_1', source: '10.9.0.2', priority: 50 });
    await until('lower', () => lines(out).length === 5);
    const told = lines(out);
    expect(told.slice(0, 2).sort()).toEqual(['any two words INSTANCE VI_1 BACKUP 150', 'backup']);
    expect(told.slice(2, 4).sort()).toEqual(['any two words INSTANCE VI_1 MASTER 150', 'master']);
    expect(told[4]).toBe('lower');
  });

  test('of an earlier state end before that of the next one begins', async () => {
    const out = path('out');
    const slow = script(
      'slow',
      `echo "begin $3" >> ${out}\n[ $3 = BACKUP ] && sleep 0.5\necho "end $3" >> ${out}`,
    );
    const other = script(
      'other',
      `echo "$1" >> ${out}.state\n[ $1 = backup ] && sleep 0.5\necho "$1 done" >> ${out}.state`,
    );
    const { notifier } = notify(
      instance(
        'VI_1',
        51,
        `notify ${slow}\n notify_backup "${other} backup"\n notify_master "${other} master"`,
      ),
    );
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    await until('all', () => lines(out).length === 4 && lines(`${out}.state`).length === 4);
    expect(lines(out)).toEqual(['begin BACKUP', 'end BACKUP', 'begin MASTER', 'end MASTER']);
    expect(lines(`${out}.state`)).toEqual(['backup', 'backup done', 'master', 'master done']);
  });

  test('that hang do not keep the next state from being told', async () => {
    const out = path('out');
    const hang = script('hang', `echo $$ $3 >> ${out}\n[ $3 = BACKUP ] && exec sleep 300`);
    const { notifier, said } = notify(instance('VI_1', 51, `notify ${hang}`));
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    await until('the second', () => lines(out).length === 2);
    expect(said).toContain(
      `notify script ${hang} of an earlier state still runs; that of the next one is started`,
    );
    process.kill(Number(lines(out)[0]?.split(' ')[0]));
  });

  test('that wait are started when the daemon ends', async () => {
    const out = path('out');
    const slow = script('slow', `[ $3 = BACKUP ] && sleep 0.5\necho $3 >> ${out}`);
    const { notifier } = notify(instance('VI_1', 51, `notify ${slow}`));
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    notifier.report(goes('VI_1', 'BACKUP', 'INIT'));
    await notifier.stop();
    await until('both', () => lines(out).length === 2);
    expect(lines(out)).toEqual(['STOP', 'BACKUP']);
  });

  test('that are missing are said once, and nothing else suffers', async () => {
    const out = path('out');
    const tell = script('tell', `echo "$*" >> ${out}`);
    const { notifier, said } = notify(instance('VI_1', 51, `notify_master ${path('none')}\n notify ${tell}`));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    await until('notify', () => lines(out).length === 1);
    expect(said).toEqual([
      `Script ${path('none')} cannot be accessed - No such file or directory`,
      '(VI_1) Entering MASTER STATE',
    ]);
  });
});

/** All that is in a FIFO, without waiting for more. */
function drain(fifo: string): string[] {
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  let text = '';
  const bytes = new Uint8Array(65_536);
  try {
    for (let n = readSync(fd, bytes); n > 0; n = readSync(fd, bytes))
      text += Buffer.from(bytes.subarray(0, n)).toString();
  } catch {
    // EAGAIN: it is empty, and its writer is there.
  }
  closeSync(fd);
  return text.split('\n').filter(Boolean);
}

describe('a FIFO', () => {
  test('is made, holds the lines in their order until somebody reads, and is removed at the end', async () => {
    const globals = `${GLOBALS}\n notify_fifo ${path('all')} nobody\n vrrp_notify_fifo ${path('vrrp')}`;
    const { notifier } = notify(instance('VI_1', 51, ''), globals);
    const { mode, uid } = lstatSync(path('all'));
    expect([mode & 0o777, uid]).toEqual([0o600, 65_534]);
    notifier.report(goes('VI_1', 'INIT', 'BACKUP', 150));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER', 150));
    notifier.fifo('lvs', 'VS [10.9.0.9]:tcp:80 UP');
    expect(drain(path('all'))).toEqual([
      'INSTANCE "VI_1" BACKUP 150',
      'INSTANCE "VI_1" MASTER 150',
      'VS [10.9.0.9]:tcp:80 UP',
    ]);
    expect(drain(path('vrrp'))).toEqual(['INSTANCE "VI_1" BACKUP 150', 'INSTANCE "VI_1" MASTER 150']);
    await notifier.stop();
    expect([existsSync(path('all')), existsSync(path('vrrp'))]).toEqual([false, false]);
  });

  test('that was there before is used, and left at the end', async () => {
    execFileSync('mkfifo', [path('own')]);
    const { notifier } = notify(instance('VI_1', 51, ''), `${GLOBALS}\n notify_fifo ${path('own')}`);
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    expect(drain(path('own'))).toEqual(['INSTANCE "VI_1" BACKUP 100']);
    await notifier.stop();
    expect(existsSync(path('own'))).toBe(true);
  });

  test('whose name is taken by a file is not used', () => {
    writeFileSync(path('file'), 'precious');
    const { notifier, said } = notify(instance('VI_1', 51, ''), `${GLOBALS}\n notify_fifo ${path('file')}`);
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    expect(said[0]).toBe(`Unable to create notify fifo ${path('file')} (it exists, and is no FIFO)`);
    expect(readFileSync(path('file'), 'utf8')).toBe('precious');
  });

  test('that nobody reads blocks nothing, keeps the latest lines, and says that some were lost', async () => {
    const { notifier, said } = notify(instance('VI_1', 51, ''), `${GLOBALS}\n notify_fifo ${path('all')}`);
    const total = 4000;
    for (let i = 1; i <= total; i++) notifier.fifo('vrrp', `line ${i} ${'x'.repeat(40)}`);
    const full = `notify fifo ${path('all')} is full: nobody reads it, and the oldest lines are dropped`;
    expect(said).toEqual([full]);
    const read = new Set<string>();
    await until('the last line', () => {
      for (const line of drain(path('all'))) read.add(line.split(' ')[1] ?? '');
      return read.has(String(total));
    });
    expect(read.size).toBeGreaterThanOrEqual(WAITING_LINES_MAX);
    await until('the count', () => said.length === 2);
    expect(said[1]).toBe(`notify fifo ${path('all')} is read again; ${total - read.size} lines were dropped`);
  });

  test('is read by its script, which gets the name last, sees the last line, and ends with it', async () => {
    const out = path('out');
    const reader = script(
      'reader',
      `echo "$*" > ${out}\nexec < $2\nwhile read line; do echo "$line" >> ${out}; done\necho over >> ${out}`,
    );
    const { notifier, said } = notify(
      instance('VI_1', 51, ''),
      `${GLOBALS}\n vrrp_notify_fifo ${path('vrrp')}\n vrrp_notify_fifo_script "${reader} own"`,
    );
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    await until('the line', () => lines(out).length === 2);
    notifier.report(goes('VI_1', 'BACKUP', 'INIT'));
    await notifier.stop();
    expect(lines(out)).toEqual([
      `own ${path('vrrp')}`,
      'INSTANCE "VI_1" BACKUP 100',
      'INSTANCE "VI_1" STOP 100',
      'over',
    ]);
    expect(said.at(-1)).toBe('vrrp notify fifo script terminated');
  });

  test('that stays over a reload keeps what is in it', () => {
    const globals = `${GLOBALS}\n fifo_write_vrrp_states_on_reload\n notify_fifo ${path('all')}`;
    const { notifier } = notify(instance('VI_1', 51, ''), globals);
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    notifier.reload(configOf(instance('VI_1', 51, ''), globals));
    notifier.report({ kind: 'reloaded' });
    expect(drain(path('all'))).toEqual(['INSTANCE "VI_1" BACKUP 100', 'INSTANCE "VI_1" BACKUP 100']);
  });
});
