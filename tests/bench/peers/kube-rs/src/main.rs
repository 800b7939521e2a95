//! The benchmark's job with kube-rs: watch all Deployments, keep one ConfigMap per database with
//! the sum of replicas.
//!
//!     bench-kube-rs DEBOUNCE_MS PREFIX
//!
//! What its documentation offers for large clusters: a streamed list, a type with only the wanted
//! fields, and the rest dropped before an object reaches the store.
use std::{collections::BTreeMap, env, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, future};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, reflector, reflector::Store, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

const DATABASE: &str = "example.com/database";

#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(inherit = Deployment)]
struct Scaled {
    metadata: ObjectMeta,
    spec: Scale,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
struct Scale {
    replicas: Option<i64>,
}

fn database_of(object: &Scaled) -> Option<&String> {
    object.metadata.labels.as_ref()?.get(DATABASE)
}

fn strip(object: &mut Scaled) {
    object.metadata.annotations = None;
    object.metadata.managed_fields = None;
    object.labels_mut().retain(|label, _| label == DATABASE);
}

/// One task per database: a Notify holds at most one wish, so that wishes during a write are one.
async fn keep(
    database: String,
    prefix: String,
    debounce: Duration,
    wish: Arc<Notify>,
    store: Store<Scaled>,
    client: Client,
) {
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let name = format!("{prefix}-{database}");
    let params = PatchParams::apply(&prefix).force();
    loop {
        wish.notified().await;
        while !debounce.is_zero() && tokio::time::timeout(debounce, wish.notified()).await.is_ok() {}
        let of_database = store.state_filter(|object| database_of(object) == Some(&database));
        let sum: i64 = of_database.iter().filter_map(|object| object.spec.replicas).sum();
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"replicas": sum.to_string()}
        });
        if let Err(error) = api.patch(&name, &params, &Patch::Apply(&body)).await {
            eprintln!("{name}: {error}");
            tokio::time::sleep(Duration::from_millis(500)).await;
            wish.notify_one();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let debounce = Duration::from_millis(env::args().nth(1).ok_or("how many milliseconds?")?.parse()?);
    let prefix = env::args().nth(2).ok_or("which prefix?")?;
    let client = Client::try_default().await?;
    let (store, writer) = reflector::store();
    let objects = watcher(Api::<Scaled>::all(client.clone()), watcher::Config::default().streaming_lists())
        .default_backoff()
        .modify(strip)
        .reflect(writer)
        .touched_objects();

    let wishes: BTreeMap<_, _> = (0..10).map(|i| (format!("db-{i}"), Arc::new(Notify::new()))).collect();
    let all = wishes.clone();
    // Nothing is written before the store is complete. Of several tasks that waited for it only one
    // would be woken.
    tokio::spawn(async move {
        if store.wait_until_ready().await.is_err() {
            return;
        }
        println!("synced");
        for (database, wish) in all {
            wish.notify_one();
            tokio::spawn(keep(database, prefix.clone(), debounce, wish, store.clone(), client.clone()));
        }
    });
    objects
        .inspect_err(|error| eprintln!("{error}"))
        .for_each(|object| {
            if let Some(wish) = object.ok().as_ref().and_then(database_of).and_then(|name| wishes.get(name)) {
                wish.notify_one();
            }
            future::ready(())
        })
        .await;
    Ok(())
}
