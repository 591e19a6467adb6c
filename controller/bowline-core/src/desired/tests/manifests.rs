use super::*;

#[test]
fn smoke() {
    let file = manifest(
        "\
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata:
  name: prod
spec:
  accountId: 111122223333
  region: eu-central-1
  cluster: main
  mode: enforced
  capabilities: [ecs:deploy, ecs:scal, ecs:deploy]
  constraints: {timeout: 0s, concurrency: 0}
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: {name: Web}
spec:
  desiredCuont: 3
  desiredCount: many
  service: web
  taskDefinition: {}
---
broken: [1, 2
---
kind: EcsSevice
apiVersion: bowline.dev/v1alpha1
---
kind: Secret
apiVersion: bowline.dev/v1alpha1
metadata: {name: db}
spec: {target: prod, secretId: prod/db, versionId: 00000000-0000-0000-0000-000000000000, requiredKeys: [a]}
",
    );
    println!("{}", show(&file.findings));
    println!("{:#?}", file.documents.last());
    println!(
        "{}",
        serde_json::to_string_pretty(&custom_resource_definition(ResourceKind::EcsService)).unwrap()
    );
    println!("{}", serde_json::to_string_pretty(&json_schema(ResourceKind::Target)).unwrap());
}
