// with_sqlx KEY LABEL: visits the database that the variable KEY leads to, with a pool of the
// size that the binding asks for.
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{env, error::Error, time::Duration};

const ROUNDS: i32 = 8;

// From the string, or for a key that is a host from the parts.
fn options(key: &str) -> Result<PgConnectOptions, Box<dyn Error>> {
    let Some(prefix) = key.strip_suffix("host") else {
        return Ok(env::var(key)?.parse()?);
    };
    let options = PgConnectOptions::new_without_pgpass();
    let options = options.host(&env::var(key)?).port(env::var(format!("{prefix}port"))?.parse()?);
    let options = options.database(&env::var("database")?).username(&env::var("username")?);
    Ok(options.password(&env::var("password")?))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let key = arguments.next().ok_or("no key")?;
    let label = arguments.next().ok_or("no label")?;
    let pool = PgPoolOptions::new()
        .max_connections(env::var("pool-size")?.parse()?)
        .acquire_timeout(Duration::from_secs(env::var("connect-timeout")?.parse()?))
        .connect_with(options(&key)?)
        .await?;

    for round in 0..ROUNDS {
        let sum: i32 = sqlx::query_scalar("SELECT $1::int + 1").bind(round).fetch_one(&pool).await?;
        assert_eq!(sum, round + 1);
    }

    let mut transaction = pool.begin().await?;
    let insert = "INSERT INTO visits (label) VALUES ($1) RETURNING host(inet_client_addr())";
    let client: String = sqlx::query_scalar(insert).bind(label).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    println!("ok {client} limit={}", pool.options().get_max_connections());
    Ok(())
}
