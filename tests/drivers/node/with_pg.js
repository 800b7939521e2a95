// with_pg.js KEY LABEL: visits the database that the variable KEY leads to, with a pool of the
// size that the binding asks for.
import assert from 'node:assert';
import { env, argv } from 'node:process';
import pg from 'pg';

const ROUNDS = 8;
const [key, label] = argv.slice(2);

function where() {
  if (!key.endsWith('host')) return { connectionString: env[key] };
  const port = Number(env[key.replace(/host$/, 'port')]);
  const { database, username: user, password } = env;
  return { host: env[key], port, database, user, password };
}

const pool = new pg.Pool({
  ...where(),
  max: Number(env['pool-size']),
  connectionTimeoutMillis: 1000 * Number(env['connect-timeout']),
});

for (let n = 0; n < ROUNDS; n++) {
  const prepared = { name: 'sum', text: 'SELECT $1::int + 1 AS sum', values: [n] };
  const { rows } = await pool.query(prepared);
  assert.strictEqual(rows[0].sum, n + 1);
}

const session = await pool.connect();
await session.query('BEGIN');
const { rows } = await session.query(
  'INSERT INTO visits (label) VALUES ($1) RETURNING host(inet_client_addr()) AS client', [label]);
await session.query('COMMIT');
session.release();
console.log(`ok ${rows[0].client} limit=${pool.options.max}`);
await pool.end();
