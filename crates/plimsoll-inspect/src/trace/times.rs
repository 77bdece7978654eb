//! Whether the user chose a time: their words hold its day and its hour, or leave the hour open.
//!
//! - A day is chosen when the user said it. A year they left out is that of a trusted current date, or
//!   the one year that all their other dates name; otherwise it is unknown.
//! - A time of day is chosen when the user said it. When none of their words says any, they left the
//!   hour open, and a time on a day of theirs is chosen.
//! - An end is chosen when the start is and the user said how long; or when they said neither how long
//!   nor another time, so that they left the end open, and it is within a day of the start.

use plimsoll_core::{ArgumentOrigin, ArgumentRole, Integrity, Origin, SpanKind};

use super::arguments::Leaf;
use super::moment::{Day, Moment, Times};
use super::prepared::Prepared;

/// An end that the user left open is no further from the start, in minutes.
const OPEN_MAX: u32 = 24 * 60;

/// What the user said about time.
#[derive(Debug, Default)]
pub(super) struct Said {
    times: Times,
    /// The span in which a day, or else anything about time, was said last.
    span: Option<u32>,
    /// The years that a day without one may have.
    years: Years,
}

#[derive(Debug, Default)]
struct Years {
    today: Option<Day>,
    said: Option<u16>,
}

impl Years {
    /// Whether a day that the user said is this one.
    fn completes(&self, said: Day, day: Day) -> bool {
        if !said.recurs(day) {
            return false;
        }
        match (said.year.or(self.said), self.today) {
            (Some(year), _) => day.year == Some(year),
            (None, Some(today)) => {
                let next = (said.month, said.day) < (today.month, today.day);
                day.year == today.year || (next && day.year == today.year.map(|year| year + 1))
            }
            (None, None) => false,
        }
    }
}

impl Prepared<'_> {
    /// What the user said about time; read once.
    pub(super) fn said(&self) -> &Said {
        self.found.said.get_or_init(|| {
            let mut said = Said::default();
            for span in self.spans.iter().filter(|span| span.is_users()) {
                let times = Times::read(&String::from_utf8_lossy(&span.text.folded));
                if !times.days.is_empty() || (said.span.is_none() && times != Times::default()) {
                    said.span = Some(span.span.index);
                }
                said.times.days.extend(times.days);
                said.times.clocks.extend(times.clocks);
                said.times.lasting.extend(times.lasting);
            }
            let mut years: Vec<u16> = said.times.days.iter().filter_map(|day| day.year).collect();
            years.sort_unstable();
            years.dedup();
            said.years = Years {
                said: if let [year] = years[..] { Some(year) } else { None },
                today: if years.len() > 1 { None } else { self.today() },
            };
            said
        })
    }

    /// The current date, where something trusted says it and nothing trusted says another.
    fn today(&self) -> Option<Day> {
        let mut days = Vec::new();
        for span in &self.spans {
            if span.span.kind == SpanKind::System && span.is_spoken() {
                days.extend(Times::read(&String::from_utf8_lossy(&span.text.folded)).days);
            } else if span.was_asked_nothing()
                && let Some(only) = span.records().and_then(|records| records.only())
                && self.is_the_answer(span, only)
            {
                days.extend(Moment::parse(span.value(only)).and_then(|moment| moment.day));
            }
        }
        days.retain(|day| day.year.is_some());
        days.dedup();
        if let [today] = days[..] { Some(today) } else { None }
    }

    /// Marks the times that the user chose.
    pub(super) fn mark_times(&self, leaves: &[Leaf<'_>], origins: &mut [ArgumentOrigin]) {
        let times: Vec<(usize, Moment)> = (leaves.iter().enumerate())
            .filter(|(_, leaf)| leaf.role == ArgumentRole::Time)
            .filter_map(|(n, leaf)| Some((n, Moment::parse(leaf.value.as_str()?)?)))
            .collect();
        if times.is_empty() {
            return;
        }
        let said = self.said();
        for (n, moment) in &times {
            if said.is_chosen(*moment) {
                said.mark(&mut origins[*n]);
            }
        }
        let starts: Vec<Moment> =
            (times.iter()).filter(|(n, _)| origins[*n].chosen).map(|(_, at)| *at).collect();
        for (n, end) in &times {
            if !origins[*n].chosen && starts.iter().any(|start| said.ends(*start, *end)) {
                said.mark(&mut origins[*n]);
            }
        }
    }
}

impl Said {
    fn is_chosen(&self, moment: Moment) -> bool {
        let day =
            moment.day.is_some_and(|day| self.times.days.iter().any(|said| self.years.completes(*said, day)));
        match (moment.day, moment.clock) {
            (_, _) if moment.offset.is_some() => false,
            (Some(_), None) => day,
            (Some(_), Some(clock)) => {
                day && (self.times.clocks.is_empty() || self.times.clocks.contains(&clock))
            }
            (None, Some(clock)) => self.times.clocks.contains(&clock),
            (None, None) => false,
        }
    }

    /// Whether what began at a chosen time may end then.
    fn ends(&self, start: Moment, end: Moment) -> bool {
        let Some(minutes) = start.minutes_until(end).filter(|minutes| *minutes > 0) else { return false };
        let open = self.times.lasting.is_empty()
            && self.times.clocks.iter().all(|clock| Some(*clock) == start.clock);
        self.times.lasting.contains(&minutes) || (open && minutes <= OPEN_MAX)
    }

    fn mark(&self, origin: &mut ArgumentOrigin) {
        let Some(span) = self.span else { return };
        origin.chosen = true;
        origin.authored = false;
        origin.unknown = false;
        origin.integrity = origin.integrity.max(Integrity::User);
        let place = Origin {
            span,
            source: "user".to_owned(),
            integrity: Integrity::User,
            whole: true,
            field: None,
            lent_by: None,
            of: None,
        };
        match origin.found.iter_mut().find(|found| found.span == span) {
            Some(found) => *found = place,
            None => origin.found.push(place),
        }
    }
}
