"""The provider API between gateway and worker: client, frames, bodies, errors."""
