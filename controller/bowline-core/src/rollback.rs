//! What failed before, and what was last good? Memory and the deployment history that ECS keeps in, quarantine out.
