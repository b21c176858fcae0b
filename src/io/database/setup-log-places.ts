// What set-up asks a MySQL server without GTIDs: its own log, and how far it has its own and its source's, as places.
import { positionText } from '../../core/gtid/positions.ts';
import type { SeenServer } from '../../core/pair/setup-facts.ts';
import type { LogPlace } from '../../core/pair/setup-places.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { bornHere } from './mysql-born.ts';
import { placeOf } from './mysql-places.ts';
import type { Statements } from './mysql-statements.ts';
import { text } from './rows.ts';
import { ASK_MS_MAX, type Ask } from './setup-family.ts';

export async function standsAt(ask: Ask, words: Statements): Promise<LogPlace> {
  const [row] = await ask(words.showReplica);
  const place = placeOf(row?.[words.columns.appliedFile], row?.[words.columns.appliedPos]);
  if (place === null)
    throw new DatabaseError('statement', "the applier does not know its place in the source's log");
  return place;
}

export async function logPlaces(
  ask: Ask,
  words: Statements,
  server: { readonly serverId: number; readonly uuid: string },
): Promise<Partial<Pick<SeenServer, 'executed' | 'history' | 'places'>>> {
  const [first] = await ask('SHOW BINARY LOGS');
  const [end] = await ask(words.showLogEnd);
  const logged = placeOf(end?.['File'], end?.['Position']);
  if (first === undefined || logged === null) return {};
  const born = bornHere();
  const look = () =>
    born.seen({ serverId: server.serverId, readOnly: true, logged }, { query: ask }, ASK_MS_MAX);
  let own = await look();
  // A share of the log at a time.
  while (own.born === null) own = await look();
  const replica = (await ask(words.showReplica))[0];
  const applied = replica
    ? placeOf(replica[words.columns.appliedFile], replica[words.columns.appliedPos])
    : null;
  const source = text(replica?.['Source_UUID'] ?? replica?.['Master_UUID']);
  const executed = [
    positionText(server.uuid, logged, own.born, own.closed),
    applied === null || source === '' ? '' : positionText(source, applied),
  ]
    .filter((each) => each !== '')
    .join(',');
  const places = { start: { file: text(first['Log_name']), offset: 4 }, end: logged };
  return { executed, history: executed, places };
}
