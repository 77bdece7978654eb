//! `plimsoll release`: what the AI may do, signed, approved, put into force and taken back. One file a verb.
