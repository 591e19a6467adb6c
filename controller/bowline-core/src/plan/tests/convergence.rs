//! Properties, against a small model of ECS and Secrets Manager.
