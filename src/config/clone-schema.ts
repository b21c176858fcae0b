// The keys of `clone` and `mysql.service` in pair.yaml, a part of schema.ts: how a node is copied from the other one.
import { matching, orNone, whole } from './fields.ts';
import { section } from './section.ts';

const command = (meaning: string, verb: string) =>
  orNone(
    matching(/^[^\p{Cc}]{1,500}$/u, 'a command line', { meaning, example: `systemctl ${verb} mariadb` }),
    `systemctl ${verb}, of whichever of mariadb, mysql and mysqld is a unit of this host`,
  );

export const SERVICE = section(
  'How the local server is stopped and started. Run by `twinkeep clone`, with the rights of whoever runs it, by sh.',
  {
    stop: command('Ends the server; returns when it has ended.', 'stop'),
    start: command('Starts the server.', 'start'),
  },
);

export const CLONE = section('Copying a whole node from the other one (`twinkeep clone`).', {
  port: whole(1, 65_534, {
    meaning:
      'TCP port at which a node gives a copy of its data to the other, encrypted with the key in secretFile; the next one is used by `twinkeep clone --donate`.',
    fallback: 8702,
    example: '8702',
  }),
});
