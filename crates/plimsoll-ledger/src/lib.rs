//! (opening paragraph follows)
