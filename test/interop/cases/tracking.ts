// Cases of what moves an instance from inside its host: scripts, the other instances of its file, sync groups, a reload.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { watchAddresses } from '../addresswatch.ts';
import type { Case } from '../case.ts';
import { file, instance, VIP } from '../configuration.ts';
import { heldScript, scriptBlock } from '../heldscript.ts';
import { expect } from '../stage.ts';

const scripts: Case = {
  number: 21,
  title: 'scripts with weight 0 and a negative one, rise, fall',
  async run(stage) {
    const hard = heldScript(stage, 'hard');
    const soft = heldScript(stage, 'soft');
    const SOFT = { vrid: 52, vip: '10.9.0.101' };
    const track = (name: string) => [`track_script {\n    ${name}\n  }`];
    await stage.start(
      'a',
      file(
        [
          instance({ priority: 150, lines: track('hard') }),
          instance({ name: 'VI_2', vrid: 52, vips: ['10.9.0.101/24'], priority: 150, lines: track('soft') }),
        ],
        scriptBlock('hard', hard.path, 0) + scriptBlock('soft', soft.path, -60),
      ),
    );
    await stage.start(
      'b',
      file([
        instance({ priority: 100 }),
        instance({ name: 'VI_2', vrid: 52, vips: ['10.9.0.101/24'], priority: 100 }),
      ]),
    );
    await stage.soleMaster('a');
    await stage.soleMaster('a', SOFT);

    const since = stage.mark();
    hard.fail();
    soft.fail();
    await stage.soleMaster('b');
    expect(hard.runs() >= 2, `weight 0: moved after ${hard.runs()} failed run(s), fall is 2`);
    await stage.soleMaster('b', SOFT);
    expect(soft.runs() >= 2, `weight -60: moved after ${soft.runs()} failed run(s), fall is 2`);
    expect(
      stage.adverts({ from: 'a', vrid: 51, since, priority: 0 }).length > 0,
      'weight 0: a left without a goodbye',
    );
    expect(
      stage.adverts({ from: 'a', vrid: 52, since, priority: 90 }).length > 0,
      'weight -60: a did not advertise 150 - 60',
    );

    hard.succeed();
    soft.succeed();
    await stage.soleMaster('a');
    expect(hard.runs() >= 2, `weight 0: came back after ${hard.runs()} good run(s), rise is 2`);
    await stage.soleMaster('a', SOFT);
  },
};

const trapped: Case = {
  number: 22,
  title: 'nopreempt with a negative weight: no failover at all',
  differs: 'twinkeep does the same, and warns of it when it reads the file',
  async run(stage) {
    const soft = heldScript(stage, 'soft');
    const lines = ['nopreempt', 'track_script {\n    soft\n  }'];
    const words = scriptBlock('soft', soft.path, -60);
    await stage.start('a', file([instance({ priority: 150, lines })], words));
    await stage.soleMaster('a');
    await stage.start('b', file([instance({ priority: 100, lines: ['nopreempt'] })]));
    soft.fail();
    await stage.until('a advertises 150 - 60', () => stage.adverts({ from: 'a', priority: 90 }).length > 10);
    await stage.soleMaster('a');
    expect(stage.adverts({ from: 'b' }).length === 0, 'b became master');
    if (stage.kinds.a !== 'twinkeep') return;
    expect(/nopreempt/.test(stage.daemon('a').log()), 'twinkeep did not warn of it');
  },
};

const reload: Case = {
  number: 24,
  title: 'a reload keeps the VIP, and takes the new instance in',
  async run(stage) {
    const one = (priority: number) => instance({ priority, advert: 0.2 });
    const two = instance({ name: 'VI_2', vrid: 52, vips: ['10.9.0.101/24'], priority: 150 });
    await stage.start('a', file([one(150)]));
    await stage.start('b', file([one(100)]));
    await stage.soleMaster('a', { intervalMs: 200 });
    const watch = await watchAddresses(stage.network, 'a');
    writeFileSync(join(stage.folder, 'a.conf'), file([one(150), two], '', ['vrrp_garp_master_repeat 3']));
    const since = stage.mark();
    stage.daemon('a').signal('SIGHUP');
    await stage.soleMaster('a', { vrid: 52, vip: '10.9.0.101' });
    await stage.soleMaster('a', { intervalMs: 200 });
    watch.close();
    expect(!watch.deleted().includes(VIP), 'the VIP was gone for a moment');
    expect(stage.adverts({ from: 'a', vrid: 51, since, priority: 0 }).length === 0, 'a said goodbye');
    expect(stage.adverts({ from: 'b', vrid: 51, since }).length === 0, 'b was master for a while');
  },
};

const crossed: Case = {
  number: 27,
  title: 'read and write instances, crossed, on one interface',
  async run(stage) {
    const both = (write: number, read: number) =>
      file([
        instance({ name: 'vi_w', priority: write }),
        instance({ name: 'vi_r', vrid: 44, priority: read, vips: ['10.9.0.110/24'] }),
      ]);
    const expectHolders = async (write: 'a' | 'b', read: 'a' | 'b') => {
      await stage.soleMaster(write);
      await stage.soleMaster(read, { vrid: 44, vip: '10.9.0.110' });
    };
    await stage.start('a', both(100, 90));
    await expectHolders('a', 'a');
    await stage.start('b', both(90, 100));
    await expectHolders('a', 'b');
    await stage.daemon('b').stop();
    await expectHolders('a', 'a');
    await stage.start('b', both(90, 100));
    await expectHolders('a', 'b');
    await stage.daemon('a').stop();
    await expectHolders('b', 'b');
    await stage.start('a', both(100, 90));
    await expectHolders('a', 'b');
  },
};

const group: Case = {
  number: 28,
  title: 'a sync group moves together',
  links: 2,
  async run(stage) {
    const both = (priority: number) =>
      file(
        [
          instance({ name: 'VI_0', priority }),
          instance({ name: 'VI_1', vrid: 52, priority, interfaceName: 'eth1', vips: ['10.9.1.100/24'] }),
        ],
        'vrrp_sync_group VG {\n  group {\n    VI_0\n    VI_1\n  }\n}\n',
      );
    const bothAt = async (host: 'a' | 'b') => {
      await stage.soleMaster(host);
      await stage.soleMaster(host, { vrid: 52, vip: '10.9.1.100' });
    };
    await stage.start('a', both(150));
    await stage.start('b', both(100));
    await bothAt('a');
    await stage.network.pull('a', 1);
    await bothAt('b');
    await stage.network.plug('a', 1);
    await bothAt('a');
  },
};

export const TRACKING: readonly Case[] = [scripts, trapped, reload, crossed, group];
