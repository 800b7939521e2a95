// with_tokio_postgres KEY LABEL: visits the database that the variable KEY leads to.
use std::{env, error::Error};
use tokio_postgres::{Config, NoTls};

const ROUNDS: i32 = 8;

// From the string, or for a key that is a host from the parts.
fn config(key: &str) -> Result<Config, Box<dyn Error>> {
    let Some(prefix) = key.strip_suffix("host") else {
        return Ok(env::var(key)?.parse()?);
    };
    let mut config = Config::new();
    config.host(env::var(key)?).port(env::var(format!("{prefix}port"))?.parse()?);
    config.dbname(env::var("database")?).user(env::var("username")?);
    config.password(env::var("password")?);
    Ok(config)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let key = arguments.next().ok_or("no key")?;
    let label = arguments.next().ok_or("no label")?;
    let (mut client, connection) = config(&key)?.connect(NoTls).await?;
    tokio::spawn(connection);

    let sum = client.prepare("SELECT $1::int + 1").await?;
    for round in 0..ROUNDS {
        let row = client.query_one(&sum, &[&round]).await?;
        assert_eq!(row.get::<_, i32>(0), round + 1);
    }

    let transaction = client.transaction().await?;
    let insert = "INSERT INTO visits (label) VALUES ($1) RETURNING host(inet_client_addr())";
    let row = transaction.query_one(insert, &[&label]).await?;
    transaction.commit().await?;
    println!("ok {}", row.get::<_, String>(0));
    Ok(())
}
