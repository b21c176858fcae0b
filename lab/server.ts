// Which server the lab runs: one file a family (server-mariadb.ts, server-mysql.ts, server-mysql56.ts), chosen here.

import type { ServerFamily } from '../src/core/family.ts';
import type { LabOptions, ServerHost } from './plan.ts';
import { mariadbServer } from './server-mariadb.ts';
import { mysqlServer } from './server-mysql.ts';
import { mysql56Server } from './server-mysql56.ts';

/** Inside each host; its /run is its own. */
export const serverSocket = '/run/mysqld/mysqld.sock';
export const serverPidFile = '/run/mysqld/mysqld.pid';

/** What the lab needs to know of a family; what the program does with a server is in src/io/database. */
export interface LabServer {
  /** Makes the empty data directory that every lab copies, once, in the cache. Throws OperatorError. */
  readonly template: () => Promise<string>;
  /** The account of the machine that owns the data. */
  readonly owner: string;
  /** Lines of my.cnf beside the rendered ones: small sizes, and what this way of running the server needs. */
  readonly settings: string;
  readonly argv: (lab: LabOptions, node: ServerHost, myCnf: string) => Promise<readonly string[]>;
  /** Fills a folder with the family's client programs, where the machine's own are another family's; else null. */
  readonly makeClients: ((folder: string) => Promise<void>) | null;
  /** What it may still write on the small disk of a drill, in MiB: its logs and temporary files, and some rows. */
  readonly spareMb: number;
  /** Statements that open a server which has no standby, as an administrator would without twinkeep. */
  readonly openAlone: readonly string[];
  /** Sections of pair.yaml that this family needs. */
  readonly pair: Readonly<Record<string, unknown>>;
}

const SERVERS: Readonly<Record<ServerFamily, LabServer>> = {
  mariadb: mariadbServer,
  mysql: mysqlServer,
  mysql56: mysql56Server,
};

export const serverOf = (lab: LabOptions): LabServer => SERVERS[lab.server];
