//! GitHub's webhooks: a push is acted from at once, by a controller that otherwise would not look for days.

use std::future::ready;

use bowline_sim::Webhook;
use bowline_tests::hub::{Hub, REPOSITORY, files, put};
use bowline_tests::servers::free_port;
use bowline_tests::until::until;
use serde_json::json;

const SECRET: &str = "6f1e2d";

async fn hub(secret: &str) -> (Hub, String) {
    let listen = format!("127.0.0.1:{}", free_port());
    let hub = Hub::new(json!({"webhook": {"listen": listen, "secretFile": "webhook-secret"}})).await;
    std::fs::write(hub.bowline.home().join("webhook-secret"), secret).unwrap();
    (hub, format!("http://{listen}/webhooks/github"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_acted_from_at_once() {
    let (hub, url) = hub(&format!("{SECRET}\n")).await;
    let _process = hub.run().await;
    let webhook = Webhook { url, secret: SECRET.to_owned(), events: vec!["push".to_owned()] };
    hub.github.add_webhook(REPOSITORY, webhook).unwrap();
    let answered = |count: usize| {
        let answers: Vec<_> =
            hub.github.deliveries(REPOSITORY).unwrap().iter().filter_map(|one| one.status).collect();
        ready((answers.len() == count).then_some(answers))
    };
    assert_eq!(until("the ping", || answered(1)).await, [200]);
    hub.forget_calls();
    put(&hub.path, "Release web 2", &files("registry.test/web:2"));
    hub.github.notice("ada");
    assert_eq!(until("the push", || answered(2)).await, [200, 202]);
    until("the release", || async {
        let web = hub.world.described("web").await;
        let image = hub.world.image(web.task_definition().unwrap()).await;
        (image == "registry.test/web:2").then_some(())
    })
    .await;
    let pushed = hub.github.deliveries(REPOSITORY).unwrap().pop().unwrap();
    let calls = hub.calls();
    let own = calls.iter().filter(|call| call.service == "ecs" && call.operation != "DescribeTaskDefinition");
    let first = own.map(|call| call.at).next().unwrap();
    assert!(pushed.at <= first, "pushed at {}, first call at {first}", pushed.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_secret_is_refused_at_the_start() {
    let (hub, _) = hub("\n").await;
    let ended = hub.bowline.run("run").await.with_code(2);
    assert_eq!(
        ended.stderr,
        "error: webhook-secret (github.webhook.secretFile) is empty: anybody could sign with it. Make one (`openssl rand -hex 32`), \
         and write the same into the webhook's settings at GitHub\n",
        "{ended}"
    );
    assert_eq!(hub.calls().len(), 0);
}
