//! A release: one signed state of the workflow repository, and whether a gateway may run it.
