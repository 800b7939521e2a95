// with_prisma.js KEY LABEL: visits the database that the variable KEY leads to, with Prisma's
// client over its adapter for node-postgres. The adapter takes the pool's size from its options.
import assert from 'node:assert';
import { env, argv } from 'node:process';
import { PrismaPg } from '@prisma/adapter-pg';
import prisma from './generated/index.js';

const ROUNDS = 8;
const [key, label] = argv.slice(2);

const adapter = new PrismaPg({
  connectionString: env[key],
  max: Number(env['pool-size']),
  connectionTimeoutMillis: 1000 * Number(env['connect-timeout']),
});
const client = new prisma.PrismaClient({ adapter });

for (let n = 0; n < ROUNDS; n++) {
  const [{ sum }] = await client.$queryRaw`SELECT ${n}::int + 1 AS sum`;
  assert.strictEqual(sum, n + 1);
}

const from = await client.$transaction(async (transaction) => {
  await transaction.visits.create({ data: { label } });
  const [{ client }] = await transaction.$queryRaw`SELECT host(inet_client_addr()) AS client`;
  return client;
});
console.log(`ok ${from}`);
await client.$disconnect();
