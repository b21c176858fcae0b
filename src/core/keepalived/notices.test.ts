// The golden texts are what keepalived 2.2.7 wrote for the same changes: its log, its FIFO, the words of its notify scripts, its mails.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Happening,
  type InstanceNotices,
  type Notice,
  NoticeBook,
  type NoticeSettings,
} from './notices.ts';

const plain: InstanceNotices = { mail: false, priorityChanges: false, tellsDeleted: false, awaits: false };
const settings = (own: Partial<NoticeSettings> = {}): NoticeSettings => ({
  instances: new Map([
    ['VI_1', plain],
    ['VI_2', plain],
    ['VI_3', plain],
  ]),
  groups: new Map([['G1', { members: new Set(['VI_1', 'VI_2']), mail: false }]]),
  noFaultMail: false,
  statesOnReload: false,
  ...own,
});
const instances = (own: Partial<InstanceNotices>) =>
  new Map(['VI_1', 'VI_2', 'VI_3'].map((name) => [name, { ...plain, ...own }]));

type State = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT';
const goes = (instance: string, from: State, to: State, priority = 100): Happening => ({
  kind: 'transition',
  instance,
  from,
  to,
  priority,
});

function words(notice: Notice): string {
  switch (notice.kind) {
    case 'log':
      return notice.text;
    case 'fifo':
      return `fifo: ${notice.line}`;
    case 'mail':
      return `mail: ${notice.subject} | ${notice.body}`;
    case 'script':
      return `run ${notice.of.name} ${notice.slot}: ${notice.words.join(' ')}`;
  }
}
const hear = (book: NoticeBook, ...events: Happening[]) => events.flatMap((e) => book.hear(e)).map(words);
const only = (start: string, lines: readonly string[]) => lines.filter((line) => line.startsWith(start));

describe('an instance', () => {
  test('is told of with its own script first, then notify with four words, then the FIFO', () => {
    expect(hear(new NoticeBook(settings()), goes('VI_3', 'BACKUP', 'MASTER', 150))).toEqual([
      '(VI_3) Entering MASTER STATE',
      'run VI_3 master: ',
      'run VI_3 any: INSTANCE VI_3 MASTER 150',
      'fifo: INSTANCE "VI_3" MASTER 150',
    ]);
  });
  test('begins with (init), unless it waited for its trackers', () => {
    expect(hear(new NoticeBook(settings()), goes('VI_3', 'INIT', 'BACKUP'))[0]).toBe(
      '(VI_3) Entering BACKUP STATE (init)',
    );
    const waiting = new NoticeBook(settings({ instances: instances({ awaits: true }) }));
    expect(hear(waiting, goes('VI_3', 'INIT', 'BACKUP'))[0]).toBe('(VI_3) Entering BACKUP STATE');
  });
  test('that ends is told of as STOP', () => {
    expect(hear(new NoticeBook(settings()), goes('VI_3', 'MASTER', 'INIT', 150))).toEqual([
      'run VI_3 stop: ',
      'run VI_3 any: INSTANCE VI_3 STOP 150',
      'fifo: INSTANCE "VI_3" STOP 150',
    ]);
  });
  test('that is taken down and up again by a reload has not stopped', () => {
    const book = new NoticeBook(settings());
    hear(book, goes('VI_3', 'INIT', 'BACKUP'));
    book.reload(settings());
    expect(hear(book, goes('VI_3', 'BACKUP', 'INIT'))).toEqual([]);
    hear(book, { kind: 'reloaded' });
    expect(only('fifo', hear(book, goes('VI_3', 'BACKUP', 'INIT')))).toEqual([
      'fifo: INSTANCE "VI_3" STOP 100',
    ]);
  });
});

describe('a group', () => {
  test('is told of before its members when the daemon begins, and once', () => {
    const lines = hear(
      new NoticeBook(settings()),
      goes('VI_1', 'INIT', 'BACKUP'),
      goes('VI_2', 'INIT', 'BACKUP'),
    );
    expect(only('fifo', lines)).toEqual([
      'fifo: GROUP "G1" BACKUP 0',
      'fifo: INSTANCE "VI_1" BACKUP 100',
      'fifo: INSTANCE "VI_2" BACKUP 100',
    ]);
  });
  test('whose members wait for scripts is told of after them', () => {
    const book = new NoticeBook(settings({ instances: instances({ awaits: true }) }));
    const lines = hear(book, goes('VI_2', 'INIT', 'BACKUP'), goes('VI_1', 'INIT', 'BACKUP'));
    expect(only('fifo', lines).at(-1)).toBe('fifo: GROUP "G1" BACKUP 0');
  });
  test('is told of after the last of its members, with priority 0', () => {
    const book = new NoticeBook(settings());
    const lines = hear(book, goes('VI_2', 'BACKUP', 'MASTER', 120), goes('VI_1', 'BACKUP', 'MASTER', 150));
    expect(only('fifo', lines)).toEqual([
      'fifo: INSTANCE "VI_2" MASTER 120',
      'fifo: INSTANCE "VI_1" MASTER 150',
      'fifo: GROUP "G1" MASTER 0',
    ]);
    expect(only('run G1', lines)).toEqual(['run G1 master: ', 'run G1 any: GROUP G1 MASTER 0']);
  });
  test('says before the second member goes that it follows into FAULT', () => {
    const book = new NoticeBook(settings());
    const lines = hear(book, goes('VI_1', 'MASTER', 'FAULT'), goes('VI_2', 'MASTER', 'FAULT'));
    expect(lines.filter((line) => !line.startsWith('run'))).toEqual([
      '(VI_1) Entering FAULT STATE',
      'fifo: INSTANCE "VI_1" FAULT 100',
      'VRRP_Group(G1) Syncing instances to FAULT state',
      '(VI_2) Entering FAULT STATE',
      'fifo: INSTANCE "VI_2" FAULT 100',
      'fifo: GROUP "G1" FAULT 0',
    ]);
  });
  test('stops after the last of all instances', () => {
    const book = new NoticeBook(settings());
    hear(
      book,
      goes('VI_1', 'INIT', 'MASTER'),
      goes('VI_2', 'INIT', 'MASTER'),
      goes('VI_3', 'INIT', 'BACKUP'),
    );
    const lines = hear(
      book,
      goes('VI_1', 'MASTER', 'INIT'),
      goes('VI_2', 'MASTER', 'INIT'),
      goes('VI_3', 'BACKUP', 'INIT'),
    );
    expect(only('fifo', lines)).toEqual([
      'fifo: INSTANCE "VI_1" STOP 100',
      'fifo: INSTANCE "VI_2" STOP 100',
      'fifo: INSTANCE "VI_3" STOP 100',
      'fifo: GROUP "G1" STOP 0',
    ]);
  });
});

describe('a change of priority', () => {
  const change: Happening = { kind: 'priority', instance: 'VI_3', to: 40, state: 'MASTER' };
  test('goes to the FIFO only, and only when it is asked for', () => {
    expect(hear(new NoticeBook(settings()), change)).toEqual([]);
    const asked = new NoticeBook(settings({ instances: instances({ priorityChanges: true }) }));
    expect(
      hear(asked, change, { ...change, state: 'BACKUP', to: 95 }, { ...change, state: 'FAULT' }),
    ).toEqual(['fifo: INSTANCE "VI_3" MASTER_PRIORITY 40', 'fifo: INSTANCE "VI_3" BACKUP_PRIORITY 95']);
  });
});

test('a master that hears a lower priority tells it with its own', () => {
  const book = new NoticeBook(settings());
  hear(book, goes('VI_3', 'BACKUP', 'MASTER', 255));
  expect(hear(book, { kind: 'lower-heard', instance: 'VI_3' })).toEqual([
    'run VI_3 lower: ',
    'fifo: INSTANCE "VI_3" MASTER_RX_LOWER_PRI 255',
  ]);
});

describe('an instance that a reload takes away', () => {
  const deleted = (own: Partial<InstanceNotices>) => {
    const all = instances(own);
    const book = new NoticeBook(settings({ instances: all }));
    hear(book, goes('VI_3', 'BACKUP', 'MASTER'));
    const left = new Map([...all].filter(([name]) => name !== 'VI_3'));
    book.reload(settings({ instances: left }));
    return hear(book, goes('VI_3', 'MASTER', 'INIT'), { kind: 'deleted', instance: 'VI_3' });
  };
  test('is told of as FAULT, but notify_fault is not run', () => {
    expect(deleted({})).toEqual(['run VI_3 any: INSTANCE VI_3 FAULT 100', 'fifo: INSTANCE "VI_3" FAULT 100']);
  });
  test('is told of as DELETED with notify_deleted', () => {
    expect(deleted({ tellsDeleted: true, mail: true })).toEqual([
      'run VI_3 deleted: ',
      'run VI_3 any: INSTANCE VI_3 DELETED 100',
      'fifo: INSTANCE "VI_3" DELETED 100',
      'mail: VRRP Instance VI_3 - Deleted | => VRRP Deleted at reload <=',
    ]);
  });
});

describe('after a reload', () => {
  test('the FIFO hears all states again with fifo_write_vrrp_states_on_reload', () => {
    const book = new NoticeBook(settings({ statesOnReload: true }));
    hear(
      book,
      goes('VI_1', 'INIT', 'BACKUP'),
      goes('VI_2', 'INIT', 'BACKUP'),
      goes('VI_3', 'INIT', 'MASTER'),
    );
    book.reload(settings({ statesOnReload: true }));
    expect(hear(book, { kind: 'reloaded' })).toEqual([
      'fifo: INSTANCE "VI_1" BACKUP 100',
      'fifo: INSTANCE "VI_2" BACKUP 100',
      'fifo: INSTANCE "VI_3" MASTER 100',
      'fifo: GROUP "G1" BACKUP 0',
    ]);
  });
  test('and nothing without it', () => {
    const book = new NoticeBook(settings());
    hear(book, goes('VI_3', 'INIT', 'MASTER'));
    book.reload(settings());
    expect(hear(book, { kind: 'reloaded' })).toEqual([]);
  });
});

describe('mail', () => {
  const mailing = (own: Partial<NoticeSettings> = {}) =>
    new NoticeBook(
      settings({
        instances: instances({ mail: true }),
        groups: new Map([['G1', { members: new Set(['VI_1', 'VI_2']), mail: true }]]),
        ...own,
      }),
    );
  test('has the subjects and texts of the C daemon', () => {
    const lines = hear(
      mailing(),
      goes('VI_1', 'BACKUP', 'MASTER'),
      goes('VI_2', 'BACKUP', 'MASTER'),
      goes('VI_3', 'MASTER', 'BACKUP'),
      goes('VI_3', 'BACKUP', 'FAULT'),
      goes('VI_3', 'FAULT', 'INIT'),
    );
    expect(only('mail', lines)).toEqual([
      'mail: VRRP Instance VI_1 - Entering MASTER state | => VRRP Instance is now owning VRRP VIPs <=',
      'mail: VRRP Instance VI_2 - Entering MASTER state | => VRRP Instance is now owning VRRP VIPs <=',
      'mail: VRRP Group G1 - Entering MASTER state | => All VRRP group instances are now in MASTER state <=',
      'mail: VRRP Instance VI_3 - Entering BACKUP state | => VRRP Instance is no longer owning VRRP VIPs <=',
      'mail: VRRP Instance VI_3 - Entering FAULT state | => VRRP Instance is no longer owning VRRP VIPs <=',
      'mail: VRRP Instance VI_3 - Stopping | => VRRP Instance stopping <=',
    ]);
  });
  test('does not tell the same state twice in a row', () => {
    const lines = hear(
      mailing({ noFaultMail: true }),
      goes('VI_3', 'INIT', 'BACKUP'),
      goes('VI_3', 'BACKUP', 'FAULT'),
      goes('VI_3', 'FAULT', 'BACKUP'),
    );
    expect(only('mail', lines)).toHaveLength(1);
  });
  test('leaves faults out with no_email_faults', () => {
    const lines = hear(
      mailing({ noFaultMail: true }),
      goes('VI_1', 'MASTER', 'FAULT'),
      goes('VI_2', 'MASTER', 'FAULT'),
    );
    expect(only('mail', lines)).toEqual([]);
  });
});

test('whatever moves in whatever order, a group is told of only as its members are, and never twice the same', () => {
  const names = ['VI_1', 'VI_2', 'VI_3'];
  const move = fc.record({
    name: fc.constantFrom(...names),
    to: fc.constantFrom<State>('INIT', 'BACKUP', 'MASTER', 'FAULT'),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), fc.boolean(), (moves, awaits) => {
      const book = new NoticeBook(settings({ instances: instances({ awaits }) }));
      const states = new Map<string, State>(names.map((name) => [name, 'INIT']));
      let told = 'INIT';
      for (const { name, to } of moves) {
        const from = states.get(name) as State;
        if (from === to) continue;
        const before = [...states.values()];
        states.set(name, to);
        const lines = hear(book, goes(name, from, to));
        for (const line of only('fifo: GROUP', lines)) {
          const word = /^fifo: GROUP "G1" (BACKUP|MASTER|FAULT|STOP) 0$/.exec(line)?.[1];
          expect(word).toBeDefined();
          expect(word).not.toBe(told);
          told = word ?? '';
          const members = [states.get('VI_1'), states.get('VI_2')];
          const begins = word === 'BACKUP' && before[0] === 'INIT' && before[1] === 'INIT';
          if (!begins) expect(members).toEqual(Array(2).fill(word === 'STOP' ? 'INIT' : word));
        }
        expect(only(`fifo: INSTANCE "${name}"`, lines)).toEqual([
          `fifo: INSTANCE "${name}" ${to === 'INIT' ? 'STOP' : to} 100`,
        ]);
      }
    }),
  );
});
