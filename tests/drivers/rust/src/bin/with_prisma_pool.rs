// with_prisma_pool KEY LABEL: visits the database that the variable KEY leads to, with the parser
// and the pool of Prisma's engine; says how many connections that pool would open.
use quaint::{ast::Value, pooled::Quaint, prelude::*};
use std::{env, error::Error};

const ROUNDS: i64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let key = arguments.next().ok_or("no key")?;
    let label = arguments.next().ok_or("no label")?;
    quaint_tokio::runtime::Runtime::new()?.block_on(visit(&key, &label))
}

async fn visit(key: &str, label: &str) -> Result<(), Box<dyn Error>> {
    let pool = Quaint::builder(&env::var(key)?)?.build();
    let connection = pool.check_out().await?;

    for round in 0..ROUNDS {
        let rows = connection.query_raw("SELECT $1::bigint + 1", &[Value::integer(round)]).await?;
        assert_eq!(rows.into_single()?[0].as_i64(), Some(round + 1));
    }

    let transaction = connection.start_transaction().await?;
    let insert = "INSERT INTO visits (label) VALUES ($1) RETURNING host(inet_client_addr())";
    let row = transaction.query_raw(insert, &[Value::text(label)]).await?.into_single()?;
    transaction.commit().await?;
    println!("ok {} limit={}", row[0].as_str().ok_or("no address")?, pool.capacity().await);
    Ok(())
}
