//! Sources of documents: which passages somebody gets, how many, what they are believed and how long they stay.

use plimsoll_core::Readers;
use serde_json::{Value, json};

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, added, both, ticked, time};
use crate::model::Source;

/// What changed, under which key of the file, and what it means before and after.
type Told = (&'static Rule, String, String, Value, Value);

impl Diffing<'_> {
    pub(super) fn sources(&mut self) {
        let (base, head) = (self.base, self.head);
        for (id, was, is) in both(&base.sources, &head.sources) {
            let file = format!("sources/{id}.yaml");
            let found = match (was, is) {
                (Some(was), Some(is)) => {
                    self.source(&file, was, is);
                    continue;
                }
                (None, Some(new)) => {
                    let what =
                        format!("the source `{id}` is new: {} of `{}`", passages(new.k), new.collection);
                    let place = self.at_head.whole(&file);
                    Change::new(&rules::SOURCE_NEW, &[id], place, what, json!(null), sense(new))
                }
                (_, None) => {
                    let place = self.at_base.whole(&file);
                    let what = format!("the source `{id}` is gone");
                    Change::new(&rules::SOURCE_GONE, &[id], place, what, json!(true), json!(null))
                }
            };
            self.tell(found);
        }
    }

    fn source(&mut self, file: &str, was: &Source, is: &Source) {
        let id = &is.id;
        let mut found: Vec<Told> = Vec::new();
        if was.owner.trim() != is.owner.trim() {
            let what = format!("\"{}\" answers for `{id}`, not \"{}\"", is.owner.trim(), was.owner.trim());
            let (was, is) = (json!(was.owner.trim()), json!(is.owner.trim()));
            found.push((&rules::SOURCE_OWNER, "/owner".to_owned(), what, was, is));
        }
        if was.collection != is.collection {
            let what =
                format!("`{id}` returns documents of `{}`, not of `{}`", is.collection, was.collection);
            let (was, is) = (json!(was.collection), json!(is.collection));
            found.push((&rules::COLLECTION, "/collection".to_owned(), what, was, is));
        }
        if was.k != is.k {
            let rule = if is.k > was.k { &rules::PASSAGES } else { &rules::PASSAGES_DOWN };
            let what = format!("a question to `{id}` returns up to {}, not {}", passages(is.k), was.k);
            found.push((rule, "/k".to_owned(), what, json!(was.k), json!(is.k)));
        }
        found.extend(tenant(was, is));
        found.extend(roles(was, is));
        found.extend(equals(was, is));
        found.extend(worth(was, is));
        found.extend(classes(was, is));
        found.extend(retention(was, is));
        for (rule, key, what, was, is) in found {
            // What is gone stands in BASE only.
            let place = if is.is_null() { self.was_at(file, &key) } else { self.at(file, &key) };
            let part = key.trim_start_matches('/');
            self.tell(Change::new(rule, &[id, part], place, what, was, is));
        }
        let place = self.at(file, "/readers");
        let rules = [&rules::SOURCE_READERS, &rules::SOURCE_READERS_DOWN];
        let (was, is) = (only(&was.label.readers), only(&is.label.readers));
        let readers = self.readers(rules, &place, id, &was, &is);
        self.changes.extend(readers);
    }
}

fn tenant(was: &Source, is: &Source) -> Option<Told> {
    let id = &is.id;
    let (rule, what) = match (&was.filter.tenant, &is.filter.tenant) {
        (was, is) if was == is => return None,
        (Some(was), None) => (
            &rules::FILTER,
            format!("passages of `{id}` are for every tenant, not only for that of their `{was}`"),
        ),
        (None, Some(is)) => {
            (&rules::FILTER_DOWN, format!("passages of `{id}` are only for the tenant of their `{is}`"))
        }
        (Some(was), Some(is)) => (
            &rules::SOURCE,
            format!("passages of `{id}` are for the tenant of their `{is}`, not of their `{was}`"),
        ),
        (None, None) => return None,
    };
    Some((rule, "/filter/tenant".to_owned(), what, json!(was.filter.tenant), json!(is.filter.tenant)))
}

/// An empty list asks for no role.
fn roles(was: &Source, is: &Source) -> Option<Told> {
    let id = &is.id;
    let (was, is) = (&was.filter.roles, &is.filter.roles);
    let (gained, lost) = (added(was, is), added(is, was));
    let (rule, what) = match (was.is_empty(), is.is_empty()) {
        _ if was == is => return None,
        (_, true) => (&rules::FILTER, format!("`{id}` needs no role any more, not {}", ticked(lost))),
        (true, _) => {
            (&rules::FILTER_DOWN, format!("`{id}` returns nothing without the role {}", ticked(gained)))
        }
        _ if !gained.is_empty() => (
            &rules::FILTER,
            format!("principals with the role {} get passages of `{id}` too", ticked(gained)),
        ),
        _ => (
            &rules::FILTER_DOWN,
            format!("principals with the role {} get no passages of `{id}` any more", ticked(lost)),
        ),
    };
    Some((rule, "/filter/roles".to_owned(), what, json!(was), json!(is)))
}

fn equals(was: &Source, is: &Source) -> Vec<Told> {
    let id = &is.id;
    let mut found = Vec::new();
    for (field, was, is) in both(&was.filter.equals, &is.filter.equals) {
        let (rule, what) = match (was, is) {
            (was, is) if was == is => continue,
            (Some(was), None) => {
                (&rules::FILTER, format!("passages of `{id}` no longer need `{field}` to be {was}"))
            }
            (None, Some(is)) => {
                (&rules::FILTER_DOWN, format!("passages of `{id}` need `{field}` to be {is}"))
            }
            (Some(was), Some(is)) => {
                (&rules::SOURCE, format!("passages of `{id}` need `{field}` to be {is}, not {was}"))
            }
            (None, None) => continue,
        };
        let key = crate::yaml::pointer(["filter", "equals", field]);
        found.push((rule, key, what, json!(was), json!(is)));
    }
    found
}

fn worth(was: &Source, is: &Source) -> Option<Told> {
    let (old, new) = (was.label.integrity, is.label.integrity);
    let rule = match new.cmp(&old) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => &rules::SOURCE_LABEL,
        std::cmp::Ordering::Less => &rules::SOURCE_LABEL_DOWN,
    };
    let what = format!("passages of `{}` are {}, not {}", is.id, new.name(), old.name());
    Some((rule, "/label".to_owned(), what, json!(old), json!(new)))
}

fn classes(was: &Source, is: &Source) -> Vec<Told> {
    let id = &is.id;
    let key = |class: &str| crate::yaml::pointer(["label", "data_classes", class]);
    let gone = added(&is.label.classes, &was.label.classes).into_iter().map(|class| {
        let what = format!("passages of `{id}` are no longer said to hold {class} data");
        (&rules::SOURCE_CLASS, key(class), what, json!(class), json!(null))
    });
    let new = added(&was.label.classes, &is.label.classes).into_iter().map(|class| {
        let what = format!("passages of `{id}` hold {class} data");
        (&rules::SOURCE_CLASS_UP, key(class), what, json!(null), json!(class))
    });
    gone.chain(new).collect()
}

fn retention(was: &Source, is: &Source) -> Option<Told> {
    let (old, new) = (was.retention_s, is.retention_s);
    if old == new {
        return None;
    }
    let longer = new.unwrap_or(u64::MAX) > old.unwrap_or(u64::MAX);
    let rule = if longer { &rules::SOURCE_KEPT } else { &rules::SOURCE_KEPT_DOWN };
    let word = |kept: Option<u64>| kept.map_or_else(|| "without an end of its own".to_owned(), time);
    let what = format!("passages of `{}` may be kept {}, not {}", is.id, word(new), word(old));
    Some((rule, "/retention".to_owned(), what, json!(old), json!(new)))
}

/// What an approval of a new source is of.
fn sense(new: &Source) -> Value {
    let filter = json!([new.filter.tenant, new.filter.roles, new.filter.equals]);
    json!([new.collection, new.k, filter, new.label, new.retention_s])
}

fn passages(k: u32) -> String {
    format!("{k} {}", if k == 1 { "passage" } else { "passages" })
}

/// Nobody is named where anyone may read.
fn only(readers: &Readers) -> std::collections::BTreeSet<String> {
    match readers {
        Readers::Anyone => std::collections::BTreeSet::new(),
        Readers::Only(names) => names.clone(),
    }
}
