import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';

export type Database = Sqlite.Database;
export type Statement = Sqlite.Statement<unknown[]>;

/**
 * Opens the file that holds the log and the catalog, made with mode 0600 because stream keys are in it.
 *
 * WAL with synchronous=FULL: a commit has been fsynced when it returns, so what is acknowledged survives SIGKILL and power
 * loss. The exclusive lock keeps a second process from a log whose order only its one writer gives. Throws SQLite's errors.
 */
export function openLogFile(file: string): Database {
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, 'a', 0o600));
  const database = new Sqlite(file, { timeout: 1_000 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
    // Takes the exclusive lock now rather than at the first write.
    database.exec('BEGIN IMMEDIATE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
